"""BiGCN on plain ``dgl.batch``, on sparse words, and what DGL does for the structure alone.

The model is that of :mod:`.peer_pyg`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from .contender import Published, Shape, Thread, WordMap, Words


def _import() -> Any:
    # Not at the top: dgljoint, imported above, makes it importable next to a torch of today.
    import dgl

    return dgl


def published(threads: Sequence[Thread], words: int, shape: Shape) -> Published:
    """Return the model and its batches; see :func:`.peer_pyg.sparse`."""
    dgl = _import()
    from dgl.nn.pytorch import AvgPooling, GraphConv

    # With a loop at every post, as a convolution wants it.
    ready = [
        (dgl.add_self_loop(graph), thread)
        for graph, thread in zip(graphs(threads), threads, strict=True)
    ]
    collate = partial(_collate, dgl.batch)

    def batches(shuffled: bool) -> Iterable[_Batch]:
        # A list of pairs will do for a data set; the types of torch know only their own.
        loader: DataLoader[Any] = DataLoader(
            ready, batch_size=shape.batch, shuffle=shuffled, collate_fn=collate  # type: ignore[arg-type]  # a list will do for a data set
        )
        return loader

    directions = [
        _Direction(GraphConv, words, shape.width, shape.dropout) for _ in range(2)
    ]
    return Published(_BiGCN(directions, shape, AvgPooling(), dgl.reverse), batches)


def graphs(threads: Sequence[Thread]) -> list[Any]:
    """Return one graph per thread, all edges from parent to child."""
    dgl = _import()
    return [dgl.graph(tuple(thread.edges), num_nodes=thread.posts) for thread in threads]


def joined(ready: Sequence[Any]) -> Any:
    """Return the graphs as one."""
    return _import().batch(ready)


def without(ready: Sequence[Any], kept: Tensor, sizes: Tensor) -> Any:
    """Return the graphs as one, some edges left out.

    Args:
        ready: B graphs.
        kept: (E,) bool, of all their edges.
        sizes: (B,) number of kept ones.
    """
    whole = joined(ready)
    observed = _import().edge_subgraph(whole, kept, relabel_nodes=False, store_ids=False)
    observed.set_batch_num_nodes(whole.batch_num_nodes())
    observed.set_batch_num_edges(sizes)
    return observed


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    graph: Any
    posts: Words
    sources: Words
    label: Tensor


def _collate(
    join: Callable[[list[Any]], Any], part: Sequence[tuple[Any, Thread]]
) -> _Batch:
    chosen = [thread for _, thread in part]
    return _Batch(
        join([graph for graph, _ in part]),
        _joined([thread.words for thread in chosen]),
        _joined([thread.words.root() for thread in chosen]),
        torch.tensor([thread.label for thread in chosen]),
    )


def _joined(parts: Sequence[Words]) -> Words:
    return Words(
        torch.cat([part.columns for part in parts]), torch.cat([part.values for part in parts]),
        torch.cat([part.sizes for part in parts]),
    )


class _BiGCN(nn.Module):
    def __init__(
        self, directions: Sequence[nn.Module], shape: Shape, pool: nn.Module,
        reverse: Callable[[Any], Any],
    ) -> None:
        super().__init__()
        self.down, self.up = directions
        self.classify = nn.Linear(4 * shape.width, shape.classes)
        self.pool = pool
        self.reverse = reverse

    def forward(self, batch: _Batch) -> Tensor:
        graph, posts, sources = batch.graph, batch.posts, batch.sources
        sizes = graph.batch_num_nodes()
        place = (sizes.cumsum(0) - sizes, torch.arange(len(sizes)).repeat_interleave(sizes))
        down = self.down(graph, posts, sources, place)
        up = self.up(self.reverse(graph), posts, sources, place)
        pooled = [self.pool(graph, rows) for rows in (down, up)]
        scores: Tensor = self.classify(torch.cat(pooled, dim=1))
        return scores


class _Direction(nn.Module):
    def __init__(self, conv: Any, words: int, width: int, dropout: float) -> None:
        super().__init__()
        self.words = WordMap(words, width)
        self.source_words = WordMap(words, width)
        self.hidden = nn.Linear(width, width, bias=False)
        # Words are mapped before they are passed on, the source's once per thread.
        self.first, self.second = (conv(width, width, weight=False) for _ in range(2))
        self.dropout = dropout

    def forward(
        self, graph: Any, posts: Words, sources: Words, place: tuple[Tensor, Tensor]
    ) -> Tensor:
        root, thread = place
        first = self.first(graph, self.words(posts))
        source = self.source_words(sources, dropout=self.dropout)[thread]
        dropped = functional.dropout(first.relu(), self.dropout, self.training)
        second = self.second(graph, self.hidden(dropped) + source).relu()
        return torch.cat((second, first[root][thread]), dim=1)
