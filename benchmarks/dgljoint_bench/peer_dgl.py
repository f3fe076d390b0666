"""BiGCN on plain ``dgl.batch``, on sparse words; the model of :mod:`dgljoint_bench.peer_pyg`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from dgljoint_bench.peer_threads import Thread, WordMap, Words


def sparse_epoch(
    threads: Sequence[Thread], words: int, *, batch: int, width: int, dropout: float, classes: int
) -> Callable[[], float]:
    """Return what trains one epoch; see :func:`dgljoint_bench.peer_pyg.dense_epoch`."""
    # Here: dgljoint, imported above, makes it importable beside a torch of today.
    import dgl
    from dgl.nn.pytorch import AvgPooling, GraphConv

    # With a loop at every post, as a convolution wants it.
    ready = [
        (dgl.add_self_loop(dgl.graph(tuple(thread.edges), num_nodes=thread.posts)), thread)
        for thread in threads
    ]

    def collate(part: Sequence[tuple[Any, Thread]]) -> tuple[Any, Words, Words, Tensor]:
        chosen = [thread for _, thread in part]
        return (
            dgl.batch([graph for graph, _ in part]),
            _joined([thread.words for thread in chosen]),
            _joined([thread.words.root() for thread in chosen]),
            torch.tensor([thread.label for thread in chosen]),
        )

    model = _BiGCN(
        [_Direction(GraphConv, words, width, dropout) for _ in range(2)],
        width, classes, AvgPooling(), dgl.reverse,
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)
    # A list of pairs will do for a data set; the types of torch know only their own.
    loader: DataLoader[Any] = DataLoader(
        ready, batch_size=batch, shuffle=True, collate_fn=collate  # type: ignore[arg-type]  # see above
    )

    def epoch() -> float:
        model.train()
        total = 0.0
        for graph, posts, sources, label in loader:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(graph, posts, sources), label)
            loss.backward()  # type: ignore[no-untyped-call]  # torch's
            optimizer.step()
            total += loss.item()
        return total / len(loader)

    return epoch


def _joined(parts: Sequence[Words]) -> Words:
    return Words(
        torch.cat([part.columns for part in parts]), torch.cat([part.values for part in parts]),
        torch.cat([part.sizes for part in parts]),
    )


class _BiGCN(nn.Module):
    def __init__(
        self, directions: Sequence[nn.Module], width: int, classes: int, pool: nn.Module,
        reverse: Callable[[Any], Any],
    ) -> None:
        super().__init__()
        self.down, self.up = directions
        self.classify = nn.Linear(4 * width, classes)
        self.pool = pool
        self.reverse = reverse

    def forward(self, graph: Any, posts: Words, sources: Words) -> Tensor:
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
        # Words are mapped before they are passed on, the source's once a thread.
        self.first, self.second = (conv(width, width, weight=False) for _ in range(2))
        self.dropout = dropout

    def forward(
        self, graph: Any, posts: Words, sources: Words, place: tuple[Tensor, Tensor]
    ) -> Tensor:
        root, thread = place
        first = self.first(graph, self.words(posts))
        told = self.source_words(sources, dropout=self.dropout)[thread]
        dropped = functional.dropout(first.relu(), self.dropout, self.training)
        second = self.second(graph, self.hidden(dropped) + told).relu()
        return torch.cat((second, first[root][thread]), dim=1)
