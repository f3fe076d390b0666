"""Encoders against plain dense formulas and against DGL's own layer."""

from __future__ import annotations

from pathlib import Path

import dgl
import pytest
import torch

from dgljoint.nn import CascadeBatch
from dgljoint_plugins.nn.bigcn import BiGCN
from dgljoint_plugins.nn.convolution import spread_both, spread_down, spread_up
from dgljoint_plugins.nn.gcn import GCN
from toys import toy_batch, toy_store

WIDTH = 5


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    return toy_batch(toy_store(tmp_path / "a.h5"), range(9), share=0.3)


def adjacency(batch: CascadeBatch) -> torch.Tensor:
    """(N, N), entry (child, parent) is 1."""
    source, destination = batch.graph.edges()
    matrix = torch.zeros(len(batch.kind), len(batch.kind))
    matrix[destination, source] = 1
    return matrix


def normalised(matrix: torch.Tensor) -> torch.Tensor:
    looped = matrix + torch.eye(len(matrix))
    root = looped.sum(1).rsqrt()
    return root[:, None] * looped * root


@pytest.mark.parametrize(
    ("spread", "matrix_of"),
    [
        (spread_down, lambda a: a),
        (spread_up, lambda a: a.T),
        (spread_both, lambda a: a + a.T),
    ],
)
def test_spreading_equals_the_dense_product(spread, matrix_of, batch: CascadeBatch) -> None:
    x = torch.randn(len(batch.kind), WIDTH)
    torch.testing.assert_close(spread(batch, x), normalised(matrix_of(adjacency(batch))) @ x)


def test_gcn_equals_dgl_graph_conv(batch: CascadeBatch) -> None:
    torch.manual_seed(0)
    ours = GCN(WIDTH, layers=2, dropout=0.0)
    source, destination = batch.graph.edges()
    count = torch.arange(len(batch.kind))
    graph = dgl.graph(
        (torch.cat((source, destination, count)), torch.cat((destination, source, count)))
    )
    x = torch.randn(len(batch.kind), WIDTH)
    expected = x
    for number, layer in enumerate(ours.layers):
        theirs = dgl.nn.GraphConv(WIDTH, WIDTH, norm="both")
        with torch.no_grad():
            theirs.weight.copy_(layer.weight.T)
            theirs.bias.copy_(layer.bias)
        # A bias of ours is added before the sum over neighbours, where theirs is added after.
        torch.testing.assert_close(layer.bias, torch.zeros(WIDTH))
        expected = theirs(graph, expected.relu() if number else expected)
    torch.testing.assert_close(ours(batch, x), expected, rtol=1e-5, atol=1e-5)


def test_bigcn_equals_the_published_concatenation(batch: CascadeBatch) -> None:
    """Bian et al.: two convolutions a direction, the source's features joined to every post."""
    torch.manual_seed(0)
    ours = BiGCN(WIDTH, dropout=0.0)
    x = torch.randn(len(batch.kind), WIDTH)
    stacks = []
    for stack, matrix in ((ours.down, adjacency(batch)), (ours.up, adjacency(batch).T)):
        spread = normalised(matrix)
        first = spread @ stack.first(x)
        joined = torch.cat((first, x[batch.root][batch.cascade_of]), dim=1).relu()
        weight = torch.cat((stack.second.weight, stack.second_source.weight), dim=1)
        second = (spread @ (joined @ weight.T + stack.second.bias)).relu()
        stacks += [second, first[batch.root][batch.cascade_of]]
    torch.testing.assert_close(ours(batch, x), ours.join(torch.cat(stacks, dim=1)))


@pytest.mark.parametrize("encoder", [BiGCN(WIDTH, 0.0), GCN(WIDTH, 2, 0.0)])
def test_gradients_reach_every_parameter(encoder: torch.nn.Module, batch: CascadeBatch) -> None:
    encoder(batch, torch.randn(len(batch.kind), WIDTH)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())
