"""The runs of one folder taken together: which they are, their mean, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.scores import Scores
from dgljoint.runs.several import (
    gather_scores,
    holds_several,
    several_runs,
    stored_scores,
    write_page,
)
from dgljoint.runs.stored import StoredRun
from stored_runs import manifest, write_run, write_study


def test_runs_are_ordered_by_fold_and_seed_and_named_with_what_was_kept_apart(
    tmp_path: Path,
) -> None:
    for fold, seed in ((1, 0), (0, 1), (0, 0)):
        write_run(tmp_path / f"run{fold}{seed}", fold=fold, seed=seed)
    found = several_runs(tmp_path)
    assert [run.path.name for run in found.runs] == ["run00", "run01", "run10"]
    assert found.title == (
        f"3 runs in {tmp_path}, small, split event, folds 0-1, seeds 0-1: no event on both sides"
    )
    assert found.notes == ()


def test_a_run_that_has_not_ended_is_left_out_and_named(tmp_path: Path) -> None:
    write_study(tmp_path, [0.1, 0.2])
    write_run(tmp_path / "young", fold=2, finished=False)
    found = several_runs(tmp_path)
    assert len(found.runs) == 2
    assert found.notes == (f"{tmp_path / 'young'} is left out: its run has not ended",)
    write_run(tmp_path / "alone" / "young", finished=False)
    with pytest.raises(DataError, match=r"none of the 1 run in .*alone has ended"):
        several_runs(tmp_path / "alone")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"assignments": ("train.tasks=rumor",)},
         "different tasks, which have no common result: cascade, rumor in one; rumor in other"),
        ({"assignments": ("features.use=bow",)}, "different features, which have no common result: "
         "none in one; bow in other"),
        ({"described": {"data": {**manifest()["data"], "labels": ["true", "false", "unverified"]}}},
         "different classes, which have no common result: true, false in one; true, false, "
         "unverified in other"),
        ({"described": {"data": {**manifest()["data"], "name": "big", "content_digest": "d2"}}},
         "different data, which have no common result: small d1 in one; big d2 in other"),
        ({"split": "random"}, "different splits"),
    ],
)
def test_runs_that_have_no_common_result_are_named(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    write_run(tmp_path / "one")
    write_run(tmp_path / "other", *changes.pop("assignments", ()), fold=1, **changes)
    with pytest.raises(UsageError) as refused:
        several_runs(tmp_path)
    assert f"{tmp_path} holds runs of {said}" in str(refused.value)
    assert "dgljoint runs list" in str(refused.value)


def test_other_settings_that_differ_are_noted(tmp_path: Path) -> None:
    write_run(tmp_path / "one")
    write_run(tmp_path / "other", "train.batch=7", fold=1, encoder="gat")
    assert several_runs(tmp_path).notes == (
        "the runs differ in more than fold and seed: encoder, train.batch",
    )


def test_a_folder_of_runs_is_told_from_a_run_and_from_anything_else(tmp_path: Path) -> None:
    write_study(tmp_path / "study", [0.1])
    (tmp_path / "study" / "fold0-seed0" / "copies").mkdir()
    write_run(tmp_path / "study" / "fold0-seed0" / "copies" / "inner")
    (tmp_path / "empty").mkdir()
    paths = ("study", "study/fold0-seed0", "empty", "none")
    assert [holds_several(tmp_path / path) for path in paths] == [True, False, False, False]
    with pytest.raises(DataError, match=r"is no run folder: it has no config\.toml"):
        several_runs(tmp_path / "empty")


def test_scores_are_shown_for_each_run_and_over_all_of_them(tmp_path: Path) -> None:
    write_study(tmp_path, [0.1, 0.3])
    found = stored_scores(several_runs(tmp_path))
    assert [(one.fold, one.seed, one.scores.rumor.accuracy) for one in found.runs] == [
        (0, 0, 0.4), (1, 0, 0.6)
    ]
    mean = found.figures["model"]["accuracy"]
    assert (mean.mean, mean.n) == (pytest.approx(0.5), 2)
    assert mean.sd == pytest.approx(0.2 / 2**0.5)
    text = repr(found)
    assert "fold0-seed0     0     0     0.400" in text
    assert "0.500 ± 0.141" in text
    assert "majority guess  0.550 ± 0.000" in text
    assert max(map(len, text.splitlines())) <= 80
    plain = json.loads(json.dumps(found.to_dict()))
    assert (plain["folds"], plain["seeds"]) == ([0, 1], [0])
    assert plain["runs"][1]["rumor"]["accuracy"] == 0.6


def test_a_mean_over_some_of_the_runs_says_over_how_many(tmp_path: Path) -> None:
    several = several_runs(write_study(tmp_path, [0.1, 0.3]))

    def score(run: StoredRun) -> Scores:
        scores = run.typed_scores()["test"]
        return scores if run.config().fold else replace(scores, rumor=None)

    text = repr(gather_scores(several, "test", score))
    assert "0.600 (of 1)" in text
    assert "0.550 (of 1)" in text
    assert "0.500 ± 0.141" in text
    assert "± 0.141 (of" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_page_links_the_reports_and_escapes_names(tmp_path: Path) -> None:
    folder = tmp_path / "<b>"
    write_study(folder, [0.1, 0.3])
    page = write_page(stored_scores(several_runs(folder)), folder).read_text()
    assert '<a href="fold1-seed0/report.html">fold1-seed0</a>' in page
    assert "<b>,"  not in page
    assert "&lt;b&gt;" in page
