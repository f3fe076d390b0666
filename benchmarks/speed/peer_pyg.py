"""BiGCN in PyTorch Geometric, as its users write it, on dense and on sparse words.

Also what it does for the structure of a batch alone.

The model is that of Bian et al. (2020, arXiv 2001.06362): in each direction two convolutions, the
input of the second enhanced by the source's words, its output by the source's hidden row; the mean
over a thread's posts; a linear map of both directions. The enhancement, a loop over the batch in
the published code, is an index here. No edge is dropped, which saves the peer that work.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .contender import Published, Shape, Thread, WordMap, Words


def installed() -> bool:
    """Return whether PyTorch Geometric is here."""
    return find_spec("torch_geometric") is not None


def _import() -> Any:
    with warnings.catch_warnings():
        # It scripts functions when imported, which torch has deprecated.
        warnings.simplefilter("ignore")
        import torch_geometric.data
        import torch_geometric.loader
        import torch_geometric.nn
    return torch_geometric


def dense(threads: Sequence[Thread], words: int, shape: Shape) -> Published:
    """Return the model and its batches, on ready dense words.

    Args:
        threads: to train on and to score.
        words: number of words.
        shape: of the model.
    """
    data = [
        _import().data.Data(
            x=thread.dense(words), edge_index=thread.edges, label=torch.tensor([thread.label])
        )
        for thread in threads
    ]
    return _published(data, _Dense, words, shape)


def sparse(threads: Sequence[Thread], words: int, shape: Shape) -> Published:
    """Return the model and its batches, on sparse words; see :func:`dense`."""
    data = [
        _import().data.Data(
            edge_index=thread.edges, label=torch.tensor([thread.label]), num_nodes=thread.posts,
            word_columns=thread.words.columns, word_values=thread.words.values,
            word_sizes=thread.words.sizes,
            root_columns=thread.words.root().columns, root_values=thread.words.root().values,
            root_sizes=thread.words.root().sizes,
        )
        for thread in threads
    ]
    return _published(data, _Sparse, words, shape)


def structures(threads: Sequence[Thread]) -> list[Any]:
    """Return the edges of each thread and nothing else."""
    return [
        _import().data.Data(edge_index=thread.edges, num_nodes=thread.posts) for thread in threads
    ]


def joined(ready: Sequence[Any]) -> Any:
    """Return the threads as one."""
    return _import().data.Batch.from_data_list(ready)


def without(ready: Sequence[Any], kept: Tensor) -> Any:
    """Return the threads as one, some edges left out; ``kept`` is (E,) bool of all their edges."""
    batch = joined(ready)
    batch.edge_index = batch.edge_index[:, kept]
    return batch


def _published(
    data: Sequence[Any], direction: Callable[..., nn.Module], words: int, shape: Shape
) -> Published:
    pyg = _import()

    def batches(shuffled: bool) -> Iterable[Any]:
        loader: Iterable[Any] = pyg.loader.DataLoader(
            data, batch_size=shape.batch, shuffle=shuffled
        )
        return loader

    directions = [
        direction(pyg.nn.GCNConv, words, shape.width, shape.dropout) for _ in range(2)
    ]
    return Published(_BiGCN(directions, shape, pyg.nn.global_mean_pool), batches)


class _BiGCN(nn.Module):
    def __init__(
        self, directions: Sequence[nn.Module], shape: Shape,
        pool: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.down, self.up = directions
        self.classify = nn.Linear(4 * shape.width, shape.classes)
        self.pool = pool

    def forward(self, batch: Any) -> Tensor:
        root = batch.ptr[:-1]
        down = self.down(batch, batch.edge_index, root)
        up = self.up(batch, batch.edge_index.flip(0), root)
        pooled = [self.pool(rows, batch.batch) for rows in (down, up)]
        scores: Tensor = self.classify(torch.cat(pooled, dim=1))
        return scores


class _Dense(nn.Module):
    def __init__(self, conv: Any, words: int, width: int, dropout: float) -> None:
        super().__init__()
        self.first = conv(words, width)
        self.second = conv(words + width, width)
        self.dropout = dropout

    def forward(self, batch: Any, edges: Tensor, root: Tensor) -> Tensor:
        first = self.first(batch.x, edges)
        enhanced = torch.cat((first, batch.x[root][batch.batch]), dim=1).relu()
        dropped = functional.dropout(enhanced, self.dropout, self.training)
        second = self.second(dropped, edges).relu()
        return torch.cat((second, first[root][batch.batch]), dim=1)


class _Sparse(nn.Module):
    """Words are mapped before they are passed on, the source's once per thread."""

    def __init__(self, conv: Any, words: int, width: int, dropout: float) -> None:
        super().__init__()
        self.words = WordMap(words, width)
        self.source_words = WordMap(words, width)
        self.hidden = nn.Linear(width, width, bias=False)
        self.first, self.second = (conv(width, width) for _ in range(2))
        for layer in (self.first, self.second):
            layer.lin = nn.Identity()  # mapped already
        self.dropout = dropout

    def forward(self, batch: Any, edges: Tensor, root: Tensor) -> Tensor:
        words = Words(batch.word_columns, batch.word_values, batch.word_sizes)
        first = self.first(self.words(words), edges)
        source = Words(batch.root_columns, batch.root_values, batch.root_sizes)
        source_words = self.source_words(source, dropout=self.dropout)[batch.batch]
        dropped = functional.dropout(first.relu(), self.dropout, self.training)
        second = self.second(self.hidden(dropped) + source_words, edges).relu()
        return torch.cat((second, first[root][batch.batch]), dim=1)
