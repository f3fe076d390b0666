from __future__ import annotations

from pathlib import Path

import dgl
import torch
from torch import Tensor

from dgljoint_plugins.encoders.gcn.module import GCN
from encoding import (
    WIDTH,
    check_equal,
    check_gradients_reach,
    known_batch,
    known_rows,
    mixed_batch,
    undirected,
    with_known_weights,
)


def test_two_layers_equal_dgl_graph_conv(tmp_path: Path) -> None:
    batch = mixed_batch(tmp_path)
    torch.manual_seed(0)
    ours = GCN(WIDTH, layers=2, dropout=0.0)
    graph = undirected(batch, loops=True)

    def theirs(x: Tensor) -> Tensor:
        for number, layer in enumerate(ours.layers):
            conv = dgl.nn.GraphConv(WIDTH, WIDTH, norm="both")
            # A bias of ours is added before the sum over neighbours, theirs after: both start at 0.
            conv.load_state_dict({"weight": layer.weight.detach().T, "bias": layer.bias.detach()})
            x = conv(graph, x.relu() if number else x)
        return x

    check_equal(lambda x: ours(batch, x), theirs, torch.randn(len(batch.kind), WIDTH))


def test_golden_value(tmp_path: Path) -> None:
    encoder = with_known_weights(GCN(3, layers=2, dropout=0.5))
    expected = torch.tensor(
        [
            [0.291682, -0.454628, -0.569309],
            [0.180758, -0.413708, -0.713955],
            [0.294774, -0.427549, -0.500672],
            [0.142075, -0.339012, -0.426735],
            [0.068569, -0.211521, -0.538330],
            [0.356528, -0.382072, -0.711959],
        ]
    )
    found = encoder(known_batch(tmp_path), known_rows(6, 3))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_gradients_reach_every_parameter(tmp_path: Path) -> None:
    torch.manual_seed(0)
    check_gradients_reach(GCN(WIDTH, 2, 0.0), mixed_batch(tmp_path))
