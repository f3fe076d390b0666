"""Metrics of the tasks and of their views, from predictions pooled over batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.evaluation.matched import area, class_pairs
from dgljoint.evaluation.matched_pairs import date_matched
from dgljoint.evaluation.scores import (
    ALL,
    MODEL,
    NOT_SOURCE,
    WITHOUT_SOURCE,
    LinkScores,
    RumorScores,
    ViewScores,
)

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

LEVEL = 0.95
MIN_FOR_INTERVAL = 5
"""Fewer things have too few different resamples: an interval would be their range."""
# Numbers that a bootstrap draws at a time: 16 MB of them.
_DRAWN = 1 << 21


@dataclass(frozen=True, slots=True, eq=False)
class ParentRanks:
    """Where the parents of T targets rank among their candidates. Shapes: (T,) each."""

    above: Index  # candidates scored higher than the parent
    tied: Index  # other candidates scored the same
    candidates: Index  # the parent among them; at least 2
    source: Index  # the source next to the parent: 1 scored higher, 0 the same, -1 lower

    def select(self, which: NDArray[np.bool_]) -> ParentRanks:
        """Return the ranks of some targets."""
        return ParentRanks(
            self.above[which], self.tied[which], self.candidates[which], self.source[which]
        )

    def without_source(self) -> ParentRanks:
        """Return the ranks among all candidates but the source, which is no target's parent."""
        return ParentRanks(
            self.above - (self.source > 0), self.tied - (self.source == 0), self.candidates - 1,
            np.full_like(self.source, -1),
        )


def join_ranks(parts: Sequence[ParentRanks]) -> ParentRanks:
    """Concatenate the ranks of several batches."""
    return ParentRanks(
        *(
            np.concatenate([getattr(part, name) for part in parts] or [np.empty(0, np.int64)])
            for name in ("above", "tied", "candidates", "source")
        )
    )


def middle_ranks(ranks: ParentRanks) -> Floats:
    """Return (T,) the rank of each target's parent, from 1; a tie takes the middle rank."""
    found: Floats = 1 + ranks.above + ranks.tied / 2
    return found


def link_scores(ranks: ParentRanks) -> LinkScores:
    """Average over targets; a tie takes the middle rank. There must be a target."""
    rank = middle_ranks(ranks)
    rivals = ranks.candidates - 1
    below = rivals - ranks.above - ranks.tied
    return LinkScores(
        mrr=float((1 / rank).mean()), hits1=float((rank <= 1).mean()),
        hits3=float((rank <= 3).mean()), hits10=float((rank <= 10).mean()),
        auc=float(((below + ranks.tied / 2) / rivals).mean()),
    )


def rumor_scores(
    probability: Floats, label: Index, label_names: Sequence[str], majority: int,
    answerable: NDArray[np.bool_] | None = None, posted_at: Index | None = None,
) -> RumorScores:
    """Score class probabilities.

    A class that can neither be predicted nor occurs has no F1, and macro F1 is without it. One
    that occurs and cannot be predicted has an F1 of 0 and an area of one half. The trivial guess
    always predicts ``majority``; ``answerable`` are the classes that can be predicted;
    ``posted_at`` is in seconds, 0 for an unknown date.

    Shapes: ``probability`` (B, C), rows sum to one; ``label`` (B,); ``answerable`` (C,);
    ``posted_at`` (B,).
    """
    classes = len(label_names)
    dates = np.zeros_like(label) if posted_at is None else posted_at
    with np.errstate(divide="ignore"):
        pairs = class_pairs(np.log(probability), label, dates, label_names)
    guess = probability.argmax(axis=1)
    confusion = np.bincount(label * classes + guess, minlength=classes**2)
    confusion = confusion.reshape(classes, classes)
    f1 = f1_by_class(confusion)
    counted = counted_classes(label, classes, answerable)
    return RumorScores(
        cascades=len(label), accuracy=float((guess == label).mean()),
        macro_f1=float(f1[counted].mean()),
        f1={label_names[n]: float(f1[n]) for n in np.flatnonzero(counted).tolist()},
        auroc=_auroc(probability, label),
        majority=float((label == majority).mean()),
        confusion={
            name: dict(zip(label_names, row, strict=True))
            for name, row in zip(label_names, confusion.tolist(), strict=True)
        },
        auc_date_matched=date_matched(pairs), class_pairs=pairs,
    )


def counted_classes(
    label: Index, classes: int, answerable: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    """Return (C,) which classes count in macro F1: those that occur or can be predicted.

    Shapes: ``label`` (B,), -1 for none.
    """
    occurs = np.bincount(label[label >= 0], minlength=classes) > 0
    return occurs | (np.ones(classes, bool) if answerable is None else answerable)


def f1_by_class(confusion: NDArray[Any]) -> Floats:
    """Return each class's F1, 2 TP / (2 TP + FP + FN); 0 for one neither true nor predicted.

    Shapes: (..., C, C), true class over the class predicted, to (..., C).
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    whole = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    out = np.zeros(whole.shape)
    found: Floats = np.divide(2 * hits, whole, out=out, where=whole > 0)
    return found


def _auroc(probability: Floats, label: Index) -> float | None:
    """Average the one-versus-rest areas of the classes that occur; None for fewer than two."""
    present = np.unique(label)
    if len(present) < 2:
        return None
    return float(np.mean([
        area(probability[label == n, n], probability[label != n, n]) for n in present
    ]))


def view_scores(cascade: NDArray[Any], rumor: NDArray[Any]) -> ViewScores | None:
    """Compare the pooled views of some cascades; ``None`` when there are none.

    Shapes: (B, D) each.
    """
    if not len(cascade):
        return None
    left, right = cascade.astype(np.float64), rumor.astype(np.float64)
    return ViewScores(
        cascades=len(left), cka=linear_cka(left, right), cosine=mean_cosine(left, right)
    )


def linear_cka(x: Floats, y: Floats) -> float | None:
    """Return linear centred kernel alignment, in [0, 1]; ``None`` where a side does not vary.

    For centred columns (Kornblith, Norouzi, Lee & Hinton, 2019, "Similarity of Neural Network
    Representations Revisited", https://arxiv.org/abs/1905.00414, section 3)::

        CKA(X, Y) = |Y' X|^2 / (|X' X| |Y' Y|)          Frobenius norms

    Rotating or scaling either side changes nothing. It is biased upwards where B is not much larger
    than the widths: unrelated views of 80 cascades at width 64 have about 0.44.

    Shapes: ``x`` (B, D), ``y`` (B, E).
    """
    left, right = _centred(x), _centred(y)
    if left is None or right is None:
        return None
    shared = float(((right.T @ left) ** 2).sum())
    return shared / float(np.linalg.norm(left.T @ left) * np.linalg.norm(right.T @ right))


def _centred(x: Floats) -> Floats | None:
    """Centre the columns and scale the whole to norm 1; ``None`` if nothing varies."""
    centred = x - x.mean(axis=0)
    size = np.linalg.norm(centred)
    # What float32 cannot distinguish from a constant is one.
    if size <= np.finfo(np.float32).eps * np.linalg.norm(x):
        return None
    scaled: Floats = centred / size
    return scaled


def mean_cosine(x: Floats, y: Floats) -> float:
    """Return the mean over rows of the cosine of the two sides, in [-1, 1]; a zero row's is 0.

    Shapes: (B, D) each, B at least 1.
    """
    sizes = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    products = (x * y).sum(axis=1)
    return float(np.divide(products, sizes, out=np.zeros_like(sizes), where=sizes > 0).mean())


@dataclass(frozen=True, slots=True, eq=False)
class PooledPredictions:
    """Predictions for B cascades with T targets in all, as plain arrays on the CPU.

    ``ranks`` are those of the T targets' parents, by who ranked them: the model or a trivial guess.
    """

    index: Index  # (B,) position in the store
    label: Index  # (B,) class, -1 for none
    logits: Floats  # (B, C); -inf for a class that is never predicted
    observed: Index  # (B,) number of posts the rumor head read
    targets: Index  # (B,) number of targets; those of a cascade follow one another, in its order
    ranks: Mapping[str, ParentRanks]
    not_source: NDArray[np.bool_]  # (T,) whether the parent is another post than the source
    cascade_view: Floats  # (B, D) averaged over the observed posts
    rumor_view: Floats  # (B, D)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def probability(self) -> Floats:
        """(B, C), rows sum to one."""
        return softmax(self.logits)

    @property
    def answerable(self) -> NDArray[np.bool_]:
        """(C,) whether a class can be predicted: not where no training cascade has it."""
        return np.asarray(np.isfinite(self.logits).all(axis=0))

    @property
    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """By group of targets, (T,) whether a target is of it.

        Without the source, a target that has one more candidate has nothing to choose.
        """
        every, not_source = np.ones_like(self.not_source), self.not_source
        return {
            ALL: every, NOT_SOURCE: not_source,
            WITHOUT_SOURCE: not_source & (self.ranks[MODEL].candidates > 2),
        }

    def ranks_in(self, group: str, ranker: str) -> ParentRanks:
        """Return how one of :attr:`ranks` ranks the parents of a group of targets."""
        found = self.ranks[ranker].select(self.groups[group])
        return found.without_source() if group == WITHOUT_SOURCE else found

    def without(self, classes: Sequence[int]) -> PooledPredictions:
        """Return the same where some classes are never predicted; the others share theirs."""
        if not classes or not len(self):
            return self
        logits = self.logits.copy()
        logits[:, list(classes)] = -np.inf
        return replace(self, logits=logits)

    @property
    def predicted(self) -> Index:
        """(B,) the likeliest class."""
        likeliest: Index = self.probability.argmax(axis=1)
        return likeliest

    @property
    def cascade_of_target(self) -> Index:
        """(T,) place among the B of each target's cascade."""
        return np.repeat(np.arange(len(self)), self.targets)


def softmax(logits: Floats) -> Floats:
    """Return probabilities. Shapes: (B, C) to (B, C)."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability: Floats = raised / raised.sum(axis=1, keepdims=True)
    return probability


def join_predictions(parts: Sequence[PooledPredictions]) -> PooledPredictions:
    """Concatenate the predictions of at least one batch; an empty one may be of any width."""
    some = [part for part in parts if len(part)] or parts[:1]
    first = some[0]
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in some])
        for field in fields(PooledPredictions)
        if field.name != "ranks"
    }
    ranks = {name: join_ranks([part.ranks[name] for part in some]) for name in first.ranks}
    return replace(first, ranks=ranks, **columns)


def no_predictions(classes: int, rankers: Sequence[str]) -> PooledPredictions:
    """Return the predictions of no cascade, for C classes and the rankers of these names."""
    none = np.empty(0, np.int64)
    return PooledPredictions(
        index=none, label=none, logits=np.empty((0, classes)), observed=none, targets=none,
        ranks={name: join_ranks([]) for name in rankers}, not_source=np.empty(0, bool),
        cascade_view=np.empty((0, 0)), rumor_view=np.empty((0, 0)),
    )


def draws(count: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw N of N things with replacement, again and again, for the percentile bootstrap.

    Yields (R', N) how often each is drawn, some resamples at a time: what is added up over a
    resample is a product with this.
    """
    rng = np.random.default_rng(seed)
    at_once = max(1, _DRAWN // count)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = rng.integers(count, size=(rows, count))
        drawn += np.arange(rows)[:, np.newaxis] * count
        times = np.bincount(drawn.ravel(), minlength=rows * count)
        yield times.reshape(rows, count).astype(np.float64)


def sums_by(group: Index, values: Floats) -> Floats:
    """Add up the rows of each group. Shapes: (B,) numbers below G and (B, F), to (G, F)."""
    sums = np.zeros((int(group.max()) + 1, values.shape[1]))
    np.add.at(sums, group, values)
    return sums


def ratio(part: Floats, whole: Floats, empty: float = np.nan) -> Floats:
    """Divide, with ``empty`` where there is nothing to divide by. Shapes: all alike."""
    out = np.full(whole.shape, empty)
    found: Floats = np.divide(part, whole, out=out, where=whole > 0)
    return found


def ends(values: Floats) -> tuple[float, float]:
    """Return the ends of the middle :data:`LEVEL` of the resamples; NaN is left out.

    Shapes: ``values`` (R,), not all NaN.
    """
    low, high = np.nanquantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
