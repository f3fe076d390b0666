"""RUN as a folder of several runs, at every verb that takes one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dgljoint
from commands import ends
from dgljoint.store import CascadeStore
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


def test_evaluate_takes_another_file_for_all_runs(trained, capsys, tmp_path):
    _, study = trained
    other = toy_store(tmp_path / "other.h5", cascades=80).path
    plain = json.loads(
        shows(capsys, "evaluate", study, "--on", other, "--format", "json")
    )
    assert [one["rumor"]["cascades"] for one in plain["runs"]] == [32, 32]
    assert any("EVENTS NOT KEPT APART" in note for note in plain["notes"])
