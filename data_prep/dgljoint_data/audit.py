"""What an evaluation on a store would be worth: leaks across a split, each with a figure.

Published figures on Twitter15/16 come from folds in which test threads share their event with
training threads. :func:`audit_store` says what of a split a model could exploit without learning
anything about rumors::

    from dgljoint.store import CascadeStore
    from dgljoint_data.audit import audit_store

    audit = audit_store(CascadeStore(Path("twitter15.h5")), split="random")
    for finding in audit.findings:
        print(finding.severity, finding.check, finding.figure, finding.explanation)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dgljoint.store import CascadeStore
from dgljoint_data import audit_columns, audit_graph, audit_overlap, audit_probes
from dgljoint_data.audit_findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings on one split of one store.

    Attributes:
        path: of the store.
        data: its name.
        split: name of the split.
        grouped_by: what the split says it keeps together; ``""`` for nothing.
        against: name of the other store, if there is one.
        findings: in the order of the checks.
    """

    path: Path
    data: str
    split: str
    grouped_by: str
    against: str | None
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Severity:
        """The gravest severity found."""
        return max(finding.severity for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold."""
        findings = [finding.to_dict() for finding in self.findings]
        plain = {**asdict(self), "path": str(self.path), "findings": findings}
        return plain | {"worst": self.worst.name}


def audit_store(
    store: CascadeStore, split: str = "event", against: CascadeStore | None = None
) -> Audit:
    """Check one split of a store, and what the store shares with another.

    Needs scikit-learn and torch; on Twitter15 it takes some ten seconds a split.

    Args:
        store: to check.
        split: name of a split of it.
        against: another store, for example one to be tested on.

    Raises:
        UsageError: the store has no such split.
    """
    stored = store.split(split)
    findings = [
        *audit_overlap.across_folds(store, stored),
        *(audit_overlap.between_stores(store, against) if against is not None else ()),
        *audit_probes.probes(store, stored),
        audit_columns.class_balance(store, stored),
        audit_columns.time_order(store),
        *audit_columns.stored_features(store),
        audit_graph.hidden_edges(store),
    ]
    return Audit(
        path=store.path,
        data=store.name,
        split=stored.name,
        grouped_by=stored.grouped_by,
        against=None if against is None else against.name,
        findings=tuple(findings),
    )
