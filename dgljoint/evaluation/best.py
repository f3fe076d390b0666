"""The scores of the best predictions, where a generator stored them in the cascade file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dgljoint.data.store import CascadeStore, StoredBest
from dgljoint.evaluation.metrics import Index, ParentRanks, PooledPredictions
from dgljoint.evaluation.scores import BEST


def best_of(store: CascadeStore, predictions: PooledPredictions) -> Mapping[str, StoredBest]:
    """Return what is best for the cascades of ``predictions``, by the name of its row.

    It is known for one cut of each cascade: where others were observed, there is nothing.
    """
    posts, _ = _posts(store, predictions.index)
    sizes = store.post_ptr[predictions.index + 1] - store.post_ptr[predictions.index]
    cascade = np.repeat(np.arange(len(sizes)), sizes)
    found = {}
    for kind, best in store.best.items():
        seen = np.bincount(cascade[best.above[posts] < 0], minlength=len(sizes))
        if (seen == predictions.observed).all():
            found[f"{BEST}{kind.replace('_', ' ')}"] = best
    return found


def with_best(
    store: CascadeStore, predictions: PooledPredictions, known: Mapping[str, StoredBest]
) -> PooledPredictions:
    """Add the ranks of the best rankers, by the name of the row, to those of ``predictions``."""
    posts, place = _posts(store, predictions.index)
    ranks = dict(predictions.ranks)
    for row, best in known.items():
        target = posts[best.above[posts] >= 0]
        ranks[row] = ParentRanks(
            best.above[target].astype(np.int64), np.zeros(len(target), np.int64),
            place[best.above[posts] >= 0], best.source[target].astype(np.int64),
        )
    return replace(predictions, ranks=ranks)


def _posts(store: CascadeStore, index: Index) -> tuple[Index, Index]:
    """Return (N,) the positions in the store of some cascades' posts, and in their cascades."""
    starts, sizes = store.post_ptr[index], store.post_ptr[index + 1] - store.post_ptr[index]
    place = np.arange(sizes.sum()) - np.repeat(sizes.cumsum() - sizes, sizes)
    return place + np.repeat(starts, sizes), place
