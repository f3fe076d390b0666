"""Which cells are paired, and what is refused because it was not asked the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from compared_results import cell, failed, write_results
from dgljoint.errors import DataError, UsageError
from dgljoint.runs.comparing import Pair, Side, pair
from dgljoint_bench.reporting import comparison
from dgljoint_bench.reporting.comparison import _without_configuration, of_configuration


def read_side(path: Path, **chosen) -> Side:
    return comparison.read_side(path, **chosen).side


def pairs_of_files(first: Side, second: Side) -> tuple[list[Pair], list[str]]:
    return pair(first, second, hint=comparison._HINT)


def sides(tmp_path: Path, first, second, **changes):
    """Write two files; ``changes`` are those of the second."""
    one = write_results(tmp_path / "a.sqlite", first)
    other = write_results(tmp_path / "b.sqlite", second, **changes)
    return read_side(one), read_side(other)


def keys(pairs: list[Pair]):
    for found in pairs:
        assert found.first.key == found.second.key
    return [(one.key.data, one.key.configuration, one.key.fold, one.key.seed)
            for one in (found.first for found in pairs)]


def test_cells_are_paired_by_all_that_tells_them_apart_whatever_their_order(tmp_path: Path) -> None:
    cells = [
        cell(name, fold, seed, data=data)
        for name in ("joint", "alone") for fold in (0, 1) for seed in (0, 1)
        for data in ("one", "two")
    ]
    pairs, notes = pairs_of_files(*sides(tmp_path, cells, cells[::-1]))
    assert keys(pairs) == [
        (one.key.data, one.key.configuration, one.key.fold, one.key.seed) for one in cells
    ]
    assert notes == []


def test_cells_without_a_counterpart_are_named_by_side(tmp_path: Path) -> None:
    first = [cell(fold=0), cell(fold=1), cell("alone")]
    second = [cell(fold=1), *(cell(fold=fold) for fold in range(2, 12))]
    one, other = sides(tmp_path, first, second)
    pairs, notes = pairs_of_files(one, other)
    assert keys(pairs) == [("one", "joint", 1, 0)]
    ours, theirs = notes
    assert ours == (
        f"{one.name}: 2 runs without a counterpart: one, joint, fold 0, seed 0; "
        "one, alone, fold 0, seed 0"
    )
    assert theirs.startswith(f"{other.name}: 10 runs without a counterpart: one, joint, fold 2, ")
    assert theirs.endswith("fold 9, seed 0; and 2 more")


def test_configurations_of_one_file_are_paired(tmp_path: Path) -> None:
    path = write_results(
        tmp_path / "a.sqlite",
        [cell("joint", 0), cell("joint", 1), cell("alone", 1), cell("alone", 2), cell("", 1)],
    )
    whole = read_side(path)
    joint, alone = (of_configuration(whole, name) for name in ("joint", "alone"))
    pairs, notes = pair(joint, alone, hint="", by=_without_configuration)
    (one,) = pairs
    assert (str(one.first.key), str(one.second.key)) == (
        "one, joint, fold 1, seed 0", "one, alone, fold 1, seed 0"
    )
    assert notes == [
        "joint: 1 run without a counterpart: one, joint, fold 0, seed 0",
        "alone: 1 run without a counterpart: one, alone, fold 2, seed 0",
    ]
    with pytest.raises(UsageError, match="has no configuration of that name") as caught:
        of_configuration(whole, "jont")
    assert caught.value.hint == "did you mean 'joint'?"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"digest": "e"}, "data digest d and e"),
        ({"split_digest": "t"}, "split digest s and t"),
        ({"test_on": "two"}, "tested on None and two"),
        ({"test_on": None, "test_digest": "x"}, "digest of what is tested on None and x"),
        ({"deadlines": "0,1h"}, "deadlines none and 0,1h"),
    ],
)
def test_what_was_not_asked_the_same_is_refused(tmp_path: Path, changes, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        pairs_of_files(*sides(tmp_path, [cell()], [cell()], **changes))
    assert "one (suite small)" in caught.value.message
    assert caught.value.hint is not None
    assert "--table" in caught.value.hint


def test_deadlines_in_another_order_are_the_same(tmp_path: Path) -> None:
    one = write_results(tmp_path / "a.sqlite", [cell()], deadlines="0,1h")
    other = write_results(tmp_path / "b.sqlite", [cell()], deadlines="1h, 0")
    assert pairs_of_files(read_side(one), read_side(other))[0]


def test_other_posts_observed_are_refused_and_a_cell_that_failed_is_not(tmp_path: Path) -> None:
    half = cell(config={"cascade": {"observed_share": 0.5}})
    with pytest.raises(DataError, match=r"cascade\.observed_share 0\.75 and 0\.5"):
        pairs_of_files(*sides(tmp_path, [cell()], [half]))
    pairs, _ = pairs_of_files(*sides(tmp_path, [cell()], [failed()]))
    assert len(pairs) == 1


def test_tables_that_are_left_out_may_differ(tmp_path: Path) -> None:
    both = [cell(data="one"), cell(data="two")]
    one = write_results(tmp_path / "a.sqlite", both)
    other = write_results(tmp_path / "b.sqlite", [cell(data="one")], digest="e")
    again = write_results(other, [cell(data="two")])
    scope = {"tables": ["two"]}
    pairs, _ = pairs_of_files(read_side(one, **scope), read_side(again, **scope))
    assert keys(pairs) == [("two", "joint", 0, 0)]
    with pytest.raises(DataError, match="data digest d and e"):
        pairs_of_files(read_side(one), read_side(again))


def test_nothing_in_common_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run in common") as caught:
        pairs_of_files(*sides(tmp_path, [cell(seed=0)], [cell(seed=1)]))
    assert "b.sqlite holds 1 run of suite small, tables one" in caught.value.message
    with pytest.raises(DataError, match=r"b\.sqlite holds none"):
        pairs_of_files(*sides(tmp_path / "empty", [cell()], []))


def test_suites_and_tables_that_there_are_not(tmp_path: Path) -> None:
    path = write_results(tmp_path / "a.sqlite", [cell()])
    with pytest.raises(UsageError, match="has no suite 'smal'"):
        read_side(path, suites=["smal"])
    with pytest.raises(UsageError, match="has no table 'two'"):
        read_side(path, tables=["two"])
    with pytest.raises(DataError, match="there is no results file"):
        read_side(tmp_path / "none.sqlite")


@pytest.mark.parametrize("definition", ["{}", "[1]"])
def test_a_suite_that_cannot_be_read_is_told_of(tmp_path: Path, definition: str) -> None:
    path = write_results(tmp_path / "a.sqlite", [cell()])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE suite SET definition = ?", (definition,))
    connection.close()
    with pytest.raises(DataError, match=r"a\.sqlite is not readable"):
        read_side(path)
