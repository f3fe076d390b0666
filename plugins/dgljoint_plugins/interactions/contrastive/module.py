"""Contrastive learning between the two views of a cascade."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Interaction, Outputs, Representations, xavier
from dgljoint_plugins.interactions.contrastive import ContrastiveOptions

LOWEST_TEMPERATURE = 0.05
HIGHEST_TEMPERATURE = 1.0
_LOG_BOUNDS = (math.log(LOWEST_TEMPERATURE), math.log(HIGHEST_TEMPERATURE))


class Contrastive(Interaction):
    """Symmetric InfoNCE (van den Oord et al., 2018) over the cascades of a batch.

    The pooled cascade view and rumor view of one cascade are a positive pair, another cascade of
    the same event is no negative. With ``supervised`` every cascade of the same label and another
    event is a positive as well (SupCon: Khosla et al., 2020, equation 2). A learned temperature is
    clipped where it is kept (Radford et al., 2021, arXiv 2103.00020): beyond a bound it has no
    gradient. The projections have two layers (Chen et al., 2020, arXiv 2002.05709).
    """

    def __init__(self, options: ContrastiveOptions, width: int) -> None:
        super().__init__()
        self.options = options
        self.project_cascade = _projection(width, options.width)
        self.project_rumor = _projection(width, options.width)
        xavier(self)
        self.log_temperature = nn.Parameter(
            torch.tensor(options.temperature).log(), requires_grad=options.learn_temperature
        )

    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        """One loss."""
        return {"contrastive": self.options.weight}

    @property
    def temperature(self) -> Tensor:
        """The temperature in use, a scalar in [0.05, 1]."""
        return self.log_temperature.clamp(*_LOG_BOUNDS).exp()

    def losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the loss; 0 for fewer than two cascades that count."""
        if self.training and self.options.learn_temperature:
            with torch.no_grad():
                self.log_temperature.clamp_(*_LOG_BOUNDS)
        cascade = _unit(self.project_cascade(batch.pool(reps.cascade)))
        rumor = _unit(self.project_rumor(batch.pool(reps.rumor)))
        label, event = batch.label, batch.event
        if self.options.supervised:
            kept = label >= 0
            cascade, rumor, label, event = cascade[kept], rumor[kept], label[kept], event[kept]
        if len(cascade) < 2:
            return {"contrastive": (cascade.sum() + rumor.sum()) * 0}
        positive = torch.eye(len(label), dtype=torch.bool, device=label.device)
        if self.options.supervised:
            positive |= (label[:, None] == label) & (event[:, None] != event)
        similarity = cascade @ rumor.T / self.temperature
        loss = (
            self._one_way(similarity, positive, event)
            + self._one_way(similarity.T, positive, event)
        ) / 2
        disagreement = 1 - (cascade * rumor).sum(1).mean()
        return {"contrastive": loss + self.options.agreement * disagreement}

    def _one_way(self, similarity: Tensor, positive: Tensor, event: Tensor) -> Tensor:
        negative = (event[:, None] != event) & ~positive
        if self.options.negatives:
            negative = _draw(negative, self.options.negatives)
        logits = similarity.masked_fill(~(positive | negative), float("-inf"))
        log_probability = logits.log_softmax(1).masked_fill(~positive, 0)
        return -(log_probability.sum(1) / positive.sum(1)).mean()


def _projection(width: int, size: int) -> nn.Module:
    """Make two layers: what the loss alone needs is made and lost in them, not in the views."""
    return nn.Sequential(nn.Linear(width, size), nn.ReLU(), nn.Linear(size, size))


def _unit(x: Tensor) -> Tensor:
    return nn.functional.normalize(x.float(), dim=1)


def _draw(allowed: Tensor, count: int) -> Tensor:
    """Keep ``count`` of the true entries of each row, at random; all where there are fewer."""
    key = torch.rand(allowed.shape, device=allowed.device).masked_fill(~allowed, -1)
    kept = torch.zeros_like(allowed)
    kept.scatter_(1, key.topk(min(count, allowed.shape[1]), dim=1).indices, True)
    return kept & allowed
