from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from dgljoint_plugins.encoders.bigcn.module import BiGCN
from encoding import (
    WIDTH,
    check_equal,
    check_gradients_reach,
    known_batch,
    known_rows,
    mixed_batch,
    with_known_weights,
)
from matrices import adjacency, normalised


def test_it_equals_the_published_concatenation(tmp_path: Path) -> None:
    """Bian et al.: two convolutions a direction, the source's features joined to every post."""
    batch = mixed_batch(tmp_path)
    torch.manual_seed(0)
    ours = BiGCN(WIDTH, dropout=0.0)

    def published(x: Tensor) -> Tensor:
        stacks = []
        for stack, matrix in ((ours.down, adjacency(batch)), (ours.up, adjacency(batch).T)):
            spread = normalised(matrix)
            first = spread @ stack.first(x)
            joined = torch.cat((first, x[batch.root][batch.cascade_of]), dim=1).relu()
            weight = torch.cat((stack.second.weight, stack.second_source.weight), dim=1)
            second = (spread @ (joined @ weight.T + stack.second.bias)).relu()
            stacks += [second, first[batch.root][batch.cascade_of]]
        return ours.join(torch.cat(stacks, dim=1))

    check_equal(lambda x: ours(batch, x), published, torch.randn(len(batch.kind), WIDTH))


def test_golden_value(tmp_path: Path) -> None:
    encoder = with_known_weights(BiGCN(3, dropout=0.5))
    expected = torch.tensor(
        [
            [-0.857394, 0.302402, -0.076002],
            [-0.979831, 0.442310, -0.231751],
            [-0.758229, 0.187942, 0.052420],
            [-0.761780, 0.209185, 0.013734],
            [-1.051551, 0.484819, -0.244556],
            [-0.003023, -0.615671, 0.895082],
        ]
    )
    found = encoder(known_batch(tmp_path), known_rows(6, 3))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_gradients_reach_every_parameter(tmp_path: Path) -> None:
    torch.manual_seed(0)
    check_gradients_reach(BiGCN(WIDTH, 0.0), mixed_batch(tmp_path))
