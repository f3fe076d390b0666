"""The results file itself: who may make it, and what it refuses."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from benchmark_results import cell, data, write
from dgljoint.errors import DataError
from dgljoint_bench.results.database import Results


def test_several_may_make_one_file_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier, seen = Barrier(4), Results._create

    def create(self: Results) -> None:
        barrier.wait(60)  # all have found that there is nothing
        seen(self)

    monkeypatch.setattr(Results, "_create", create)

    def make(number: int) -> None:
        with Results(tmp_path / "all.sqlite", create=True) as results:
            results.describe(f"suite{number}", {}, {0: data()})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(make, range(4)))
    with Results(tmp_path / "all.sqlite") as results:
        assert list(results.suites()) == [f"suite{number}" for number in range(4)]


def test_what_is_made_is_the_schema_and_nothing_else(tmp_path: Path) -> None:
    Results(tmp_path / "all.sqlite", create=True).__exit__(None, None, None)
    with sqlite3.connect(tmp_path / "all.sqlite") as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {name for (name,) in names} == {"suite", "data", "cell", "figure", "trial", "epoch"}
    connection.close()


@pytest.mark.parametrize("change", [
    {"digest": "x"}, {"split_digest": "x"}, {"test_digest": "x"},
])
def test_other_data_of_one_name_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with Results(tmp_path / "all.sqlite", create=True) as results:
        results.describe("made", {"first": 1}, {0: data()})
        with pytest.raises(DataError, match="on other data called 'small'"):
            results.describe("made", {}, {0: data(**change)})
        assert results.suites() == {"made": {"first": 1}}
        results.describe("made", {}, {1: data(cascades=9)})
        assert results.data("made")["small"].cascades == 9


def test_a_figure_that_is_no_number_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "all.sqlite", [cell("plain", 0, accuracy=0.5)])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE figure SET value = 9e999")
    connection.close()
    with Results(path) as results, pytest.raises(DataError, match="accuracy of small, plain"):
        results.cells("made")


@pytest.mark.parametrize(("changes", "said"), [
    ({}, ""), ({"kept_apart": None}, "RANDOM FOLDS"), ({"ordered": True}, "later cascades"),
    ({"test_on": "other", "test_shared": 3}, "tested on other"),
])
def test_a_table_whose_events_are_not_kept_apart_has_a_caution(
    changes: dict[str, Any], said: str
) -> None:
    caution = data(**changes).caution
    assert said in caution
    assert bool(caution) == bool(said)
