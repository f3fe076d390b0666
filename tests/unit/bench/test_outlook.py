"""How long the cells that are left are said to take."""

from __future__ import annotations

import pytest

from dgljoint_bench.results.records import DONE, FAILED, CellRecord, Key
from dgljoint_bench.running.outlook import Outlook


def key(data: str, configuration: str, fold: int = 0) -> Key:
    return Key("suite", data, configuration, fold, 0)


def cell(data: str, configuration: str, seconds: float, state: str = DONE) -> CellRecord:
    return CellRecord(key(data, configuration), "digest", state, seconds=seconds)


def test_nothing_is_said_before_a_cell_is_done() -> None:
    outlook = Outlook([cell("a", "x", 5.0, FAILED)])
    assert outlook.seconds_left([key("a", "x")], 1) is None
    assert outlook.seconds_left([], 1) == 0


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (key("a", "x"), 3.0),  # this configuration on these data
        (key("b", "x"), 5.0),  # this configuration
        (key("b", "z"), 19.0 / 4),  # all
    ],
)
def test_a_cell_is_like_the_closest_that_are_done(asked: Key, seconds: float) -> None:
    outlook = Outlook([cell("a", "x", 2.0), cell("a", "x", 4.0), cell("c", "x", 9.0)])
    outlook.learn(cell("a", "y", 4.0))
    assert outlook.seconds_left([asked], 1) == pytest.approx(seconds)


def test_cells_share_the_time() -> None:
    outlook = Outlook([cell("a", "x", 6.0)])
    assert outlook.seconds_left([key("a", "x", fold) for fold in range(4)], 2) == 12
