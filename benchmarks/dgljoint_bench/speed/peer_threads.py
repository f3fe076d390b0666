"""Threads as other libraries hold them in memory: one a time, ready to be batched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import FeatureOptions
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.nn import SparseRows
from dgljoint.tasks.targets import Question


@dataclass(frozen=True, eq=False)
class Words:
    """Weighted words of some posts, a row a post.

    Attributes:
        columns: (nnz,) int64.
        values: (nnz,) float32.
        sizes: (n,) int64 words of each post.
    """

    columns: Tensor
    values: Tensor
    sizes: Tensor

    def root(self) -> Words:
        """Return the first row alone."""
        end = int(self.sizes[0])
        return Words(self.columns[:end], self.values[:end], self.sizes[:1])


@dataclass(frozen=True, eq=False)
class Thread:
    """One thread of n posts.

    Attributes:
        edges: (2, n - 1) int64 parent over child.
        words: of its posts.
        label: its class.
    """

    edges: Tensor
    words: Words
    label: int

    @property
    def posts(self) -> int:
        """Number of posts."""
        return len(self.words.sizes)

    def dense(self, width: int) -> Tensor:
        """Return the words as (n, width) float32."""
        rows = torch.zeros(self.posts, width)
        row = torch.arange(self.posts).repeat_interleave(self.words.sizes)
        rows[row, self.words.columns] = self.words.values
        return rows


def threads_of(
    store: CascadeStore, chosen: NDArray[np.int64], words: str, options: FeatureOptions
) -> tuple[list[Thread], int]:
    """Return threads, words weighted as dgljoint does, and the number of words.

    Args:
        store: where they are.
        chosen: positions in the store; words are fitted on these.
        words: name of the sparse feature.
        options: of the features.
    """
    space = FeatureSpace.fit(store, chosen, options)
    columns = store.read(chosen)
    rows = space.read(columns, nothing_asked(columns))[words]
    if not isinstance(rows, SparseRows):
        raise TypeError(f"feature '{words}' is not sparse")
    return list(_cut(store, columns, rows)), rows.width


def nothing_asked(columns: CascadeColumns) -> Question:
    """Observe everything and ask for nothing."""
    none = np.empty(0, np.int64)
    return Question(np.zeros(len(columns.parent), bool), np.stack((none, none)), none > 0)


def _cut(store: CascadeStore, columns: CascadeColumns, rows: SparseRows) -> Iterator[Thread]:
    sizes = rows.offsets.diff()
    parent = torch.from_numpy(columns.parent)
    ptr = columns.post_ptr.tolist()
    for place, index in enumerate(columns.index):
        first, last = ptr[place], ptr[place + 1]
        start, end = int(rows.offsets[first]), int(rows.offsets[last])
        child = torch.arange(1, last - first)
        yield Thread(
            edges=torch.stack((parent[first + 1 : last] - first, child)),
            words=Words(
                rows.columns[start:end].clone(), rows.values[start:end].clone(),
                sizes[first:last].clone(),
            ),
            label=int(store.label[index]),
        )


def offsets_of(sizes: Tensor) -> Tensor:
    """Return where rows of the given sizes start. Shapes: (n,) to (n,)."""
    return sizes.cumsum(0) - sizes


class WordMap(nn.EmbeddingBag):
    """A linear map of rows of words that are not made dense."""

    def __init__(self, words: int, width: int) -> None:
        super().__init__(words, width, mode="sum")
        nn.init.xavier_uniform_(self.weight)

    def forward(self, words: Words, *, dropout: float = 0.0) -> Tensor:  # type: ignore[override]  # rows of words, not a bag
        """Map rows, a share of whose entries is dropped. Shapes: n rows to (n, width)."""
        values = functional.dropout(words.values, dropout, self.training)
        mapped: Tensor = super().forward(words.columns, offsets_of(words.sizes), values)
        return mapped
