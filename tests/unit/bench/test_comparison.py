"""What a comparison of results says of figures, costs, settings, versions and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from compared_results import cell, failed, folds, write_results
from dgljoint.errors import DataError
from dgljoint.evaluation.comparison import compare_pairs, holm
from dgljoint.runs.comparing import Comparison
from dgljoint.runs.records import RunRecord
from dgljoint_bench.reporting.comparison import compare_files, read_side


def compared(
    tmp_path: Path, first: Sequence[RunRecord], second: Sequence[RunRecord],
    figures: Sequence[str] = (), shown: Sequence[str] = ("accuracy", "mrr"), deadlines: str = "",
) -> Comparison:
    one, other = (
        write_results(tmp_path / name, cells, figures=shown, deadlines=deadlines)
        for name, cells in (("a.sqlite", first), ("b.sqlite", second))
    )
    return compare_files(read_side(one).side, read_side(other).side, figures)


def test_a_table_of_random_folds_is_called_so(tmp_path: Path) -> None:
    path = write_results(tmp_path / "a.sqlite", folds([0.5]), kept_apart=None)
    side = read_side(path).side
    (group,) = compare_files(side, side).groups
    assert (group.table, group.title) == ("one", "one (split event: RANDOM FOLDS), joint")


FIRST, SECOND = [0.5, 0.6, 0.7, 0.4, 0.5, 0.6], [0.55, 0.58, 0.8, 0.4, 0.61, 0.72]


def test_the_figures_are_those_of_the_pairs_and_chances_are_corrected_together(
    tmp_path: Path,
) -> None:
    ours = folds(FIRST) + folds(SECOND, "alone")
    theirs = folds(SECOND) + folds([value + 0.2 for value in SECOND], "alone")
    found = compared(tmp_path, ours, theirs)
    assert [group.title for group in found.groups] == ["one, joint", "one, alone"]
    (one,), (other,) = (group.rows for group in found.groups)
    assert (one.row, one.metric) == ("model", "accuracy")
    assert one.found == compare_pairs(FIRST, SECOND)
    assert (one.found.wins, one.found.ties, one.found.losses) == (4, 1, 1)
    assert [one.holm, other.holm] == holm([one.found.p, other.found.p])
    assert one.holm != one.found.p or other.holm != other.found.p


def test_figures_are_those_of_the_suite_or_those_asked_for(tmp_path: Path) -> None:
    values = {"accuracy": 0.5, "accuracy@1h": 0.4, "accuracy@0": 0.3, "mrr": 0.5, "auc": 0.9}
    cells = [cell(figures=values)]

    def names(figures: Sequence[str] = ()) -> set[str]:
        found = compared(tmp_path, cells, cells, figures, ("accuracy", "mrr"), "0,1h")
        return {one.metric for one in found.groups[0].rows}

    assert names() == {"accuracy", "accuracy@1h", "accuracy@0", "mrr"}
    assert names(["auc"]) == {"auc"}
    assert names(["accuracy@1h"]) == {"accuracy@1h"}
    assert names(["accuracy"]) == {"accuracy", "accuracy@1h", "accuracy@0"}
    with pytest.raises(DataError, match="no figure in common"):
        names(["hits10"])


def test_what_a_cell_takes_is_the_mean_over_pairs_that_know_it(tmp_path: Path) -> None:
    ours = [cell(fold=0, cpu_seconds=2.0), cell(fold=1, cpu_seconds=4.0),
            cell(fold=2, cpu_seconds=90.0)]
    theirs = [cell(fold=0, cpu_seconds=3.0), cell(fold=1, cpu_seconds=9.0),
              cell(fold=2, cpu_seconds=None)]
    (group,) = compared(tmp_path, ours, theirs).groups
    costs = {cost.name: cost for cost in group.costs}
    assert (costs["cpu_seconds"].first, costs["cpu_seconds"].second) == (3.0, 6.0)
    assert costs["cpu_seconds"].ratio == 2.0
    assert costs["peak_megabytes"].ratio == 1.0
    assert set(costs) == {"seconds", "cpu_seconds", "peak_megabytes"}


def test_settings_and_versions_that_differ_are_named(tmp_path: Path) -> None:
    ours = [cell(fold=0, config={"train": {"batch": 32, "lr": 1}}), cell(fold=1)]
    theirs = [
        cell(fold=0, config={"train": {"batch": 64, "lr": 1}, "data": "/elsewhere/x.h5"},
             versions={"python": "3.11.7", "torch": "2.14.0", "dgl": "1"}),
        cell(fold=1),
    ]
    found = compared(tmp_path, ours, theirs)
    (setting,) = found.groups[0].settings
    assert (setting.name, setting.first, setting.second, setting.pairs) == (
        "train.batch", 32, 64, 1
    )
    assert found.versions == {"dgl": (None, "1"), "torch": ("2.13.0", "2.14.0")}


def test_classifiers_without_a_model_are_compared_by_row(tmp_path: Path) -> None:
    ours = [cell("", rows={"text": {"accuracy": 0.8}, "dates": {"accuracy": 0.6}})]
    theirs = [cell("", rows={"text": {"accuracy": 0.7}, "shape": {"accuracy": 0.6}})]
    (group,) = compared(tmp_path, ours, theirs).groups
    assert group.title == "one, without a model"
    assert [(one.row, one.found.difference) for one in group.rows] == [
        ("text", pytest.approx(-0.1))
    ]


def test_a_figure_that_some_cells_lack_is_compared_over_the_others(tmp_path: Path) -> None:
    theirs = folds([0.6, 0.7])
    theirs[1] = cell(fold=1, figures={"mrr": 0.1})
    found = compared(tmp_path, folds([0.5, 0.5]), theirs)
    (one,) = found.groups[0].rows
    assert (one.metric, one.found.first, one.found.second) == ("accuracy", 0.5, 0.6)
    assert one.found.wins == 1


def test_cells_that_failed_on_one_side_or_both_are_told_apart(tmp_path: Path) -> None:
    ours = [cell(fold=0), cell(fold=1), failed(fold=2), failed(fold=3)]
    theirs = [cell(fold=0), failed(fold=1), cell(fold=2), failed(fold=3)]
    found = compared(tmp_path, ours, theirs)
    assert found.groups[0].pairs == 1
    (failure,) = found.failures
    assert (failure.cell, failure.message) == ("one, joint, fold 1, seed 0", "it broke")
    alone, both = found.notes
    assert "1 run failed in it alone: one, joint, fold 2, seed 0" in alone
    assert "1 run failed in it and in the other, too: one, joint, fold 3, seed 0" in both


def test_where_no_pair_is_done_there_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no figure in common of 1 run that both hold"):
        compared(tmp_path, [failed()], [cell()])
    found = compared(tmp_path / "again", [cell()], [failed()])
    assert (found.groups, len(found.failures)) == ((), 1)
