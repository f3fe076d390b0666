"""How much of a cascade is observed, and how that is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgljoint.config.sources import resolve_config
from dgljoint.data.observation import Observation, parse_deadlines, parse_observation
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.errors import UsageError
from toys import random_cascade, toy_cascade, write_store


@pytest.fixture
def columns(tmp_path: Path) -> CascadeColumns:
    """Give four cascades: a post a minute; all at once; one post; with two posts at the start."""
    rng = np.random.default_rng(0)
    made = [
        random_cascade("a", rng, 9),
        replace(random_cascade("b", rng, 6), delay_seconds=np.zeros(6)),
        toy_cascade("c", [-1]),
        replace(
            toy_cascade("d", [-1, 0, 0, 1, 2]), delay_seconds=np.array([0.0, 0.0, 0.0, 60.0, 90.5])
        ),
    ]
    store = CascadeStore(write_store(tmp_path / "a.h5", made))
    return store.read(np.array([3, 0, 1, 2]))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("0", [1, 1, 1, 1]),
        ("59s", [1, 1, 1, 1]),
        ("1m", [4, 2, 1, 1]),
        ("1.5m", [4, 2, 1, 1]),
        ("0.5h", [5, 9, 1, 1]),
        ("2d", [5, 9, 1, 1]),
        ("1p", [1, 1, 1, 1]),
        ("3p", [1, 3, 1, 1]),
        ("4p", [4, 4, 1, 1]),
        ("50p", [5, 9, 1, 1]),
        ("all", [5, 9, 6, 1]),
    ],
)
def test_posts_until_the_deadline_are_seen(
    columns: CascadeColumns, text: str, seen: list[int]
) -> None:
    (deadline,) = parse_deadlines(text)
    assert deadline.cuts(columns).tolist() == seen
    cut = deadline.cut(columns)
    assert np.diff(cut.post_ptr).tolist() == seen
    assert cut.index.tolist() == columns.index.tolist()
    for place, count in enumerate(seen):
        mine = slice(columns.post_ptr[place], columns.post_ptr[place] + count)
        here = slice(cut.post_ptr[place], cut.post_ptr[place + 1])
        for name in ("posts", "delay_seconds", "kind"):
            np.testing.assert_array_equal(getattr(cut, name)[here], getattr(columns, name)[mine])
        within, was = cut.parent[here] - here.start, columns.parent[mine] - mine.start
        np.testing.assert_array_equal(within[1:], was[1:])
        assert cut.parent[here.start] == -1
        assert (cut.cascade_of[here] == place).all()


def test_deadlines_are_read_in_their_order() -> None:
    assert parse_deadlines("0, 30s,2h ,10p,all") == (
        Observation("0", seconds=0), Observation("30s", seconds=30),
        Observation("2h", seconds=7200), Observation("10p", posts=10), Observation("all"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "deadline '' cannot be read"),
        ("1h,,2h", "deadline '' cannot be read"),
        ("-1h", "deadline '-1h' cannot be read"),
        ("1e400h", "deadline '1e400h' cannot be read"),
        ("1 h", "deadline '1 h' cannot be read"),
        ("1w", "deadline '1w' cannot be read"),
        ("٣h", "deadline '٣h' cannot be read"),
        ("9999999999d", "cannot be read"),
        ("10", "deadline '10' has no unit"),
        ("0p", "deadline '0p' cannot be read"),
        ("1.5p", "deadline '1.5p' cannot be read"),
        ("1h,all,1h", "deadline '1h' is named twice"),
    ],
)
def test_what_is_no_deadline_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        parse_deadlines(text)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "seen"),
    [("75%", [4, 7, 6, 1]), ("0.1%", [1, 1, 6, 1]), ("100%", [5, 9, 6, 1]), ("90p", [5, 9, 1, 1])],
)
def test_a_share_of_the_posts_is_observed(
    columns: CascadeColumns, text: str, seen: list[int]
) -> None:
    assert parse_observation(text).cuts(columns).tolist() == seen


def test_a_range_of_shares_is_drawn_for_each_cascade(columns: CascadeColumns) -> None:
    observation, rng = parse_observation("50%-100%"), np.random.default_rng(0)
    found = np.array([observation.cuts(columns, rng) for _ in range(100)])
    assert set(found[:, 0]) == {3, 4, 5}
    assert set(found[:, 1]) == {5, 6, 7, 8, 9}
    assert (found[:, 2:] == [6, 1]).all()
    assert len({tuple(row) for row in found[:, :2]}) > 8, "one draw per cascade"
    with pytest.raises(ValueError, match="drawn"):
        observation.cuts(columns)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("half", "observation 'half' cannot be read"),
        ("0.5", "observation '0.5' has no unit"),
        ("0%", "observation '0%' is no share"),
        ("100%-50%", "observation '100%-50%' is no share"),
        ("101%", "observation '101%' is no share"),
    ],
)
def test_what_is_no_observation_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_observation(text)
    with pytest.raises(UsageError, match=rf"train\.observe.*{message}"):
        resolve_config(assignments=(f"train.observe={text}",))
