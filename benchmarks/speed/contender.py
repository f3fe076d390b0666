"""What is timed: threads as other libraries hold them, and a model over batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import FeatureOptions
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.nn import SparseRows
from dgljoint.tasks.targets import TargetPairs

_LEARNING_RATE = 3e-3


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the published model and its training, the same for all.

    Attributes:
        batch: cascades per step.
        width: of the hidden layers.
        classes: number of labels.
        dropout: share dropped between the convolutions.
    """

    batch: int
    width: int
    classes: int
    dropout: float = 0.5


class Contender(Protocol):
    """One row of the comparison; each method handles all cascades once."""

    def assemble(self) -> None:
        """Make the batches of an epoch and do nothing with them."""

    def epoch(self) -> None:
        """Train one epoch."""

    def inference(self) -> None:
        """Score all cascades in evaluation mode."""


@dataclass(eq=False)
class Published(Contender):
    """The published model on the batches of some library.

    Attributes:
        model: maps a batch of B cascades to (B, C) scores.
        batches: makes those of one pass, each with a (B,) ``label``; in a new order when true.
    """

    model: nn.Module
    batches: Callable[[bool], Iterable[Any]]

    def __post_init__(self) -> None:
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=_LEARNING_RATE, fused=True
        )

    def assemble(self) -> None:
        """Make the batches of an epoch and do nothing with them."""
        for _ in self.batches(True):
            pass

    def epoch(self) -> None:
        """Train one epoch."""
        self.model.train()
        for batch in self.batches(True):
            self._optimizer.zero_grad()
            loss = functional.cross_entropy(self.model(batch), batch.label)
            loss.backward()  # type: ignore[no-untyped-call]  # torch ships it without types
            self._optimizer.step()
            loss.item()  # as every loop that shows its loss and stops when it is not finite

    def inference(self) -> None:
        """Score all cascades in evaluation mode."""
        self.model.eval()
        with torch.inference_mode():
            for batch in self.batches(False):
                self.model(batch).argmax(dim=1)


@dataclass(frozen=True, eq=False)
class Words:
    """Weighted words of some posts, one row per post.

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


class WordMap(nn.EmbeddingBag):
    """A linear map of rows of words that are not made dense."""

    def __init__(self, words: int, width: int) -> None:
        super().__init__(words, width, mode="sum")
        nn.init.xavier_uniform_(self.weight)

    def forward(self, words: Words, *, dropout: float = 0.0) -> Tensor:  # type: ignore[override]  # rows of words, not a bag
        """Map rows, a share of whose entries is dropped. Shapes: n rows to (n, width)."""
        values = functional.dropout(words.values, dropout, self.training)
        mapped: Tensor = super().forward(words.columns, words.sizes.cumsum(0) - words.sizes, values)
        return mapped


def threads_of(
    store: CascadeStore, chosen: NDArray[np.int64], words: str, options: FeatureOptions
) -> tuple[list[Thread], int]:
    """Return threads, their words weighted as dgljoint does, and the number of words.

    Args:
        store: with the cascades.
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


def nothing_asked(columns: CascadeColumns) -> TargetPairs:
    """Observe everything and hide nothing."""
    none = np.empty(0, np.int64)
    return TargetPairs(np.zeros(len(columns.parent), bool), np.stack((none, none)), none > 0)


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
