"""Numbers as they are written on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint._internal.text import number_list, parse_numbers
from dgljoint.errors import UsageError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3", (3,)),
        ("0-3", (0, 1, 2, 3)),
        ("0,2", (0, 2)),
        ("2, 0-1,2", (0, 1, 2)),
        ("4-4", (4,)),
    ],
)
def test_lists_and_ranges_are_read(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_numbers(text, "--seeds") == numbers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no list of numbers: found ''"),
        ("1,", "no list of numbers: found ''"),
        ("a-b", "no list of numbers: found 'a-b'"),
        ("-1", "no list of numbers: found '-1'"),
        ("0-2-4", "no list of numbers: found '0-2-4'"),
        ("²", "no list of numbers"),
        ("all", "no list of numbers: found 'all'"),
        ("0,3-1", "'3-1' ends before it starts"),
        ("0-999999999", "more numbers than"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UsageError, match="--seeds") as refused:
        parse_numbers(text, "--seeds")
    assert message in str(refused.value)


@given(st.sets(st.integers(0, 60), min_size=1))
def test_what_is_shown_reads_back(numbers: set[int]) -> None:
    shown = number_list(tuple(numbers))
    assert parse_numbers(shown, "--folds") == tuple(sorted(numbers))


def test_stretches_are_shown_as_ranges() -> None:
    assert number_list((0, 1, 2, 5, 7, 8)) == "0-2,5,7-8"
