"""What an epoch came to."""

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
        learning_rate: at the epoch's last step.
        gradient_norm: mean over the epoch's steps, before clipping.
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
