"""The neighbourhood sum that ``gcn`` and ``bigcn`` share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgljoint.nn import multiply
from dgljoint_plugins.shared.convolution import both_ways, one_way
from encoding import WIDTH, mixed_batch
from matrices import adjacency, normalised


@pytest.mark.parametrize(
    ("spread", "matrix_of"),
    [
        (lambda batch, x: one_way(batch, x)[0], lambda a: a),
        (lambda batch, x: one_way(batch, x)[1], lambda a: a.T),
        (both_ways, lambda a: a + a.T),
    ],
)
def test_spreading_equals_the_dense_product(spread, matrix_of, tmp_path: Path) -> None:
    batch = mixed_batch(tmp_path)
    x = torch.randn(len(batch.kind), WIDTH)
    expected = normalised(matrix_of(adjacency(batch))) @ x
    rows = spread(batch, x)
    torch.testing.assert_close(multiply(rows, x), expected)
    # What is known of the transposed rows is what they are.
    torch.testing.assert_close(multiply(rows.transposed, x), multiply(replace(rows).transposed, x))


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16, torch.float16])
def test_spreading_keeps_the_precision(precision: torch.dtype, tmp_path: Path) -> None:
    batch = mixed_batch(tmp_path)
    x = torch.randn(len(batch.kind), WIDTH)
    found = multiply(both_ways(batch, x.to(precision)), x.to(precision))
    assert found.dtype == precision
    expected = multiply(both_ways(batch, x), x)
    torch.testing.assert_close(found.float(), expected, rtol=0.03, atol=0.03)
