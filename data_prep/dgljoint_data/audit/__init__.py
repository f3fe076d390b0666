"""What an evaluation on a store would be worth: leaks across a split, each with a number.

:func:`audit_store` finds what of a split a model could exploit without learning anything about
rumors, such as test threads that share their event with training threads.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dgljoint.data.store import CascadeStore
from dgljoint_data.audit.columns import class_balance, hidden_edges, stored_features, time_order
from dgljoint_data.audit.matched import matched_pairs
from dgljoint_data.audit.outcome import Finding, Severity, not_asked
from dgljoint_data.audit.overlap import Sources, across_folds, in_store
from dgljoint_data.audit.probes import probes

DEFAULT = "event"


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings on one split of one store; ``against`` is the name of another one, if any."""

    path: Path
    data: str
    split: str | None
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
    store: CascadeStore, split: str | None = None, against: CascadeStore | None = None
) -> Audit:
    """Check one split of a store, and what the store shares with another, as one to be tested on.

    The split is by default ``event``, or the first; of a store without any, what needs one is not
    asked. Needs scikit-learn and torch, and on Twitter15 ten seconds. Raise UsageError for no such
    split.
    """
    name = split or split_to_audit(store)
    stored = None if name is None else store.split(name)
    findings = [
        *_missing_split(store, name),
        *([] if stored is None else across_folds(store, stored)),
        *(in_store(Sources.of(store), against) if against is not None else ()),
        *([] if stored is None else [*probes(store, stored), class_balance(store, stored)]),
        time_order(store),
        *([] if stored is None else [matched_pairs(store, stored)]),
        *stored_features(store),
        hidden_edges(store),
    ]
    return Audit(
        path=store.path, data=store.name, split=None if stored is None else stored.name,
        grouped_by="" if stored is None else stored.grouped_by,
        against=None if against is None else against.name, findings=tuple(findings),
    )


def split_to_audit(store: CascadeStore) -> str | None:
    """Return the name of the split that is audited when none is asked for; ``None``: no split."""
    return DEFAULT if DEFAULT in store.splits else next(iter(store.splits), None)


def _missing_split(store: CascadeStore, audited: str | None) -> list[Finding]:
    """Report that the default split was not asked about, and why, where the store lacks it."""
    if DEFAULT in store.splits or audited not in (None, split_to_audit(store)):
        return []
    instead = "no split at all" if audited is None else f"{audited} is audited"
    why = store.splits_refused.get(DEFAULT, "the file has none")
    return [not_asked("split", f"no split '{DEFAULT}' ({why}); {instead}")]
