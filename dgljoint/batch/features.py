"""From stored and derived features to the model's input; fitted on training cascades only.

Ids, users and absolute times are never among them. Of the features that are computed when a batch
is made, ``time`` is known when a post arrives, and ``structure`` counts observed edges alone: no
hidden edge is in any of its columns. A post whose edge is hidden is a tree of its own, of one post.
``shape`` is one row per cascade, of its observed posts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgljoint._internal.text import did_you_mean
from dgljoint.batch.derived import DERIVED, OF_CASCADES
from dgljoint.config.run_config import FeatureOptions
from dgljoint.data.observation import EVERYTHING, Observation
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint.ops.sparse import SomeRows, SparseRows
from dgljoint.tasks.targets import TargetPairs

# Posts of the training set that are read at a time.
_STRETCH_POSTS = 1 << 16
# Up to so many words of all posts together are weighted once and kept, in 50 megabytes; of a larger
# store those of each batch anew, so that memory is bounded.
_MOST_ENTRIES = 1 << 22
# Deviations from the mean that a number of a cascade is taken to have at most: a linear map has
# nothing else that would stop an outlier.
_FARTHEST = 4.0

Index = NDArray[np.int64]
Rows = NDArray[np.float32]
# Weighted words of some posts: (nnz,) columns and values, (n+1,) offsets.
_Entries = tuple[Index, Rows, Index]


@dataclass(frozen=True, slots=True, eq=False)
class _Words:
    """The new column (V,) of each stored one, -1 for one left out, and the factor of each (K,)."""

    column: Index
    weight: Rows


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    """Mean and deviation (F,) of the columns of a feature."""

    mean: Rows
    deviation: Rows

    def of(self, rows: NDArray[Any]) -> Rows:
        scaled: Rows = (rows.astype(np.float32) - self.mean) / self.deviation
        return scaled

    def state(self) -> dict[str, torch.Tensor]:
        return {
            "mean": torch.from_numpy(self.mean), "deviation": torch.from_numpy(self.deviation)
        }

    @classmethod
    def restored(cls, name: str, state: Mapping[str, torch.Tensor]) -> "_Scale":
        scale = cls(state["mean"].numpy(), state["deviation"].numpy())
        if scale.mean.ndim != 1 or scale.mean.shape != scale.deviation.shape:
            raise ValueError(f"feature '{name}'")
        return scale


class FeatureSpace:
    """The features that the model takes in, fitted on the training set.

    ``dense`` and ``sparse`` are the columns of each feature of posts, derived ones being dense,
    ``of_cascades`` those of each feature of cascades, ``source_dense`` those of each stored dense
    feature; ``doubts`` is what cannot be checked where the data are not those of the fit.
    """

    def __init__(
        self, store: CascadeStore, names: Sequence[str], words: Mapping[str, _Words],
        scales: Mapping[str, _Scale], of_cascades: Mapping[str, _Scale],
        doubts: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._words = dict(words)
        self._all: dict[str, _Entries] = {}
        self._scales = dict(scales)
        self._cascade_scales = dict(of_cascades)
        self._derived = {name: DERIVED[name] for name in names if name in DERIVED}
        self.names = tuple(names)
        self.sparse = {name: len(kept.weight) for name, kept in words.items()}
        self.dense = {name: len(derived.columns) for name, derived in self._derived.items()}
        self.source_dense = {name: len(scale.mean) for name, scale in scales.items()}
        self.dense |= self.source_dense
        self.of_cascades = {name: len(scale.mean) for name, scale in of_cascades.items()}
        self.doubts = tuple(doubts)

    @classmethod
    def fit(
        cls, store: CascadeStore, train: Index, options: FeatureOptions,
        observation: Observation | None = None,
    ) -> "FeatureSpace":
        """Choose words and scales by the cascades of the training set and nothing else.

        Features of cascades are scaled as ``observation`` shows them, not drawn; by default whole.
        """
        names = choose_features(store, options.use)
        kinds = {name: store.features.get(name) for name in names}
        words = {
            name: _fit_words(store, name, train, options)
            for name in names if kinds[name] == "sparse"
        }
        scales = {name: _fit_scale(store, name, train) for name in names if kinds[name] == "dense"}
        observation = observation or Observation(EVERYTHING)
        of_cascades = {
            name: _fit_cascade_scale(store, name, train, observation)
            for name in names if name in OF_CASCADES
        }
        return cls(store, names, words, scales, of_cascades)

    def state(self) -> dict[str, Any]:
        """Return what was fitted as a tree of tensors and plain values, for :meth:`restored`."""
        sparse = {}
        for name, kept in self._words.items():
            feature = self._store.sparse(name)
            chosen = np.flatnonzero(kept.column >= 0)  # their new columns have this order
            words = feature.vocabulary
            sparse[name] = {
                "columns": feature.columns,
                "chosen": torch.from_numpy(chosen),
                "weight": torch.from_numpy(kept.weight),
                "words": None if words is None else [words[int(column)] for column in chosen],
            }
        reader = self._store.attributes["reader"]
        return {
            "names": list(self.names), "reader": reader, "sparse": sparse,
            "dense": {name: scale.state() for name, scale in self._scales.items()},
            "of_cascades": {name: scale.state() for name, scale in self._cascade_scales.items()},
        }

    @classmethod
    def restored(cls, store: CascadeStore, state: Mapping[str, Any]) -> "FeatureSpace":
        """Apply the ``state`` of a fit to any data with the same features.

        Words are found by their spelling, columns without words by their number. Raises a DataError
        for data that lack a feature, whatever Python does for a state that is none.
        """
        words, scales, doubts = {}, {}, []
        for name, fitted in state["sparse"].items():
            _check_kind(store, name, "sparse")
            words[name] = _found_again(store, name, fitted)
            if fitted["words"] is None and state["reader"] != store.attributes["reader"]:
                doubts.append(
                    f"{store.path}: the columns of '{name}' have no words; that reader "
                    f"'{store.attributes['reader']}' means by them what '{state['reader']}' did "
                    "cannot be checked"
                )
        for name, fitted in state["dense"].items():
            _check_kind(store, name, "dense")
            scale = scales[name] = _Scale.restored(name, fitted)
            _check_width(store, name, store.dense(name).columns, len(scale.mean))
        of_cascades = {
            name: _Scale.restored(name, fitted) for name, fitted in state["of_cascades"].items()
        }
        for name, scale in of_cascades.items():
            if len(scale.mean) != len(OF_CASCADES[name].columns):
                raise ValueError(f"feature '{name}' of {len(scale.mean)} columns")
        unknown = set(state["names"]) - {*words, *scales, *DERIVED, *of_cascades}
        if unknown:
            raise ValueError(f"features {sorted(unknown)}")
        return cls(store, state["names"], words, scales, of_cascades, doubts)

    def read(
        self, columns: CascadeColumns, targets: TargetPairs
    ) -> dict[str, Tensor | SomeRows | SparseRows]:
        """Return every feature of the N posts, by name."""
        features: dict[str, Tensor | SomeRows | SparseRows] = {
            name: self._sparse_rows(name, columns.posts) for name in self._words
        }
        for name, scale in self._scales.items():
            feature = self._store.dense(name)
            index, rows = feature.of(columns.posts)
            scaled = torch.from_numpy(scale.of(rows))
            features[name] = (
                scaled if feature.posts is None else SomeRows(torch.from_numpy(index), scaled)
            )
        for name, derived in self._derived.items():
            features[name] = torch.from_numpy(derived.compute(columns, targets.hidden))
        return features

    def read_cascades(
        self, columns: CascadeColumns, hidden: NDArray[np.bool_]
    ) -> dict[str, Tensor]:
        """Return every feature of the B cascades (B, F), by name; ``hidden`` (N,) is not seen."""
        return {
            name: torch.from_numpy(
                scale.of(OF_CASCADES[name].compute(columns, hidden)).clip(-_FARTHEST, _FARTHEST)
            )
            for name, scale in self._cascade_scales.items()
        }

    def _sparse_rows(self, name: str, posts: Index) -> SparseRows:
        entries = self._all.get(name)
        if entries is None and len(self._store.sparse(name).indices) <= _MOST_ENTRIES:
            entries = self._all[name] = self._weighted(name, np.arange(self._store.posts))
        if entries is None:
            made = self._weighted(name, posts)
        else:
            column, value, offsets = entries
            row, place = _gather(offsets, posts)
            made = column[place], value[place], _offsets(row, len(posts))
        columns, values, starts = map(torch.from_numpy, made)
        return SparseRows(columns, values, starts, width=len(self._words[name].weight))

    def _weighted(self, name: str, posts: Index) -> _Entries:
        """Choose and weight the words of some posts."""
        feature, kept = self._store.sparse(name), self._words[name]
        row, place = _gather(feature.indptr, posts)
        column = kept.column[feature.indices[place]]
        known = column >= 0
        row, column = row[known], column[known]
        value = feature.values[place[known]] * kept.weight[column]
        # Rows of unit length, as in the vector space model.
        length = np.sqrt(np.bincount(row, value * value, minlength=len(posts)))
        length[length == 0] = 1
        value = (value / length[row]).astype(np.float32)
        return column, value, _offsets(row, len(posts))


def _offsets(row: Index, rows: int) -> Index:
    """Return where each of the rows starts and ends, from the row of every entry, ascending."""
    return np.concatenate(([0], np.bincount(row, minlength=rows).cumsum()))


def choose_features(store: CascadeStore, use: Sequence[str]) -> list[str]:
    """Return the features used, all where ``use`` is empty, in the order of the store.

    Derived features come last, and may be named of any store: it holds nothing of them.
    """
    named = {name: "derived" for name in (*DERIVED, *OF_CASCADES) if name in use}
    present = {**store.features, **named}
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


def _stretches(store: CascadeStore, train: Index) -> Iterator[CascadeColumns]:
    """Read the training set piece by piece: it may be larger than memory."""
    sizes = store.post_ptr[train + 1] - store.post_ptr[train]
    cuts = np.flatnonzero(np.diff(sizes.cumsum() // _STRETCH_POSTS)) + 1
    return map(store.read, np.split(train, cuts))


def _fit_words(store: CascadeStore, name: str, train: Index, options: FeatureOptions) -> _Words:
    feature = store.sparse(name)
    vocabulary = feature.columns
    frequency = np.zeros(vocabulary, np.int64)
    for columns in _stretches(store, train):
        row, place = _gather(feature.indptr, columns.posts)
        seen = np.unique(columns.cascade_of[row] * vocabulary + feature.indices[place])
        if vocabulary:
            frequency += np.bincount(seen % vocabulary, minlength=vocabulary)
    by_frequency = np.argsort(-frequency, kind="stable")[: options.words]
    chosen = np.sort(by_frequency[frequency[by_frequency] >= options.min_count])
    column = np.full(vocabulary, -1, np.int64)
    column[chosen] = np.arange(len(chosen))
    weight = np.log((1 + len(train)) / (1 + frequency[chosen])) + 1
    return _Words(
        column, weight.astype(np.float32) if options.idf else np.ones(len(chosen), np.float32)
    )


def _fit_scale(store: CascadeStore, name: str, train: Index) -> _Scale:
    """Fit mean and deviation on the rows that exist in the training set."""
    feature = store.dense(name)
    stretches = _stretches(store, train)
    return _scale_of(feature.columns, (feature.of(columns.posts)[1] for columns in stretches))


def _fit_cascade_scale(
    store: CascadeStore, name: str, train: Index, observation: Observation
) -> _Scale:
    """Fit mean and deviation on the training cascades, as they are observed."""
    derived = OF_CASCADES[name]

    def rows() -> Iterator[Rows]:
        for columns in map(observation.cut, _stretches(store, train)):
            yield derived.compute(columns, np.zeros(len(columns.posts), np.bool_))

    return _scale_of(len(derived.columns), rows())


def _scale_of(width: int, parts: Iterable[NDArray[Any]]) -> _Scale:
    """Return mean and deviation of rows (K, F) in several parts."""
    count, total, squares = 0, np.zeros(width), np.zeros(width)
    for part in parts:
        rows = part.astype(np.float64)
        count += len(rows)
        total += rows.sum(axis=0)
        squares += (rows * rows).sum(axis=0)
    if not count:
        # Nothing is learned of what no training cascade has, so it must be 0: x / inf is.
        return _Scale(np.zeros(width, np.float32), np.full(width, np.inf, np.float32))
    mean = total / count
    variance = squares / count - mean * mean
    # What does not vary has rounding errors for a variance.
    deviation = np.sqrt(np.where(variance > 1e-12 * squares / count, variance, 1))
    return _Scale(mean.astype(np.float32), deviation.astype(np.float32))


def _gather(indptr: Index, rows: Index) -> tuple[Index, Index]:
    """Return, for consecutive CSR rows, each entry's place among ``rows`` and in the data."""
    starts = indptr[rows]
    sizes = indptr[rows + 1] - starts
    row = np.repeat(np.arange(len(rows)), sizes)
    before = np.cumsum(sizes) - sizes
    return row, np.arange(len(row)) + (starts - before)[row]


def _check_kind(store: CascadeStore, name: str, kind: str) -> None:
    found = store.features.get(name, "missing")
    if found != kind:
        raise DataError(
            f"{store.path}: feature '{name}' is {found}, and the model was trained with it as "
            f"{kind}",
            hint=f"build the file with that feature: dgljoint preprocess --features {name}",
        )


def _check_width(store: CascadeStore, name: str, found: int, expected: int) -> None:
    if found != expected:
        raise DataError(
            f"{store.path}: feature '{name}' has {found:,} columns, and the model was trained "
            f"with {expected:,}",
            hint="build the file with the features of the data that the model was trained on",
        )


def _found_again(store: CascadeStore, name: str, fitted: Mapping[str, Any]) -> _Words:
    """Find the words that were kept among the columns that a store has."""
    feature = store.sparse(name)
    chosen, weight, words = fitted["chosen"].numpy(), fitted["weight"].numpy(), fitted["words"]
    known = (chosen >= 0) & (chosen < fitted["columns"])
    if chosen.shape != weight.shape or chosen.ndim != 1 or not known.all():
        raise ValueError(f"feature '{name}'")
    column = np.full(feature.columns, -1, np.int64)
    if words is None:
        _check_width(store, name, feature.columns, fitted["columns"])
        column[chosen] = np.arange(len(chosen))
        return _Words(column, weight)
    if feature.vocabulary is None:
        raise DataError(
            f"{store.path}: the columns of feature '{name}' have no words, and the model knows "
            "words",
            hint="build the file with the features of the data that the model was trained on",
        )
    place = dict(zip(words, range(len(chosen)), strict=True))
    column[:] = [place.get(word, -1) for word in feature.vocabulary.all()]
    if len(place) and not (column >= 0).any():
        raise DataError(
            f"{store.path}: none of the {len(place):,} words of feature '{name}' that the model "
            "knows occurs in it",
            hint="is it of another language, or were its words split differently?",
        )
    return _Words(column, weight)
