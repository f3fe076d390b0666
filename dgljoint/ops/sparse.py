"""Sparse matrices of a batch, and their product with dense rows.

``embedding_bag`` multiplies by one at the speed of memory on every device, but PyTorch's gradient
of it sorts the columns again and takes thirty times as long. Here the gradient is the same kernel
on the transposed matrix, which is made once per batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

# Device types on which SciPy transposes by counting, three times as fast as by sorting.
_COUNTING = ("cpu",)


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A constant sparse matrix of N rows, or one sparse feature of N posts, one row per post.

    Attributes:
        columns: (nnz,) int64 column of each value.
        values: (nnz,) of any precision.
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
            self, columns=self.columns.to(device), values=self.values.to(device),
            offsets=self.offsets.to(device),
        )

    @classmethod
    def of_edges(cls, edges: Tensor, values: Tensor, nodes: int) -> SparseRows:
        """Return the matrix that sums, for every node, weighted rows at sources of (2, M) edges."""
        every = torch.arange(edges.shape[1] + 1, device=edges.device)
        turned = cls(edges[1], values, every, nodes).transposed
        return replace(turned, columns=edges[0][turned.columns], width=nodes)

    def with_transposed(self, transposed: SparseRows) -> SparseRows:
        """Return these rows with a transposed matrix that is known."""
        known = replace(self)
        vars(known)["transposed"] = transposed
        return known

    @cached_property
    def transposed(self) -> SparseRows:
        """The ``width`` columns as rows, the entries of each in the order they have here."""
        rows = len(self.offsets) - 1
        if self.columns.device.type in _COUNTING:
            # NumPy has no bfloat16; float32 holds every number of it.
            narrow = self.values.dtype.itemsize < 4
            values = (self.values.float() if narrow else self.values).numpy()
            parts = (values, self.columns.numpy(), self.offsets.numpy())
            made = csr_array(parts, shape=(rows, self.width)).tocsc()
            return SparseRows(
                columns=torch.from_numpy(made.indices.astype(np.int64)),
                values=torch.from_numpy(made.data).to(self.values.dtype),
                offsets=torch.from_numpy(made.indptr.astype(np.int64)),
                width=rows,
            )
        sorted_, place = self.columns.sort(stable=True)
        every = torch.arange(self.width + 1, device=place.device)
        row_of = torch.searchsorted(self.offsets, place, right=True) - 1
        return SparseRows(row_of, self.values[place], torch.searchsorted(sorted_, every), rows)


@dataclass(frozen=True, eq=False)
class SomeRows:
    """A dense feature that only some of N posts have: the rows that exist.

    Attributes:
        index: (K,) int64 posts that have a row, ascending.
        rows: (K, F) float32.
    """

    index: Tensor
    rows: Tensor

    def to(self, device: torch.device | str) -> SomeRows:
        """Return the rows on ``device``."""
        return SomeRows(self.index.to(device), self.rows.to(device))

    def at(self, posts: Tensor) -> Tensor:
        """Return the rows of some posts, zeros for those that have none. Shapes: (B,) to (B, F)."""
        if not len(self.index):
            return self.rows.new_zeros(len(posts), self.rows.shape[1])
        place = torch.searchsorted(self.index, posts).clamp(max=len(self.index) - 1)
        found = self.index[place] == posts
        return self.rows[place] * found.unsqueeze(1)


def multiply(rows: SparseRows, x: Tensor) -> Tensor:
    """Multiply a sparse matrix by dense rows; differentiable by ``x`` any number of times.

    Sums run in the order of the entries, forward and backward: the same bits every time.

    Shapes: ``rows`` N rows of ``width`` columns, taken in the precision of ``x``; ``x``
    (width, D) to (N, D).
    """
    product: Tensor = _Product.apply(rows, x)  # type: ignore[no-untyped-call]  # torch's
    return product


_SUM = 0


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: SparseRows, x: Tensor) -> Tensor:
        ctx.rows = rows
        return torch.embedding_bag(
            x, rows.columns, rows.offsets,
            mode=_SUM, per_sample_weights=rows.values.to(x.dtype), include_last_offset=True,
        )[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, multiply(ctx.rows.transposed, gradients[0])


def with_rows(x: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``x`` and its rows at ``index``, for code that uses both.

    Plain indexing makes the gradient of a few rows as large as ``x`` before it is added.

    Shapes: ``x`` (N, D), ``index`` (R,) int64 to (N, D) and (R, D).
    """
    whole: Tensor
    whole, rows = _WithRows.apply(x, index)  # type: ignore[no-untyped-call]  # torch's
    return whole, rows


class _WithRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(index)
        return x.view_as(x), x.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        whole, rows = gradients
        (index,) = ctx.saved_tensors
        return whole.index_add(0, index, rows), None
