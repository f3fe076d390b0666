"""From stored and derived features to what the model takes in; fitted on training cascades only.

Three features are derived when a batch is made, from what is observed then: ``time`` and ``kind``
are known when a post arrives, ``structure`` counts observed edges alone. Ids, users and absolute
times are never among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgljoint.config import FeatureOptions
from dgljoint.nn.batch import SparseRows
from dgljoint.nn.questions import Question
from dgljoint.store import CascadeColumns, CascadeStore

_LOG_DAY = float(np.log1p(86_400))
STRUCTURE = ("depth", "children", "source", "pending")
TIME = ("delay", "since the previous post")


@dataclass(frozen=True, slots=True, eq=False)
class _Words:
    """The kept words of one sparse feature.

    Attributes:
        column: (V,) new column of each stored column, -1 for a word left out.
        weight: (K,) float32 factor of each kept word.
    """

    column: NDArray[np.int64]
    weight: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


class FeatureSpace:
    """What of the stored features the model sees, fitted on the training part.

    Attributes:
        dense: width F of each dense feature, by name.
        sparse: number of columns of each sparse feature, by name.
    """

    def __init__(
        self, store: CascadeStore, words: Mapping[str, _Words], scales: Mapping[str, _Scale]
    ) -> None:
        self._store = store
        self._words = dict(words)
        self._scales = dict(scales)
        self.sparse = {name: len(kept.weight) for name, kept in words.items()}
        self.dense = {"time": len(TIME), "structure": len(STRUCTURE)}
        self.dense |= {name: len(scale.mean) for name, scale in scales.items()}

    @classmethod
    def fit(
        cls, store: CascadeStore, train: NDArray[np.int64], options: FeatureOptions
    ) -> FeatureSpace:
        """Choose words and scales by the cascades of the training part and nothing else."""
        columns = store.read(train)
        words = {}
        scales = {}
        for name, kind in store.features.items():
            if kind == "sparse":
                words[name] = _fit_words(store, name, columns, options)
            else:
                rows = store.dense(name)[columns.posts].astype(np.float32)
                deviation = rows.std(axis=0)
                scales[name] = _Scale(rows.mean(axis=0), np.where(deviation > 0, deviation, 1))
        return cls(store, words, scales)

    def read(self, columns: CascadeColumns, question: Question) -> dict[str, Tensor | SparseRows]:
        """Return every feature of the N posts, by name: dense (N, F) float32 or sparse rows."""
        features: dict[str, Tensor | SparseRows] = {
            name: self._sparse_rows(name, columns.posts) for name in self._words
        }
        for name, scale in self._scales.items():
            rows = self._store.dense(name)[columns.posts].astype(np.float32)
            features[name] = torch.from_numpy((rows - scale.mean) / scale.deviation)
        features["time"] = torch.from_numpy(_time(columns))
        features["structure"] = torch.from_numpy(_structure(columns, question))
        return features

    def _sparse_rows(self, name: str, posts: NDArray[np.int64]) -> SparseRows:
        feature, kept = self._store.sparse(name), self._words[name]
        row, place = _gather(feature.indptr, posts)
        column = kept.column[feature.indices[place]]
        known = column >= 0
        row, column = row[known], column[known]
        value = feature.values[place[known]] * kept.weight[column]
        # Rows of unit length, as in the vector space model: long posts do not shout.
        square = np.bincount(row, value * value, minlength=len(posts))
        value = (value / np.sqrt(square)[row]).astype(np.float32)
        offsets = np.concatenate(([0], np.bincount(row, minlength=len(posts)).cumsum()))
        return SparseRows(
            columns=torch.from_numpy(column),
            values=torch.from_numpy(value),
            offsets=torch.from_numpy(offsets),
            width=len(kept.weight),
        )


def _fit_words(
    store: CascadeStore, name: str, columns: CascadeColumns, options: FeatureOptions
) -> _Words:
    feature = store.sparse(name)
    row, place = _gather(feature.indptr, columns.posts)
    vocabulary = len(feature.vocabulary)
    seen = np.unique(columns.cascade_of[row] * vocabulary + feature.indices[place])
    frequency = np.bincount(seen % vocabulary, minlength=vocabulary) if vocabulary else seen
    by_frequency = np.argsort(-frequency, kind="stable")[: options.words]
    chosen = np.sort(by_frequency[frequency[by_frequency] >= options.min_count])
    column = np.full(vocabulary, -1, np.int64)
    column[chosen] = np.arange(len(chosen))
    cascades = len(columns.index)
    weight = np.log((1 + cascades) / (1 + frequency[chosen])) + 1
    return _Words(
        column, weight.astype(np.float32) if options.idf else np.ones(len(chosen), np.float32)
    )


def _gather(
    indptr: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for CSR rows laid end to end, each entry's place among ``rows`` and in the data."""
    starts = indptr[rows]
    sizes = indptr[rows + 1] - starts
    row = np.repeat(np.arange(len(rows)), sizes)
    before = np.cumsum(sizes) - sizes
    return row, np.arange(len(row)) + (starts - before)[row]


def _time(columns: CascadeColumns) -> NDArray[np.float32]:
    """Return (N, 2) log times on a scale where a day is 1."""
    delay = columns.delay_seconds
    gap = np.diff(delay, prepend=0.0)
    gap[columns.post_ptr[:-1]] = 0
    return (np.log1p(np.stack((delay, gap), axis=1)) / _LOG_DAY).astype(np.float32)


def _structure(columns: CascadeColumns, question: Question) -> NDArray[np.float32]:
    """Return (N, 4) tree positions by observed edges; a pending post is the root of its part."""
    parent = np.where(question.pending, -1, columns.parent)
    has_parent = parent >= 0
    children = np.bincount(parent[has_parent], minlength=len(parent))
    table = (np.log1p(_depth(parent)), np.log1p(children), columns.parent < 0, question.pending)
    return np.stack(table, axis=1).astype(np.float32)


def _depth(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count each node's ancestors by pointer doubling: log2 of the depth rounds over all nodes."""
    # One extra node at the end is everybody's last ancestor and its own.
    ancestor = np.append(np.where(parent < 0, len(parent), parent), len(parent))
    depth = np.append((parent >= 0).astype(np.int64), 0)
    while (ancestor < len(parent)).any():
        depth = depth + depth[ancestor]
        ancestor = ancestor[ancestor]
    return depth[:-1]
