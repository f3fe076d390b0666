"""The neighbourhood sum that ``gcn`` and ``bigcn`` share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dgljoint_plugins.nn.convolution import spread_both, spread_down, spread_up
from encoding import WIDTH, mixed_batch
from matrices import adjacency, normalised


@pytest.mark.parametrize(
    ("spread", "matrix_of"),
    [
        (spread_down, lambda a: a),
        (spread_up, lambda a: a.T),
        (spread_both, lambda a: a + a.T),
    ],
)
def test_spreading_equals_the_dense_product(spread, matrix_of, tmp_path: Path) -> None:
    batch = mixed_batch(tmp_path)
    x = torch.randn(len(batch.kind), WIDTH)
    torch.testing.assert_close(spread(batch, x), normalised(matrix_of(adjacency(batch))) @ x)


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16, torch.float16])
def test_spreading_keeps_the_precision(precision: torch.dtype, tmp_path: Path) -> None:
    batch = mixed_batch(tmp_path)
    x = torch.randn(len(batch.kind), WIDTH)
    found = spread_both(batch, x.to(precision))
    assert found.dtype == precision
    torch.testing.assert_close(found.float(), spread_both(batch, x), rtol=0.03, atol=0.03)
