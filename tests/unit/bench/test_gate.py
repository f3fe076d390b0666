"""Each condition of the gate alone decides whether it closes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compared_results import cell, failed, folds, write_results
from dgljoint.errors import DataError, RegressionError
from dgljoint.runs.records import RunRecord
from dgljoint_bench.reporting.comparison import compare_files, read_side, refuse, regressions


def found(
    tmp_path: Path, first: Sequence[RunRecord], second: Sequence[RunRecord],
    figures: Sequence[str] = (), **limits: Any,
) -> list[str]:
    one, other = (
        write_results(tmp_path / name, cells)
        for name, cells in (("a.sqlite", first), ("b.sqlite", second))
    )
    comparison = compare_files(read_side(one).side, read_side(other).side, figures)
    return [str(one) for one in regressions(comparison, **limits)]


def test_a_fall_beyond_the_tolerance_closes_it(tmp_path: Path) -> None:
    first = folds([0.5, 0.6])
    assert found(tmp_path, first, folds([0.49, 0.57])) == [
        "one, joint: accuracy from 0.55 to 0.53, tolerated is a fall of 0.01"
    ]
    assert found(tmp_path, first, folds([0.49, 0.59])) == []  # by 0.01, and not by more
    assert found(tmp_path, first, folds([0.49, 0.59]), tolerance=0.009)
    assert found(tmp_path, first, folds([0.49, 0.57]), tolerance=0.02) == []
    assert found(tmp_path, first, folds([0.9, 0.9])) == []


def test_a_fall_of_the_tolerance_is_not_more_whatever_its_last_digits(tmp_path: Path) -> None:
    first = [cell(fold=fold, seed=seed) for fold in range(6) for seed in range(3)]
    second = [replace(one, figures={"model": {"accuracy": 0.49, "mrr": 0.5}}) for one in first]
    assert found(tmp_path, first, second) == []


def test_a_figure_that_is_better_when_lower_closes_it_by_rising(tmp_path: Path) -> None:
    low, high = ([0.1] * 5, "ece"), ([0.2, 0.21, 0.2, 0.2, 0.22], "ece")
    cells = [folds(values, figure=name) for values, name in (low, high)]
    said = ["one, joint: ece from 0.1 to 0.206, tolerated is a rise of 0.01"]
    assert found(tmp_path, *cells, figures=["ece"]) == said
    assert found(tmp_path, *cells[::-1], figures=["ece"]) == []
    scattered = folds([0.9, 0.05, 0.05, 0.05, 0.05], figure="ece")
    assert found(tmp_path, cells[0], scattered, figures=["ece"]) == []


def test_a_fall_that_the_choice_of_folds_explains_does_not(tmp_path: Path) -> None:
    first, scattered = [0.5] * 5, [0.9, 0.2, 0.6, 0.2, 0.4]
    assert found(tmp_path, folds(first), folds(scattered)) == []
    assert found(tmp_path, folds(first), folds([0.46, 0.47, 0.46, 0.45, 0.46]))
    # Four pairs have no interval that could excuse them.
    assert found(tmp_path / "four", folds(first[:4]), folds([0.9, 0.2, 0.4, 0.2]))


def test_every_figure_and_table_counts(tmp_path: Path) -> None:
    first = [cell(), cell(data="two")]
    second = [cell(), cell(data="two", figures={"accuracy": 0.5, "mrr": 0.3})]
    assert found(tmp_path, first, second) == [
        "two, joint: mrr from 0.5 to 0.3, tolerated is a fall of 0.01"
    ]


def test_a_classifier_without_a_model_counts(tmp_path: Path) -> None:
    first, second = (cell("", rows={"text": {"accuracy": value}}) for value in (0.8, 0.7))
    assert found(tmp_path, [first], [second]) == [
        "one, without a model: text, accuracy from 0.8 to 0.7, tolerated is a fall of 0.01"
    ]


def test_a_cell_that_failed_closes_it_unless_it_failed_before(tmp_path: Path) -> None:
    said = ["one, joint, fold 1, seed 0: failed: it broke"]
    assert found(tmp_path, [cell(), cell(fold=1)], [cell(), failed(fold=1)]) == said
    assert found(tmp_path / "all", [cell(fold=1)], [failed(fold=1)]) == said
    assert found(tmp_path / "before", [cell(), failed(fold=1)], [cell(), failed(fold=1)]) == []
    assert found(tmp_path / "mended", [cell(), failed(fold=1)], [cell(), cell(fold=1)]) == []


def test_a_figure_that_is_gone_closes_it(tmp_path: Path) -> None:
    some = {"accuracy": 0.5}
    assert found(tmp_path, [cell(), cell(fold=1)], [cell(), cell(fold=1, figures=some)]) == [
        "one, joint: mrr is gone"
    ]
    assert found(tmp_path / "new", [cell(figures=some)], [cell()]) == []
    rows = {"text": {"accuracy": 0.5}, "date": {"accuracy": 0.5}}
    left = {"text": {"accuracy": 0.5}}
    assert found(tmp_path / "rows", [cell("", rows=rows)], [cell("", rows=left)]) == [
        "one, without a model: date, accuracy is gone"
    ]


def test_a_cell_that_is_not_there_does_not(tmp_path: Path) -> None:
    assert found(tmp_path, [cell(), cell(fold=1)], [cell()]) == []


def test_time_closes_it_only_when_it_is_asked_for(tmp_path: Path) -> None:
    first = [cell(fold=0, cpu_seconds=10.0), cell(fold=1, cpu_seconds=10.0)]
    second = [cell(fold=0, cpu_seconds=12.0, seconds=999.0), cell(fold=1, cpu_seconds=14.0)]
    assert found(tmp_path, first, second) == []
    assert found(tmp_path, first, second, time_tolerance=1.2) == [
        "one, joint: CPU seconds from 10 to 13, tolerated is 1.2 times as long"
    ]
    assert found(tmp_path, first, second, time_tolerance=1.3) == []
    assert found(tmp_path, second, first, time_tolerance=1.0) == []


def test_time_that_nobody_knows_is_not_passed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="CPU seconds are not known"):
        found(tmp_path, [cell()], [cell(cpu_seconds=None)], time_tolerance=1.2)
    text = {"text": {"accuracy": 0.5}}
    assert found(
        tmp_path / "classifiers", [cell("", rows=text)], [cell("", rows=text, cpu_seconds=99.0)],
        time_tolerance=1.2,
    ) == []


def test_what_is_raised_names_each(tmp_path: Path) -> None:
    refuse([])
    (one, other), (fallen, broken) = ([cell(), cell(fold=1)], [
        cell(figures={"accuracy": 0.4, "mrr": 0.5}), failed(fold=1)
    ])
    first = write_results(tmp_path / "a.sqlite", [one, other])
    second = write_results(tmp_path / "b.sqlite", [fallen, broken])
    with pytest.raises(RegressionError) as caught:
        refuse(regressions(compare_files(read_side(first).side, read_side(second).side)))
    assert caught.value.exit_code == 6
    assert caught.value.message.splitlines() == [
        "2 regressions:",
        "  one, joint, fold 1, seed 0: failed: it broke",
        "  one, joint: accuracy from 0.5 to 0.4, tolerated is a fall of 0.01",
    ]
