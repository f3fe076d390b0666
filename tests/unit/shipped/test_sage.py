from __future__ import annotations

from pathlib import Path
from typing import Literal

import dgl
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dgljoint_plugins.encoders.sage import SAGEOptions
from dgljoint_plugins.encoders.sage.module import SAGE
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

Aggregator = Literal["mean", "pool"]
either_aggregator = pytest.mark.parametrize("aggregator", ["mean", "pool"])


@either_aggregator
def test_two_layers_equal_dgl_sage_conv(aggregator: Aggregator, tmp_path: Path) -> None:
    batch = mixed_batch(tmp_path)
    torch.manual_seed(0)
    ours = SAGE(SAGEOptions(aggregator=aggregator), WIDTH)
    graph = undirected(batch)

    def theirs(x: Tensor) -> Tensor:
        for number, layer in enumerate(ours.layers):
            conv = dgl.nn.SAGEConv(
                WIDTH, WIDTH, aggregator, norm=functional.normalize,
                activation=functional.relu if number == 0 else None,
            )
            weights = {
                "fc_self.weight": layer.from_self.weight, "fc_self.bias": layer.from_self.bias,
                "fc_neigh.weight": layer.from_neighbours.weight,
            }
            if aggregator == "pool":
                mapped = layer.aggregate.map
                weights |= {"fc_pool.weight": mapped.weight, "fc_pool.bias": mapped.bias}
            conv.load_state_dict(weights)
            x = conv(graph, x)
        return x

    check_equal(lambda x: ours(batch, x), theirs, torch.randn(len(batch.kind), WIDTH))


def test_a_row_that_nothing_reaches_is_zero_and_passes_no_gradient_that_is_not_finite(
    tmp_path: Path,
) -> None:
    batch = known_batch(tmp_path)
    torch.manual_seed(0)
    x = torch.zeros(len(batch.kind), WIDTH, requires_grad=True)
    encoded = SAGE(SAGEOptions(), WIDTH)(batch, x)
    encoded.sum().backward()
    assert encoded.eq(0).all(), "biases start at zero"
    assert x.grad is not None
    assert x.grad.isfinite().all()


GOLDEN = {
    "mean": [
        [-0.762122, -0.408764, 0.502077],
        [-0.949842, -0.232303, 0.209369],
        [-0.956722, -0.026226, -0.289819],
        [-0.577200, -0.593062, 0.561354],
        [-0.663693, -0.404319, 0.629315],
        [-0.839140, 0.135362, -0.526803],
    ],
    "pool": [
        [-0.288002, 0.262998, 0.920808],
        [0.043050, -0.177674, 0.983147],
        [-0.298662, 0.105372, 0.948524],
        [-0.442494, 0.484265, 0.754776],
        [-0.044264, -0.059726, 0.997233],
        [-0.515690, 0.415284, 0.749402],
    ],
}


@either_aggregator
def test_golden_value(aggregator: Aggregator, tmp_path: Path) -> None:
    encoder = with_known_weights(SAGE(SAGEOptions(aggregator=aggregator), 3))
    found = encoder(known_batch(tmp_path), known_rows(6, 3))
    torch.testing.assert_close(found, torch.tensor(GOLDEN[aggregator]), rtol=0, atol=1e-5)


@either_aggregator
def test_gradients_reach_every_parameter(aggregator: Aggregator, tmp_path: Path) -> None:
    torch.manual_seed(0)
    check_gradients_reach(SAGE(SAGEOptions(aggregator=aggregator), WIDTH), mixed_batch(tmp_path))
