"""The heads and losses of the two tasks: which earlier post is the parent, what is the cascade."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch
from dgljoint.nn.layers import Dropout, xavier
from dgljoint.nn.protocols import CascadeLosses, Outputs
from dgljoint.ops.messages import dot_over_pairs
from dgljoint.ops.sparse import with_rows
from dgljoint.ops.torch_kernels import log_softmax_over_groups

CASCADE = "cascade"
RUMOR = "rumor"
TASKS = (CASCADE, RUMOR)

_GAP_KNOTS = 32
_GAP_STEP = 0.75  # 32 knots of log2(1 + seconds) reach past 100 days
# Adam moves a number by the learning rate in each step: in these units the kernel crosses its range
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
        """Score (2, P) pairs of a post and an earlier one by their rows of the (N, D) view."""
        child, candidate = pairs
        affinity = dot_over_pairs(pairs, self.query(view) * self.scale, self.key(view))
        attraction: Tensor = self.attraction(view).squeeze(1)[candidate]
        level: Tensor = self.level(view).squeeze(1)[child]
        gap = delay_seconds[child] - delay_seconds[candidate]
        return affinity + attraction + level + self._knots().at(gap)

    def scorer(self, view: Tensor, delay_seconds: Tensor) -> "LinkScorer":
        """Prepare to score tables of posts and candidates by a (N, D) view, without gradient."""
        with torch.no_grad():
            one = view.new_ones(len(view), 1, dtype=torch.float64)
            child = (self.query(view) * self.scale, one, self.level(view))
            candidate = (self.key(view), self.attraction(view), one)
            return LinkScorer(
                child=torch.cat([part.double() for part in child], dim=1),
                candidate=torch.cat([part.double() for part in candidate], dim=1),
                delay_seconds=delay_seconds,
                knots=self._knots(),
            )

    def _knots(self) -> "_Knots":
        values = self.kernel * _KERNEL_UNIT
        return _Knots(values, values.diff())


@dataclass(frozen=True, eq=False)
class _Knots:
    """The time kernel: its value at each knot, and the rise to the next."""

    values: Tensor
    rises: Tensor

    def at(self, gap_seconds: Tensor) -> Tensor:
        """Interpolate at gaps of float64; any shape, to the same in the kernel's precision."""
        # In place: nothing is differentiated by times, and a table of pairs is large.
        place = gap_seconds.to(torch.float32, copy=True).flatten()
        place.add_(1).log2_().div_(_GAP_STEP).clamp_(max=_GAP_KNOTS - 1.001)
        left = place.int()
        low, rise = self.values.index_select(0, left), self.rises.index_select(0, left)
        return torch.addcmul(low, rise, place.frac_()).view(gap_seconds.shape)


@dataclass(frozen=True, eq=False)
class LinkScorer:
    """Scores what :class:`CascadePredictor` scores, as tables of posts and candidates.

    All but the time kernel is one product of (N, D+2) rows, in float64 and then rounded to float32,
    so that the score of a pair, and whether two tie, does not depend on the table it is in.
    """

    child: Tensor
    candidate: Tensor
    delay_seconds: Tensor
    knots: _Knots

    def pairs(self, post: Tensor, candidate: Tensor) -> Tensor:
        """Score pairs. Shapes: (P,) int64 each, to (P,) float32."""
        product = (self.child[post] * self.candidate[candidate]).sum(1)
        gap = self.delay_seconds[post] - self.delay_seconds[candidate]
        return product.float() + self.knots.at(gap)

    def table(self, post: Tensor, start: int, stop: int) -> Tensor:
        """Score (T,) posts with candidates ``start`` to ``stop``; later ones have no real score."""
        product = self.child[post] @ self.candidate[start:stop].T
        # Of posts that are no candidates the gap is negative; it has no logarithm.
        gap = self.delay_seconds[post].unsqueeze(1) - self.delay_seconds[start:stop]
        return product.float().add_(self.knots.at(gap.clamp_(min=0)))

    @property
    def finite(self) -> bool:
        """Whether every score is a number, of float32."""
        bound = self.child.norm(dim=1).max() * self.candidate.norm(dim=1).max()
        bound = bound + self.knots.values.abs().max()
        return bool(torch.isfinite(bound.float()))


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


def listwise_loss(logits: Tensor, batch: CascadeBatch) -> Tensor:
    """Return the mean over targets of -log softmax of (P,) logits at the parent, or 0."""
    if batch.targets == 0:
        return logits.sum() * 0
    log_probability = log_softmax_over_groups(logits, batch.pair_group, batch.targets)
    return -log_probability[batch.pair_target].mean()


def binary_loss(logits: Tensor, batch: CascadeBatch) -> Tensor:
    """Return binary cross-entropy of (P,) logits: the parent counts as much as all its rivals."""
    if batch.targets == 0:
        return logits.sum() * 0
    parent = nn.functional.softplus(-logits[batch.pair_target])
    rival = nn.functional.softplus(logits).masked_fill(batch.pair_target, 0)
    summed = logits.new_zeros(batch.targets).index_add(0, batch.pair_group, rival)
    rivals = batch.pair_group.bincount(minlength=batch.targets) - 1
    return (parent + summed / rivals).mean()


LINK_LOSSES: dict[str, Callable[[Tensor, CascadeBatch], Tensor]] = {
    "listwise": listwise_loss,
    "bce": binary_loss,
}


def rumor_loss(logits: Tensor, batch: CascadeBatch, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy of (B, C) logits of the labelled cascades; 0 without any.

    ``smoothing`` is the share of each label that is divided among all classes (Szegedy et al.,
    2016, arXiv 1512.00567).
    """
    labelled = batch.label >= 0
    if not bool(labelled.any()):
        return logits.sum() * 0
    return nn.functional.cross_entropy(
        logits[labelled], batch.label[labelled], label_smoothing=smoothing
    )


def rumor_losses(logits: Tensor, batch: CascadeBatch, smoothing: float = 0.0) -> CascadeLosses:
    """Return the losses whose mean is :func:`rumor_loss`, one per labelled cascade."""
    labelled = batch.label >= 0
    values = nn.functional.cross_entropy(
        logits[labelled], batch.label[labelled], label_smoothing=smoothing, reduction="none"
    )
    return CascadeLosses(values, batch.event[labelled])


def not_asked(batch: CascadeBatch) -> tuple[str, ...]:
    """Name the tasks that a batch has no target or label for: their losses are 0."""
    asked = {CASCADE: batch.targets > 0, RUMOR: bool((batch.label >= 0).any())}
    return tuple(task for task in TASKS if not asked[task])


def task_losses(
    outputs: Outputs, batch: CascadeBatch, link_loss: str, tasks: Sequence[str] = TASKS,
    label_smoothing: float = 0.0,
) -> dict[str, Tensor]:
    """Return the losses of some ``tasks`` by name; ``link_loss`` is a key of LINK_LOSSES."""
    losses: dict[str, Callable[[], Tensor]] = {
        CASCADE: lambda: LINK_LOSSES[link_loss](outputs.link_logits, batch),
        RUMOR: lambda: rumor_loss(outputs.rumor_logits, batch, label_smoothing),
    }
    return {name: losses[name]() for name in tasks}
