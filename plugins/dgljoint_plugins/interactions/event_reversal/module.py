"""An event classifier on the rumor view, behind a reversed gradient."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Interaction, Outputs, Representations, xavier
from dgljoint_plugins.interactions.event_reversal import EventReversalOptions

_STEEPNESS = 10  # the paper's gamma


class EventReversal(Interaction):
    """Domain-adversarial training with events as domains: Ganin et al. (2016), section 4.

    A classifier learns the event of each training cascade from its pooled rumor view. On the way
    back its gradient is multiplied by -s, so that the view is trained against it; s = 2 / (1 +
    exp(-10 p)) - 1 with p the share of the warm-up that has passed, so at first nothing changes.
    """

    steps: Tensor

    def __init__(self, options: EventReversalOptions, width: int) -> None:
        super().__init__()
        self.options = options
        self.classifier = nn.Sequential(
            nn.Linear(width, options.hidden), nn.GELU(), nn.Linear(options.hidden, options.events)
        )
        xavier(self)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        """One loss."""
        return {"event_reversal": self.options.weight}

    @property
    def strength(self) -> float:
        """The share s of the gradient that is passed on, reversed; in [0, 1]."""
        passed = min(1.0, int(self.steps) / self.options.warmup)
        return 2 / (1 + math.exp(-_STEEPNESS * passed)) - 1

    def losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the classifier's loss, and count the step."""
        loss = nn.functional.cross_entropy(*self._classified(reps, batch))
        if self.training:
            self.steps += 1
        return {"event_reversal": loss}

    def diagnostics(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the ``accuracy`` of the event classifier."""
        logits, event = self._classified(reps, batch)
        return {"accuracy": (logits.argmax(1) == event).float().mean()}

    def _classified(self, reps: Representations, batch: CascadeBatch) -> tuple[Tensor, Tensor]:
        """Return logits (B, events) and the classes (B,)."""
        pooled = batch.pool(reps.rumor)
        pooled = _Reversed.apply(pooled, self.strength)  # type: ignore[no-untyped-call]  # torch's
        return self.classifier(pooled), batch.event % self.options.events


class _Reversed(torch.autograd.Function):
    """The identity, whose gradient is multiplied by minus a factor."""

    @staticmethod
    def forward(context: Any, x: Tensor, factor: float) -> Tensor:
        context.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -context.factor * gradient, None
