from __future__ import annotations

from pathlib import Path

import dgl
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dgljoint_plugins.encoders.gat import GATOptions
from dgljoint_plugins.encoders.gat.module import GAT
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


@pytest.mark.parametrize(("layers", "heads", "last_heads"), [(1, 2, 1), (2, 4, 1), (3, 2, 3)])
def test_it_equals_dgl_gat_conv(
    layers: int, heads: int, last_heads: int, tmp_path: Path
) -> None:
    batch = mixed_batch(tmp_path)
    torch.manual_seed(0)
    options = GATOptions(layers=layers, heads=heads, last_heads=last_heads, dropout=0)
    ours = GAT(options, WIDTH)
    graph = undirected(batch, loops=True)

    def theirs(x: Tensor) -> Tensor:
        for number, layer in enumerate(ours.layers):
            count, size = layer.bias.shape
            conv = dgl.nn.GATConv(x.shape[1], size, count, negative_slope=0.2)
            conv.load_state_dict(
                {
                    "fc.weight": layer.map.weight.detach(),
                    "attn_l": layer.of_source.detach().unsqueeze(0),
                    "attn_r": layer.of_destination.detach().unsqueeze(0),
                    "bias": layer.bias.detach().flatten(),
                }
            )
            rows = conv(graph, x)
            last = number == layers - 1
            x = rows.mean(1) if last else functional.elu(rows.flatten(1))
        return x

    for layer in ours.layers:
        torch.nn.init.normal_(layer.bias)
    check_equal(lambda x: ours(batch, x), theirs, torch.randn(len(batch.kind), WIDTH))


def test_golden_value(tmp_path: Path) -> None:
    encoder = with_known_weights(GAT(GATOptions(heads=2), 3))
    expected = torch.tensor(
        [
            [0.141877, 0.281625, -0.048938],
            [0.052632, 0.101501, -0.128475],
            [0.184920, 0.355287, -0.022957],
            [0.057722, 0.137921, -0.099439],
            [0.004663, 0.001466, -0.174242],
            [0.101484, 0.453690, 0.152686],
        ]
    )
    found = encoder(known_batch(tmp_path), known_rows(6, 3))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_gradients_reach_every_parameter(tmp_path: Path) -> None:
    torch.manual_seed(0)
    check_gradients_reach(GAT(GATOptions(heads=4, dropout=0), WIDTH), mixed_batch(tmp_path))


def test_attention_vectors_start_within_glorots_bound() -> None:
    torch.manual_seed(0)
    layer = GAT(GATOptions(layers=1), 64).layers[0]
    bound = (6 / (2 * 64 + 1)) ** 0.5
    for vector in (layer.of_source, layer.of_destination):
        assert 0.9 * bound < vector.abs().max() <= bound
