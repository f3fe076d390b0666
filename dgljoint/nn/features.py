"""From stored and derived features to what the model takes in; fitted on training cascades only.

Which features a model has is chosen by name; ids, users and absolute times are never among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgljoint.config import FeatureOptions
from dgljoint.errors import DataError, UsageError
from dgljoint.nn.batch import SparseRows
from dgljoint.nn.derived import DERIVED
from dgljoint.nn.questions import Question
from dgljoint.store import CascadeColumns, CascadeStore
from dgljoint.suggest import did_you_mean


@dataclass(frozen=True, slots=True, eq=False)
class _Words:
    """The kept columns of one sparse feature: words, mostly.

    Attributes:
        column: (V,) new column of each stored column, -1 for one left out.
        weight: (K,) float32 factor of each kept one.
    """

    column: NDArray[np.int64]
    weight: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


class FeatureSpace:
    """What of the features of the data the model sees, fitted on the training part.

    Attributes:
        names: of the features, in the order of the data.
        dense: width F of each dense feature, by name; derived ones are dense.
        sparse: number of columns of each sparse feature, by name.
    """

    def __init__(
        self, store: CascadeStore, names: Sequence[str], words: Mapping[str, _Words],
        scales: Mapping[str, _Scale],
    ) -> None:
        self._store = store
        self._words = dict(words)
        self._scales = dict(scales)
        self._derived = {name: DERIVED[name] for name in names if name in DERIVED}
        self.names = tuple(names)
        self.sparse = {name: len(kept.weight) for name, kept in words.items()}
        self.dense = {name: len(derived.columns) for name, derived in self._derived.items()}
        self.dense |= {name: len(scale.mean) for name, scale in scales.items()}

    @classmethod
    def fit(
        cls, store: CascadeStore, train: NDArray[np.int64], options: FeatureOptions
    ) -> FeatureSpace:
        """Choose words and scales by the cascades of the training part and nothing else.

        Raises:
            UsageError: a feature is chosen that the data have not.
            DataError: the data have no feature at all.
        """
        names = choose_features(store, options.use)
        columns = store.read(train)
        words = {}
        scales = {}
        for name in names:
            kind = store.features[name]
            if kind == "sparse":
                words[name] = _fit_words(store, name, columns, options)
            elif kind == "dense":
                rows = store.dense(name)[columns.posts].astype(np.float32)
                deviation = rows.std(axis=0)
                scales[name] = _Scale(rows.mean(axis=0), np.where(deviation > 0, deviation, 1))
        return cls(store, names, words, scales)

    def read(self, columns: CascadeColumns, question: Question) -> dict[str, Tensor | SparseRows]:
        """Return every feature of the N posts, by name: dense (N, F) float32 or sparse rows."""
        features: dict[str, Tensor | SparseRows] = {
            name: self._sparse_rows(name, columns.posts) for name in self._words
        }
        for name, scale in self._scales.items():
            rows = self._store.dense(name)[columns.posts].astype(np.float32)
            features[name] = torch.from_numpy((rows - scale.mean) / scale.deviation)
        for name, derived in self._derived.items():
            features[name] = torch.from_numpy(derived.compute(columns, question))
        return features

    def _sparse_rows(self, name: str, posts: NDArray[np.int64]) -> SparseRows:
        feature, kept = self._store.sparse(name), self._words[name]
        row, place = _gather(feature.indptr, posts)
        column = kept.column[feature.indices[place]]
        known = column >= 0
        row, column = row[known], column[known]
        value = feature.values[place[known]] * kept.weight[column]
        # Rows of unit length, as in the vector space model: long posts do not shout.
        length = np.sqrt(np.bincount(row, value * value, minlength=len(posts)))
        length[length == 0] = 1
        value = (value / length[row]).astype(np.float32)
        offsets = np.concatenate(([0], np.bincount(row, minlength=len(posts)).cumsum()))
        return SparseRows(
            columns=torch.from_numpy(column),
            values=torch.from_numpy(value),
            offsets=torch.from_numpy(offsets),
            width=len(kept.weight),
        )


def choose_features(store: CascadeStore, use: Sequence[str]) -> list[str]:
    """Return the names of the features that are used, in the order of the store.

    Args:
        store: that has them.
        use: names chosen; empty for all.

    Raises:
        UsageError: a feature is chosen that the data have not.
        DataError: the data have no feature at all.
    """
    present = store.features
    for name in use:
        if name not in present:
            raise UsageError(
                f"{store.path} has no feature '{name}'", hint=did_you_mean(name, present)
            )
    if not present:
        raise DataError(
            f"{store.path} has no feature", hint="build it again with `dgljoint preprocess`"
        )
    return [name for name in present if name in (use or present)]


def _fit_words(
    store: CascadeStore, name: str, columns: CascadeColumns, options: FeatureOptions
) -> _Words:
    feature = store.sparse(name)
    row, place = _gather(feature.indptr, columns.posts)
    vocabulary = feature.columns
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
