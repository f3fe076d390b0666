"""RUN as a folder of several runs, at every verb that takes one."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

import dgljoint
from commands import ends
from dgljoint.data.store import CascadeStore
from dgljoint_cli.main import run
from stored_runs import write_run, write_study
from toys import toy_store


def shows(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_show_and_report_take_a_folder_of_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path / "study", [0.1, 0.3])
    shown = shows(capsys, "runs", "show", "study")
    assert "fold1-seed0     1     0     0.600" in shown
    assert "0.500 ± 0.141" in shown
    plain = json.loads(shows(capsys, "runs", "show", "study", "--format", "json"))
    assert [one["fold"] for one in plain["runs"]] == [0, 1]
    written = shows(capsys, "runs", "report", "study").split()
    assert written[0] == "study/report.html"
    assert "study/fold1-seed0/model_card.md" in written
    assert all(Path(file).is_file() for file in written)
    again = json.loads(shows(capsys, "runs", "report", "study", "--format", "json"))
    assert len(again["runs"]) == 2


def test_runs_that_have_no_common_result_are_refused_at_every_verb(tmp_path, capsys):
    write_run(tmp_path / "one")
    write_run(tmp_path / "other", "train.tasks=rumor", fold=1)
    for verb in (["evaluate"], ["runs", "show"], ["runs", "report"]):
        error = ends(capsys, 2, *verb, tmp_path).error
        assert "holds runs of different tasks" in error


def test_runs_of_a_study_without_a_result_are_named_with_the_reason(tmp_path, capsys):
    study = write_study(tmp_path / "study", [0.1, 0.3])
    cells = [
        {"run": "fold0-seed0", "state": "done", "message": ""},
        {"run": "fold1-seed0", "state": "done", "message": ""},
        {"run": "fold2-seed0", "state": "failed", "message": "the loss is not finite"},
        {"run": "fold3-seed0", "state": "not started", "message": ""},
    ]
    (study / "summary.json").write_text(json.dumps({"cells": cells}))
    shown = " ".join(shows(capsys, "runs", "show", study).split())
    assert "fold2-seed0 is left out: failed: the loss is not finite" in shown
    assert "fold3-seed0 is left out: not started" in shown
    assert "fold1-seed0 is left out" not in shown


@pytest.mark.parametrize("option", ["--deadlines", "--predictions"])
def test_what_is_of_a_single_run_is_refused(tmp_path, capsys, option):
    write_study(tmp_path / "study", [0.1, 0.3])
    error = ends(capsys, 2, "evaluate", tmp_path / "study", option, "all")
    assert f"{option} is for a single run" in error
    assert "runs list" in error


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[CascadeStore, Path]:
    """Two runs, of the folds 0 and 1; the others are in the training set of both."""
    folder = tmp_path_factory.mktemp("several")
    store = toy_store(folder / "toy.h5", cascades=48)
    for fold in (0, 1):
        dgljoint.train(
            store, encoder="gcn", fold=fold, epochs=1, out=folder / "study" / f"fold{fold}",
            options={"model": {"width": 8}}, device="cpu",
        )
    return store, folder / "study"


def test_evaluate_scores_each_run_and_their_mean(trained, capsys):
    _, study = trained
    plain = json.loads(shows(capsys, "evaluate", study, "--format", "json"))
    for fold, found in enumerate(plain["runs"]):
        stored = json.loads((study / f"fold{fold}" / "scores.json").read_text())["test"]
        assert found["rumor"] == stored["rumor"]
    accuracies = [one["rumor"]["accuracy"] for one in plain["runs"]]
    assert plain["figures"]["model"]["accuracy"]["mean"] == pytest.approx(sum(accuracies) / 2)
    part = json.loads(
        shows(capsys, "evaluate", study, "--part", "validation", "--format", "json")
    )
    assert part["part"] == part["runs"][0]["part"] == "validation"
    assert "mean ± sd" in shows(capsys, "evaluate", study)


def test_together_the_runs_of_a_fold_are_one_predictor(trained, capsys, tmp_path):
    store, study = trained
    both = tmp_path / "both"
    shutil.copytree(study / "fold0", both / "seed0")
    dgljoint.train(
        store, encoder="gcn", seed=1, epochs=1, out=both / "seed1",
        options={"model": {"width": 8}}, device="cpu",
    )
    found = json.loads(shows(capsys, "evaluate", both, "--together", "--format", "json"))
    (one,) = found["runs"]
    predicted = [row for row in rows(capsys, both).values() if row["part"] == "test"]
    assert {row["runs"] for row in predicted} == {"2"}
    right = sum((float(row["p_true"]) > 0.5) == (row["label"] == "true") for row in predicted)
    assert one["rumor"]["cascades"] == len(predicted)
    assert one["rumor"]["accuracy"] == pytest.approx(right / len(predicted))
    assert any("(fold 0: 2)" in note for note in found["notes"])
    single = json.loads(shows(capsys, "evaluate", study, "--together", "--format", "json"))
    assert [one["fold"] for one in single["runs"]] == [0, 1]


def test_together_is_refused_where_nothing_is_shared(trained, capsys):
    _, study = trained
    assert "is a single run" in ends(capsys, 2, "evaluate", study / "fold0", "--together").error
    error = ends(capsys, 2, "evaluate", study, "--together", "--part", "validation").error
    assert "the test set that the runs of a fold share" in error


def test_evaluate_takes_another_file_for_all_runs(trained, capsys, tmp_path):
    _, study = trained
    other = toy_store(tmp_path / "other.h5", cascades=80).path
    plain = json.loads(
        shows(capsys, "evaluate", study, "--on", other, "--format", "json")
    )
    assert [one["rumor"]["cascades"] for one in plain["runs"]] == [32, 32]
    assert any("EVENTS NOT KEPT APART" in note for note in plain["notes"])


def rows(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, dict[str, str]]:
    text = shows(capsys, "predict", *arguments, "-o", "-")
    return {row["cascade"]: row for row in csv.DictReader(io.StringIO(text))}


def mean(column: str, *found: dict[str, str]) -> object:
    values = [float(row[column]) for row in found]
    return pytest.approx(sum(values) / len(values), abs=1e-6)


def test_own_cascades_are_predicted_by_the_runs_that_did_not_train_on_them(trained, capsys):
    _, study = trained
    both = rows(capsys, study)
    alone = [rows(capsys, study / f"fold{fold}") for fold in (0, 1)]
    order = ("test", "validation", "train")
    seen = set()
    for name, row in both.items():
        parts = [own[name]["part"] for own in alone]
        best = min(parts, key=order.index)
        used = [own[name] for own, part in zip(alone, parts, strict=True) if part == best]
        assert (row["part"], row["runs"]) == (best, str(len(used)))
        assert float(row["p_true"]) == mean("p_true", *used)
        assert row["label"] == used[0]["label"]
        if used[0]["mrr"]:
            assert float(row["mrr"]) == mean("mrr", *used)
        seen.add((best, len(used)))
    assert {("test", 1), ("validation", 1), ("train", 2)} <= seen


def test_new_cascades_are_predicted_by_all_runs(trained, capsys, tmp_path):
    _, study = trained
    other = toy_store(tmp_path / "other.h5", cascades=80).path
    both = rows(capsys, study, other)
    alone = [rows(capsys, study / f"fold{fold}", other) for fold in (0, 1)]
    new = [name for name, row in both.items() if row["part"] == "new"]
    assert len(new) == 32
    for name in new:
        assert both[name]["runs"] == "2"
        for column in ("p_false", "p_true"):
            assert float(both[name][column]) == mean(column, *(own[name] for own in alone))


def test_the_summary_says_which_runs_speak(trained, capsys):
    _, study = trained
    said = shows(capsys, "predict", study)
    assert "averaged over 2 runs that WERE TRAINED ON IT" in said
    assert "of the runs' data, averaged over 1 run with it in the test set" in said
    plain = json.loads(shows(capsys, "predict", study, "--format", "json"))
    assert {row["runs"] for row in plain["predictions"]} == {1, 2}
    assert sum(plain["parts"].values()) == 48
    assert "--links is for a single run" in ends(
        capsys, 2, "predict", study, "--links", 3, "--format", "json"
    )


def test_runs_that_observe_different_shares_are_asked_for_one(trained, tmp_path, capsys):
    _, study = trained
    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    config = copy / "fold1" / "config.toml"
    config.write_text(config.read_text().replace("observed_share = 0.75", "observed_share = 0.5"))
    assert "observe different shares of a cascade: 0.5, 0.75" in ends(capsys, 2, "predict", copy)
    assert rows(capsys, copy, "--observed", "1h")


def test_python_opens_several_runs_and_shows_them(trained):
    store, study = trained
    opened = dgljoint.load_runs(study, device="cpu")
    assert len(opened) == 2
    found = opened.predict(store, indices=[3, 1])
    assert found.ids == ("c3", "c1")
    assert found.runs.tolist() == [1 if part != "train" else 2 for part in found.part]
    assert "runs" in repr(found).splitlines()[2].split()
    assert opened.predict(indices=[]).ids == ()
    assert "mean ± sd" in repr(opened)
