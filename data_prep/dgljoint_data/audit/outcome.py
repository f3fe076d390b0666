"""The outcome of a check of the audit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any


class Severity(IntEnum):
    """How much a finding harms a metric measured on the split."""

    skipped = -1
    ok = 0
    info = 1
    warning = 2
    error = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: the ``figure`` found, as it is shown, and the ``values`` behind it.

    ``skipped``: the data lack what the check asks for; ``info``: good to know; ``warning``: metrics
    on this split are better than they should be, or of other classes than meant; ``error``: what
    must not be in a store or a batch is there.
    """

    check: str
    severity: Severity
    figure: str
    explanation: str
    values: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold."""
        return asdict(self) | {"severity": self.severity.name}


def not_asked(check: str, why: str) -> Finding:
    """Report why a check cannot be made: that is no good news."""
    return Finding(check, Severity.skipped, "–", f"not asked: {why}")
