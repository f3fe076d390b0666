"""The record a reader yields: one cascade as columns, not as one object per post."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from dgljoint.errors import DataError


class Kind(IntEnum):
    """How a post entered the cascade."""

    SOURCE = 0
    REPLY = 1
    RETWEET = 2
    QUOTE = 3


# One label for a cascade, or one for each of its posts.
Target = str | None | Sequence[str | None]
_TARGET_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
# Not in the hot path: NumPy asks an enumeration for attributes, which is slow.
_LAST_KIND = int(max(Kind))


@dataclass(frozen=True, slots=True, eq=False)
class SparseBlock:
    """A sparse feature of the N posts of one cascade, in CSR form.

    Attributes:
        indptr: (N+1,) int64 from 0.
        indices: (nnz,) int32 columns.
        values: (nnz,) float32.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RowBlock:
    """A dense feature that only some of the N posts of one cascade have.

    Attributes:
        index: (K,) int64 positions in the cascade of the posts that have a row, ascending.
        rows: (K, F) float16 or float32.
    """

    index: NDArray[np.int64]
    rows: NDArray[Any]


Block = SparseBlock | RowBlock | NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """What the best scorer of a kind predicts for one cascade of N posts, where that is known.

    A generator knows it from its own probabilities, for a cut after some first posts. Nothing that
    makes a batch reads it; tables show its scores next to the model's.

    Attributes:
        probability: (C,) of the reader's classes, by what is observed.
        above: (N,) int32, for each post after the cut the number of earlier posts that are
            likelier to be its parent than its parent is; -1 for an observed post.
        source: (N,) int8, the source next to the parent: 1 likelier, 0 the same, -1 less likely;
            for an observed post it means nothing.
    """

    probability: NDArray[np.float64]
    above: NDArray[np.int32]
    source: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Cascade:
    """A source post and everything that followed, in time order.

    The invariant, checked by :meth:`check` and relied upon everywhere: post 0 is the source
    (``parent[0] == -1``), every other post is after its parent (``0 <= parent[i] < i``), and
    ``delay_seconds`` starts at 0 and never falls.

    Attributes:
        id: unique within the data set.
        event: posts about one happening share it; ``""`` when unknown (the cascade then counts
            as an event of its own).
        label: one of the reader's ``label_names``, or ``None``.
        posted_at: the source's time in Unix seconds; 0 when unknown. Never a feature.
        post_id: ids of the N posts; unique only together with ``user``.
        parent: (N,) int32.
        user: (N,) int64; 0 when unknown. Never a feature.
        delay_seconds: (N,) float64 since the source.
        kind: (N,) uint8, values of :class:`Kind`.
        text: N texts; ``""`` where a post has none of its own.
        features: what else the raw data hold of the posts, by name: (N, F) float16 or
            float32 arrays, row blocks where only some posts have a row, or sparse blocks, raw.
            Every cascade of a reader has the same names.
        targets: labels of other tasks, by name: one for the cascade, or one for each of the N
            posts; ``None`` for none. They are stored and never become features.
        best: the best predictions, by their kind: ``possible`` is shown as "best possible". Every
            cascade of a reader has the same kinds.
    """

    id: str
    event: str
    label: str | None
    posted_at: int
    post_id: Sequence[str]
    parent: NDArray[np.int32]
    user: NDArray[np.int64]
    delay_seconds: NDArray[np.float64]
    kind: NDArray[np.uint8]
    text: Sequence[str]
    features: Mapping[str, Block] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    best: Mapping[str, Best] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.parent)

    def check(self) -> None:
        """Raise :class:`DataError` unless the invariant holds."""
        count = len(self.parent)
        columns = (self.post_id, self.user, self.delay_seconds, self.kind, self.text)
        if count == 0 or any(len(column) != count for column in columns):
            raise DataError(f"cascade {self.id}: columns are empty or of unequal lengths")
        if not parents_precede(self.parent, np.array([0, count])):
            raise DataError(f"cascade {self.id}: a post is not after its parent")
        delay = self.delay_seconds
        if delay[0] != 0 or not np.isfinite(delay).all() or (np.diff(delay) < 0).any():
            raise DataError(f"cascade {self.id}: delays are not in time order from 0")
        if self.kind.max() > _LAST_KIND:
            raise DataError(f"cascade {self.id}: a post is of an unknown kind")
        for name, value in self.targets.items():
            _check_target(self.id, name, value, count)
        for name, best in self.best.items():
            if not _TARGET_NAME.fullmatch(name):
                raise DataError(f"cascade {self.id}: best {name!r} cannot be stored so named")
            if len(best.above) != count or len(best.source) != count:
                raise DataError(f"cascade {self.id}: best {name} is not of {count} posts")


def per_post(value: Target) -> TypeGuard[Sequence[str | None]]:
    """Return whether a target gives a label to each post and not one to the cascade."""
    return value is not None and not isinstance(value, str)


def _check_target(cascade: str, name: str, value: Target, posts: int) -> None:
    if not _TARGET_NAME.fullmatch(name):
        raise DataError(f"cascade {cascade}: target {name!r} cannot be stored under this name")
    labels = value if per_post(value) else [value]
    if per_post(value) and len(value) != posts:
        raise DataError(f"cascade {cascade}: target {name} has {len(value)} labels, {posts} posts")
    if not all(label is None or (isinstance(label, str) and label) for label in labels):
        raise DataError(f"cascade {cascade}: target {name} has a label that is no text")


def parents_precede(parent: NDArray[np.integer], post_ptr: NDArray[np.integer]) -> bool:
    """Return whether every cascade's first post is its only source and all parents come earlier.

    ``parent`` (N,) are indices inside the cascade, -1 for a source; ``post_ptr`` is (C+1,).
    """
    starts = post_ptr[:-1]
    position = np.arange(len(parent)) - np.repeat(starts, np.diff(post_ptr))
    expected_source = position == 0
    return bool(
        ((parent == -1) == expected_source).all() and (parent >= -1).all()
        and (parent < position)[~expected_source].all()
    )
