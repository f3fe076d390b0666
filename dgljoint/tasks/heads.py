"""The heads and losses of the two tasks: which earlier post is the parent, what is the cascade."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch
from dgljoint.nn.layers import Dropout, xavier
from dgljoint.nn.protocols import CascadeLosses, Outputs
from dgljoint.ops.messages import dot_over_pairs
from dgljoint.ops.sparse import with_rows
from dgljoint.ops.torch_kernels import log_softmax_over_groups
from dgljoint.tasks.link_numbers import ANSWERS, ARRIVED, LinkNumbers

CASCADE = "cascade"
RUMOR = "rumor"
TASKS = (CASCADE, RUMOR)

_KNOTS = 32
_STEP = 0.75  # 32 knots of log2(1 + seconds) reach past 100 days
# Adam moves a number by the learning rate in each step: in these units the kernel crosses its range
# in a few hundred steps.
_KERNEL_UNIT = 10.0
# Of the time since the candidate, the time since its last observed child, and the posts between.
_PAIR_KERNELS = 3


class CascadePredictor(nn.Module):
    """Scores (post, candidate parent) pairs by their cascade views, times and observed counts.

    The score of target v and candidate u is a log intensity of attachment, as in self-exciting
    point processes, where every answer makes further ones likelier and time makes them rarer
    (Crane & Sornette, 2008, https://doi.org/10.1073/pnas.0803685105; for retweets TiDeH of
    Kobayashi & Lambiotte, 2016, https://arxiv.org/abs/1603.09449)::

        s(v, u) = a(h_u) + b(h_v) + g_0(h_v) <Q h_v, K h_u> / sqrt(D)
                  + g_1(h_v) k_1(t_v - t_u) + g_2(h_v) k_2(t_v - c_u) + g_3(h_v) k_3(n_v - n_u - 1)
                  + sum_i [w_i log2(1 + x_i(u)) + k_i(x_i(u))]

    ``c_u`` is when the last observed child of u arrived; without one there is no such term. ``n``
    are numbers of earlier posts: the latest ones attract whatever the pace of a cascade is. ``x``
    are the numbers of :mod:`dgljoint.tasks.link_numbers`, the observed children and whether u is
    the source among them. Each ``k`` is piecewise linear in log2(1 + x), and ``w`` continues it to
    counts that no training cascade has. ``g`` in (0, 2), 1 at the start, is how much likeness,
    times and places count for v: with one kind of post, or one class, each may count more than with
    another. ``b`` cancels in a softmax over candidates and sets the level of a binary loss.

    Where v is observed itself, as no target is, the answers to u may be later than v, or v: the
    terms of answers are left out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.attraction = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self.level = nn.Linear(width, 1)
        self.reach = nn.Linear(width, 1 + _PAIR_KERNELS)
        self.scale = width**-0.5
        xavier(self)
        # Start from similarity: posts that are alike attach, until something else is learned.
        self.key.load_state_dict(self.query.state_dict())
        nn.init.zeros_(self.reach.weight)
        nn.init.zeros_(self.reach.bias)
        numbers = len(ARRIVED) + len(ANSWERS)
        self.kernels = nn.Parameter(torch.zeros(_PAIR_KERNELS + numbers, _KNOTS))
        self.slopes = nn.Parameter(torch.zeros(numbers))

    def forward(self, view: Tensor, pairs: Tensor, numbers: LinkNumbers) -> Tensor:
        """Score (2, P) pairs of a post and an earlier one by their rows of the (N, D) view."""
        child, candidate = pairs
        reach = self._reach(view)
        affinity = dot_over_pairs(pairs, self._query(view, reach), self.key(view))
        arrived, answers = self._attractions(numbers)
        attraction: Tensor = (self.attraction(view).squeeze(1) + arrived)[candidate]
        level: Tensor = self.level(view).squeeze(1)[child]
        since, since_child, between = self._pair_kernels()
        of_since, of_since_child, of_between = reach[child, 1:].unbind(1)
        now, last = numbers.delay_seconds[child], numbers.last_child_seconds[candidate]
        answered = answers[candidate] + of_since_child * since_child.since(now, last)
        passed = (numbers.earlier[child] - numbers.earlier[candidate] - 1).clamp(min=0)
        arrived_since = of_since * since.at(now - numbers.delay_seconds[candidate])
        kernel = arrived_since + of_between * between.at(passed)
        return affinity + attraction + level + answered * numbers.pending[child] + kernel

    def scorer(self, view: Tensor, numbers: LinkNumbers) -> "LinkScorer":
        """Prepare to score tables of pending posts and candidates by a (N, D) view.

        Without gradient, and in float64: rows that are alike must score alike wherever they stand,
        which float32 products do not promise.
        """
        with torch.no_grad():
            head, view = deepcopy(self).double(), view.double()
            one = view.new_ones(len(view), 1)
            arrived, answers = head._attractions(numbers)
            attraction = head.attraction(view) + (arrived + answers).unsqueeze(1)
            since, since_child, between = self._pair_kernels()
            reach = head._reach(view)
            most = numbers.earlier.max() if len(view) else 0
            return LinkScorer(
                child=torch.cat((head._query(view, reach), one, head.level(view)), dim=1),
                candidate=torch.cat((head.key(view), attraction, one), dim=1),
                delay_seconds=numbers.delay_seconds,
                last_child_seconds=numbers.last_child_seconds, earlier=numbers.earlier,
                since=since, since_child=since_child,
                between=between.at(torch.arange(int(most) + 1, device=view.device)),
                reach=reach[:, 1:].float(),
            )

    def _reach(self, view: Tensor) -> Tensor:
        """Return the factors of likeness and pair kernels, 1 at the start: (N, D) to (N, 4)."""
        factors: Tensor = 2 * self.reach(view).sigmoid()
        return factors

    def _query(self, view: Tensor, reach: Tensor) -> Tensor:
        """Return what the keys of a post's candidates are multiplied by. Shapes: to (N, D)."""
        query: Tensor = self.query(view) * (reach[:, :1] * self.scale)
        return query

    def _pair_kernels(self) -> tuple["_Kernel", "_Kernel", "_Kernel"]:
        since, since_child, between = self.kernels[:_PAIR_KERNELS] * _KERNEL_UNIT
        return _Kernel.through(since), _Kernel.through(since_child), _Kernel.through(between)

    def _attractions(self, numbers: LinkNumbers) -> tuple[Tensor, Tensor]:
        """Return what a candidate's numbers and answers add to its scores. Shapes: (N,) each."""
        kernels = self.kernels[_PAIR_KERNELS:] * _KERNEL_UNIT
        columns = zip(self.slopes, kernels, numbers.numbers.unbind(1), strict=True)
        terms = [w * x + _Kernel.through(values).at_logarithm(x) for w, values, x in columns]
        arrived, answers = terms[: len(ARRIVED)], terms[len(ARRIVED) :]
        return torch.stack(arrived).sum(0), torch.stack(answers).sum(0)


@dataclass(frozen=True, eq=False)
class _Kernel:
    """A function of numbers from 0 on: its value at each knot, and the rise to the next."""

    values: Tensor
    rises: Tensor

    @classmethod
    def through(cls, values: Tensor) -> "_Kernel":
        """Interpolate between the values at the knots."""
        return cls(values, values.diff())

    def at(self, number: Tensor) -> Tensor:
        """Interpolate at numbers of float64 or int64; any shape, to the same of float32."""
        # In place: nothing is differentiated by times, and a table of pairs is large.
        return self.at_logarithm(number.to(torch.float32, copy=True).add_(1).log2_(), own=True)

    def at_logarithm(self, logarithm: Tensor, *, own: bool = False) -> Tensor:
        """Interpolate where log2(1 + number) is given; what is ``own`` may be overwritten."""
        place = (logarithm if own else logarithm.clone()).flatten()
        place.div_(_STEP).clamp_(max=_KNOTS - 1.001)
        left = place.int()
        low, rise = self.values.index_select(0, left), self.rises.index_select(0, left)
        return torch.addcmul(low, rise, place.frac_()).view(logarithm.shape)

    def since(self, now: Tensor, then: Tensor) -> Tensor:
        """Interpolate at times from ``then`` to ``now``, 0 where they never began, at -inf.

        What is later than ``now`` counts as now.
        """
        gap = now - then
        return self.at(gap.clamp(min=0)).masked_fill(gap.isinf(), 0)


@dataclass(frozen=True, eq=False)
class LinkScorer:
    """Scores what :class:`CascadePredictor` scores, as tables of posts and candidates.

    All but the time kernels is one product of (N, D+2) rows, in float64 and then rounded to
    float32, so that the score of a pair, and whether two tie, does not depend on the table it is
    in.
    """

    child: Tensor
    candidate: Tensor
    delay_seconds: Tensor
    last_child_seconds: Tensor
    earlier: Tensor
    since: _Kernel
    since_child: _Kernel
    between: Tensor  # (M,) the kernel at 0, 1, ... posts between
    reach: Tensor  # (N, 3) of each post, the factors of the three kernels

    def pairs(self, post: Tensor, candidate: Tensor) -> Tensor:
        """Score pairs. Shapes: (P,) int64 each, to (P,) float32."""
        product = (self.child[post] * self.candidate[candidate]).sum(1)
        now = self.delay_seconds[post]
        passed = self.earlier[post] - self.earlier[candidate] - 1
        since, since_child, between = self.reach[post].unbind(1)
        first = product.float() + since * self.since.at(now - self.delay_seconds[candidate])
        first = first + between * self.between[passed]
        return first + since_child * self.since_child.since(now, self.last_child_seconds[candidate])

    def table(self, post: Tensor, start: int, stop: int) -> Tensor:
        """Score (T,) posts with candidates ``start`` to ``stop``; later ones have no real score."""
        product = self.child[post] @ self.candidate[start:stop].T
        # Of posts that are no candidates the gap is negative; it has no logarithm.
        now = self.delay_seconds[post].unsqueeze(1)
        gap = now - self.delay_seconds[start:stop]
        since, since_child, between = self.reach[post].unsqueeze(2).unbind(1)
        scores = product.float().add_(self.since.at(gap.clamp_(min=0)).mul_(since))
        passed = self.earlier[post].unsqueeze(1) - self.earlier[start:stop] - 1
        scores.add_(self.between[passed.clamp_(min=0)].mul_(between))
        # Few posts have children: only their columns are computed.
        last = self.last_child_seconds[start:stop]
        parents = last.isfinite().nonzero().squeeze(1)
        answered = self.since_child.since(now, last[parents]).mul_(since_child)
        return scores.index_add_(1, parents, answered)

    @property
    def finite(self) -> bool:
        """Whether every score is a number, of float32."""
        bound = self.child.norm(dim=1).max() * self.candidate.norm(dim=1).max()
        kernels = (self.since.values, self.since_child.values, self.between)
        bound = bound + 2 * torch.stack([kernel.abs().max() for kernel in kernels]).sum()
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
