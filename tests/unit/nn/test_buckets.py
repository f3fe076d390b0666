from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.batch.batch import Bucket, buckets

SIZES = st.lists(st.integers(1, 70), min_size=1, max_size=30)


def made(sizes: list[int]) -> tuple[Bucket, ...]:
    number = torch.arange(len(sizes))
    return buckets(number.repeat_interleave(torch.tensor(sizes)), len(sizes))


@given(SIZES)
def test_every_post_is_in_one_row_with_its_cascade(sizes: list[int]) -> None:
    cascade_of = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    tables = made(sizes)
    posts = torch.cat([table.posts[table.real] for table in tables])
    assert sorted(posts.tolist()) == list(range(sum(sizes)))
    for table in tables:
        owner = cascade_of[table.posts]
        assert (owner == owner[:, :1]).all()


@given(SIZES)
def test_rows_are_at_most_twice_their_cascade_or_sixteen(sizes: list[int]) -> None:
    for table in made(sizes):
        length = table.posts.shape[1]
        size = table.real.sum(1)
        assert size.max() == length
        assert (length < torch.clamp(2 * size, min=17)).all()


@given(st.lists(st.integers(129, 3000), min_size=1, max_size=12))
def test_rows_are_at_most_a_quarter_longer_than_a_large_cascade(sizes: list[int]) -> None:
    for table in made(sizes):
        length = table.posts.shape[1]
        assert (4 * (length - 1) < 5 * table.real.sum(1)).all()


def test_small_cascades_share_a_table() -> None:
    assert [tuple(table.posts.shape) for table in made([1, 2, 16, 3, 17, 32, 33])] == [
        (4, 16), (2, 32), (1, 33)
    ]


@pytest.mark.parametrize("most", [1, 20, 90, 400, 10_000])
def test_pieces_cover_every_query_once_and_are_no_larger_than_told(most: int) -> None:
    for table in made([5, 7, 9, 20, 31]):
        rows, length = table.posts.shape
        covered = torch.zeros(rows, length)
        for row, column in table.pieces(most):
            covered[row, column] += 1
            height, width = covered[row, column].shape
            assert height * width * length <= max(most, length)
        assert (covered == 1).all()
