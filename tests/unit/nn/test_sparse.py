from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dgljoint.nn import SparseRows, multiply, with_rows


def sparse(rows: int = 40, width: int = 17, dtype: torch.dtype = torch.float32) -> SparseRows:
    """Rows of 0 to 6 entries; some columns come twice in a row, some never."""
    generator = torch.Generator().manual_seed(3)
    sizes = torch.randint(0, 7, (rows,), generator=generator)
    count = int(sizes.sum())
    return SparseRows(
        columns=torch.randint(0, width - 2, (count,), generator=generator),
        values=torch.randn(count, generator=generator, dtype=dtype),
        offsets=functional.pad(sizes.cumsum(0), (1, 0)),
        width=width,
    )


def dense(rows: SparseRows) -> Tensor:
    row = torch.arange(len(rows.offsets) - 1).repeat_interleave(rows.offsets.diff())
    made = torch.zeros(len(rows.offsets) - 1, rows.width, dtype=rows.values.dtype)
    return made.index_put((row, rows.columns), rows.values, accumulate=True)


def test_a_product_and_its_gradient_are_those_of_the_dense_matrix() -> None:
    rows = sparse()
    x = torch.randn(17, 5, requires_grad=True)
    y = torch.randn(40, 5)
    expected = dense(rows) @ x
    found = multiply(rows, x)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad((found * y).sum(), x)
    torch.testing.assert_close(gradient, dense(rows).T @ y)


def test_a_sum_whose_gradient_is_one_number_in_memory_is_right() -> None:
    rows = sparse()
    x = torch.randn(17, 64, requires_grad=True)
    multiply(rows, x).sum().backward()
    torch.testing.assert_close(x.grad, dense(rows).sum(0)[:, None].expand(17, 64))


def test_a_product_can_be_differentiated_twice() -> None:
    rows = sparse(6, 5, torch.float64)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    function = lambda x: multiply(rows, x).square()  # noqa: E731
    assert torch.autograd.gradcheck(function, (x,))
    assert torch.autograd.gradgradcheck(function, (x,))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_a_product_keeps_the_precision_of_the_rows(dtype: torch.dtype) -> None:
    rows = sparse()
    x = torch.randn(17, 8)
    narrow = x.to(dtype).requires_grad_()
    found = multiply(rows, narrow)
    found.sum().backward()
    assert found.dtype == narrow.grad.dtype == dtype
    torch.testing.assert_close(found.float(), multiply(rows, x), rtol=0.05, atol=0.1)
    assert torch.equal(multiply(rows, x), multiply(rows, x))


def test_transposed_entries_keep_their_order() -> None:
    rows = sparse()
    turned = rows.transposed
    torch.testing.assert_close(dense(turned), dense(rows).T)
    row = torch.arange(40).repeat_interleave(rows.offsets.diff())
    order = rows.columns.argsort(stable=True)
    assert torch.equal(turned.columns, row[order])
    assert torch.equal(turned.values, rows.values[order])
    assert turned.width == 40
    assert rows.transposed is turned, "made once"


def test_other_devices_transpose_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the device without numbers, and by the same operations with numbers."""
    rows = sparse()
    moved = rows.to("meta").transposed
    for name in ("columns", "values", "offsets"):
        made, expected = getattr(moved, name), getattr(rows.transposed, name)
        assert (made.shape, made.dtype) == (expected.shape, expected.dtype)
    monkeypatch.setattr("dgljoint.ops.sparse._COUNTING", ())
    sorted_ = sparse().transposed
    for name in ("columns", "values", "offsets"):
        assert torch.equal(getattr(sorted_, name), getattr(rows.transposed, name))


def test_nothing_in_the_matrix_makes_zeros() -> None:
    none = SparseRows(torch.zeros(0).long(), torch.zeros(0), torch.zeros(4).long(), 1)
    x = torch.ones(1, 2, requires_grad=True)
    found = multiply(none, x)
    found.sum().backward()
    assert torch.equal(found, torch.zeros(3, 2))
    assert torch.equal(x.grad, torch.zeros(1, 2))


def test_edges_sum_sources_into_destinations_in_their_order() -> None:
    edges = torch.tensor([[3, 0, 1, 0], [1, 2, 1, 0]])
    rows = SparseRows.of_edges(edges, torch.tensor([1.0, 2.0, 3.0, 4.0]), 4)
    assert rows.columns.tolist() == [0, 3, 1, 0]
    assert rows.values.tolist() == [4, 1, 3, 2]
    assert (rows.offsets.tolist(), rows.width) == ([0, 1, 3, 4, 4], 4)


def test_rows_beside_the_whole_have_the_gradient_of_indexing() -> None:
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([4, 0, 4])
    weights = torch.randn(6, 3, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64)

    def of(whole: Tensor, rows: Tensor) -> Tensor:
        return (whole.square() * weights[0]).sum() + (rows.square() * weights[1]).sum()

    found, expected = of(*with_rows(x, index)), of(x, x[index])
    torch.testing.assert_close(found, expected)
    for one, other in zip(
        torch.autograd.grad(found, x), torch.autograd.grad(expected, x), strict=True
    ):
        torch.testing.assert_close(one, other)
    assert torch.autograd.gradgradcheck(lambda x: of(*with_rows(x, index)), (x,))
