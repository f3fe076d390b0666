"""What a run tells whoever watches it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of ``metrics.jsonl``.

    Attributes:
        epoch: from 1.
        losses: mean of each raw loss over the epoch's steps.
        weights: mean weight of each loss.
        diagnostics: mean over some of the epoch's steps of ``gradient_cosine``, the cosine of the
            two tasks' gradients over the shared parameters (where both are trained), and of what
            interactions log.
        validation: figures of the validation part by name, the selection score among them as
            ``score``.
        best: whether this epoch's model is the best so far.
        seconds: training and validation together.
    """

    epoch: int
    losses: dict[str, float]
    weights: dict[str, float]
    diagnostics: dict[str, float]
    validation: dict[str, float]
    learning_rate: float
    gradient_norm: float
    best: bool
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


class Progress:
    """Receives events; the default ignores them. A subclass shows them."""

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Training starts: at most ``epochs`` of ``steps`` steps, ``resumed_from`` are done."""

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        """A step of an epoch (both from 1) ended with these raw losses."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch ended."""

    def message(self, text: str) -> None:
        """Something the user should know."""
