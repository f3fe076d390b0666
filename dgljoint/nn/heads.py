"""The two heads: which earlier post does a post attach to, and what is this cascade."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgljoint.nn.batch import CascadeBatch
from dgljoint.nn.dropout import Dropout
from dgljoint.nn.ops import dot_over_pairs, xavier
from dgljoint.nn.sparse import with_rows

_GAP_KNOTS = 32
_GAP_STEP = 0.75  # 32 knots of log2(1 + seconds) reach past 100 days
# Adam moves a number by the learning rate a step: in these units the kernel crosses its range
# in a few hundred steps.
_KERNEL_UNIT = 10.0


class CascadePredictor(nn.Module):
    """Scores (post, candidate parent) pairs by their cascade views and the time between them.

    The score is a log intensity of attachment, as in self-exciting point processes: the
    candidate's attraction, the kernel of the time gap, and the affinity of the two posts::

        s(v, u) = a(h_u) + b(h_v) + k(t_v - t_u) + <Q h_v, K h_u> / sqrt(D)

    ``b`` cancels in a softmax over candidates and sets the level of a binary loss; ``k`` is
    piecewise linear in the logarithm of the gap.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.attraction = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self.level = nn.Linear(width, 1)
        self.scale = width**-0.5
        xavier(self)
        # Start from similarity: posts that are alike attach, until something else is learned.
        self.key.load_state_dict(self.query.state_dict())
        self.kernel = nn.Parameter(torch.zeros(_GAP_KNOTS))

    def forward(self, view: Tensor, pairs: Tensor, delay_seconds: Tensor) -> Tensor:
        """Score pairs of a post and an earlier post of its cascade.

        Shapes: ``view`` (N, D), ``pairs`` (2, P), ``delay_seconds`` (N,) to (P,).
        """
        child, candidate = pairs
        affinity = dot_over_pairs(pairs, self.query(view) * self.scale, self.key(view))
        attraction: Tensor = self.attraction(view).squeeze(1)[candidate]
        level: Tensor = self.level(view).squeeze(1)[child]
        gap = delay_seconds[child] - delay_seconds[candidate]
        return affinity + attraction + level + self._kernel_at(gap)

    def _kernel_at(self, gap_seconds: Tensor) -> Tensor:
        place = (torch.log2(1 + gap_seconds).float() / _GAP_STEP).clamp(max=_GAP_KNOTS - 1.001)
        left = place.long()
        part = place - left
        kernel = self.kernel * _KERNEL_UNIT
        return kernel[left] * (1 - part) + kernel[left + 1] * part


class RumorDetector(nn.Module):
    """Classifies a cascade by its rumor view: mean and maximum of its posts, and its source."""

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3 * width, width), nn.GELU(), Dropout(dropout), nn.Linear(width, classes)
        )
        xavier(self)

    def forward(self, view: Tensor, batch: CascadeBatch) -> Tensor:
        """Classify. Shapes: ``view`` (N, D) to (B, C)."""
        view, source = with_rows(view, batch.root)
        pooled = torch.cat((batch.pool(view), batch.pool_max(view), source), dim=1)
        logits: Tensor = self.layers(pooled)
        return logits
