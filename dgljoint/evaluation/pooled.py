"""Predictions as arrays, pooled over batches: what metrics are computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from dgljoint.evaluation.metrics import ParentRanks, join_ranks

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PooledPredictions:
    """Predictions for B cascades with T targets in all, as plain arrays on the CPU.

    Attributes:
        index: (B,) position of each cascade in the store.
        label: (B,) class, -1 for none.
        logits: (B, C) of the rumor head; -inf for a class that is never predicted.
        observed: (B,) number of posts the rumor head read.
        targets: (B,) number of targets; those of a cascade follow one another, in its order.
        ranks: of the T targets' parents, by who ranked them: the model and the trivial guesses.
        not_source: (T,) whether the parent is another post than the source.
        cascade_view: (B, D) the cascade task's view, averaged over the observed posts.
        rumor_view: (B, D) the rumor task's.
    """

    index: Index
    label: Index
    logits: Floats
    observed: Index
    targets: Index
    ranks: Mapping[str, ParentRanks]
    not_source: NDArray[np.bool_]
    cascade_view: Floats
    rumor_view: Floats

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
