"""Sparse matrices that a batch brings along, and their product with dense rows.

The words of posts, sums over children, means over cascades: all are constant matrices of a few
numbers a row. ``embedding_bag`` multiplies by one at the speed of memory on every device, but
PyTorch's gradient of it sorts the columns anew and then takes thirty times as long. Here the
gradient is the same kernel once more, on the transposed matrix, which is made once a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn import functional

# Device types on which a matrix is transposed by counting; on others by sorting.
_COUNTING = ("cpu",)


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A constant sparse matrix of N rows, or one sparse feature of N posts, a row a post.

    Attributes:
        columns: (nnz,) int64 column of each value.
        values: (nnz,) float32 or float64.
        offsets: (N+1,) int64 where each row starts and ends.
        width: number of columns.
    """

    columns: Tensor
    values: Tensor
    offsets: Tensor
    width: int

    def to(self, device: torch.device | str) -> SparseRows:
        """Return the rows on ``device``."""
        return replace(
            self,
            columns=self.columns.to(device),
            values=self.values.to(device),
            offsets=self.offsets.to(device),
        )

    @cached_property
    def transposed(self) -> SparseRows:
        """The ``width`` columns as rows; in each, what comes first here comes first."""
        rows = len(self.offsets) - 1
        if self.columns.device.type in _COUNTING:
            entries = (self.values.numpy(), self.columns.numpy(), self.offsets.numpy())
            made = csr_array(entries, shape=(rows, self.width)).tocsc()
            parts = (made.indices.astype(np.int64), made.data, made.indptr.astype(np.int64))
            columns, values, offsets = map(torch.from_numpy, parts)
            return SparseRows(columns, values, offsets, rows)
        column, order = self.columns.sort(stable=True)
        every = torch.arange(self.width + 1, device=column.device)
        place = torch.arange(len(order), device=column.device)
        row = torch.searchsorted(self.offsets, place, right=True) - 1
        return SparseRows(
            row[order], self.values[order], torch.searchsorted(column, every), rows
        )


def multiply(rows: SparseRows, x: Tensor) -> Tensor:
    """Multiply a sparse matrix by dense rows; differentiable by ``x`` as often as one likes.

    Sums run in the order of the entries, forward and backward: the same bits every time.

    Shapes: ``rows`` N rows of ``width`` columns, taken in the precision of ``x``; ``x``
    (width, D) to (N, D).
    """
    product: Tensor = _Product.apply(rows, x)  # type: ignore[no-untyped-call]  # torch's
    return product


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(rows: SparseRows, x: Tensor) -> Tensor:
        return functional.embedding_bag(
            rows.columns,
            x.contiguous(),
            rows.offsets,
            mode="sum",
            per_sample_weights=rows.values.to(x.dtype),
            include_last_offset=True,
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[SparseRows, Tensor], output: Tensor) -> None:
        ctx.rows = inputs[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, multiply(ctx.rows.transposed, gradients[0])
