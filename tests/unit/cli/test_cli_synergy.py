"""``dgljoint synergy``: from run folders, trained where they are missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from commands import SMALL, ends
from dgljoint import training
from dgljoint.config.sources import resolve_config
from dgljoint.runs.stored import Protocol
from dgljoint.training.synergy import GradientCosine, Synergy, TaskGain
from dgljoint_cli.commands.synergy import synergy_tables
from dgljoint_cli.main import run
from dgljoint_cli.views.rendering import render

COMMON = (*SMALL, "--epochs", "2", "--split", "random")


def trained(data: Path, out: Path, *arguments: str) -> Path:
    assert run(["train", str(data), *COMMON, "--out", str(out), *arguments]) == 0
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Make data, a joint run with a plugin and a meta part, and its synergy."""
    folder = tmp_path_factory.mktemp("synergy")
    data = folder / "small.h5"
    assert run(["preprocess", "synthetic", "-o", str(data), "--name", "small", "-q",
                "-s", "cascades=40", "-s", "events=10"]) == 0
    plugins = ("--plugin", "contrastive", "--plugin", "meta_weight", "-s", "contrastive.weight=0.3")
    joint = trained(data, folder / "joint", *plugins, "-s", "gcn.layers=1")
    assert run(["synergy", str(joint), "-q"]) == 0
    return folder


def figure(folder: Path, name: str) -> float:
    test = json.loads((folder / "scores.json").read_text())["test"]
    return test["rumor"]["macro_f1"] if name == "rumor" else (
        test["links"]["all"]["rows"]["model"]["mrr"]
    )


def test_missing_runs_are_trained_alone_on_an_equal_budget(folder, capsys):
    joint = resolve_config(file=folder / "joint" / "config.toml")
    for task in ("cascade", "rumor"):
        single = resolve_config(file=folder / f"joint-{task}-alone" / "config.toml")
        assert single.plugins == ()
        assert single.train.tasks == task
        assert single.train.model_copy(update={"tasks": "both"}) == joint.train
        for same in ("data", "split", "fold", "seed", "encoder", "model", "cascade", "features"):
            assert getattr(single, same) == getattr(joint, same)
        assert single.options["gcn"] == joint.options["gcn"] == {"layers": 1, "dropout": 0.5}
    capsys.readouterr()
    assert run(["synergy", str(folder / "joint"), "--format", "json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    gains = []
    for task in ("cascade", "rumor"):
        before = figure(folder / f"joint-{task}-alone", task)
        after = figure(folder / "joint", task)
        assert (found["tasks"][task]["alone"], found["tasks"][task]["joint"]) == (before, after)
        gains.append(after / before - 1)
    assert found["synergy"] == pytest.approx(sum(gains) / 2)
    lines = (folder / "joint" / "metrics.jsonl").read_text().splitlines()
    cosines = [json.loads(line)["diagnostics"]["gradient_cosine"] for line in lines]
    assert found["gradient_cosine"]["by_epoch"] == cosines
    assert found["gradient_cosine"]["last"] == cosines[-1]
    assert (found["split"], found["disjoint"], found["differences"]) == ("random", None, [])


def test_runs_that_are_there_are_not_trained_again(folder, capsys, monkeypatch):
    def train(*arguments, **settings):
        raise AssertionError("trained again")

    monkeypatch.setattr("dgljoint.training.synergy.train", train)
    assert run(["synergy", str(folder / "joint")]) == 0
    captured = capsys.readouterr()
    assert "the rumor task alone: found in" in captured.err
    assert "test set of small, split random, fold 0: RANDOM FOLDS" in captured.out


def test_an_interrupted_single_run_is_gone_on_with(folder, tmp_path, capsys):
    shutil.copytree(folder / "joint", tmp_path / "joint")
    for task in ("cascade", "rumor"):
        shutil.copytree(folder / f"joint-{task}-alone", tmp_path / f"joint-{task}-alone")
    cut = tmp_path / "joint-rumor-alone"
    (cut / "scores.json").unlink()
    metrics = (cut / "metrics.jsonl").read_text()
    assert run(["synergy", str(tmp_path / "joint"), "-q"]) == 0
    assert (cut / "metrics.jsonl").read_text() == metrics
    assert figure(cut, "rumor") == figure(folder / "joint-rumor-alone", "rumor")


def test_a_folder_with_another_run_is_not_taken_for_the_single_one(folder, tmp_path, capsys):
    shutil.copytree(folder / "joint", tmp_path / "joint")
    other = trained(folder / "small.h5", tmp_path / "joint-cascade-alone", "--seed", "3")
    assert "seed 3 -> 0" in ends(capsys, 2, "synergy", tmp_path / "joint", "-q")
    assert resolve_config(file=other / "config.toml").seed == 3


def test_runs_given_are_taken_and_unequal_budgets_said(folder, tmp_path, capsys):
    data = folder / "small.h5"
    rumor = trained(data, tmp_path / "r", "-s", "train.tasks=rumor", "-s", "gcn.layers=1",
                    "-s", "train.patience=1")
    arguments = ["synergy", str(folder / "joint"), "--rumor", str(rumor)]
    assert run(arguments) == 0
    assert "budgets are not equal: r: train.patience 1, 10 in joint" in capsys.readouterr().err
    assert run([*arguments, "--format", "json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["alone"]["rumor"] == str(rumor)


def test_what_cannot_be_compared_is_refused(folder, tmp_path, capsys):
    data, joint = folder / "small.h5", folder / "joint"
    said = ends(capsys, 2, "synergy", joint, "--rumor", folder / "joint-cascade-alone")
    assert "trained the cascade task alone, expected the rumor task alone" in said.error
    assert "train.tasks=rumor" in said
    said = ends(capsys, 2, "synergy", folder / "joint-rumor-alone", "-q")
    assert "trained the rumor task alone, expected both" in said.error
    assert not (folder / "joint-rumor-alone-cascade-alone").exists()
    fold = trained(data, tmp_path / "fold", "-s", "train.tasks=rumor", "--fold", "1")
    said = ends(capsys, 3, "synergy", joint, "--rumor", fold)
    assert "cannot be compared: fold 0 and 1" in said.error
    other = tmp_path / "other.h5"
    assert run(["preprocess", "synthetic", "-o", str(other), "-q", "--seed", "1",
                "-s", "cascades=40", "-s", "events=10"]) == 0
    split = trained(other, tmp_path / "split", "-s", "train.tasks=rumor")
    said = ends(capsys, 3, "synergy", joint, "--rumor", split)
    assert "split digest" in said.error
    share = trained(data, tmp_path / "share", "-s", "train.tasks=rumor",
                    "-s", "cascade.observed_share=0.5")
    said = ends(capsys, 3, "synergy", joint, "--rumor", share)
    assert "cascade.observed_share 0.75 and 0.5" in said.error


def test_what_is_no_finished_run_exits_3(folder, tmp_path, capsys):
    assert "no run folder" in ends(capsys, 3, "synergy", tmp_path / "none").error
    half = tmp_path / "half"
    shutil.copytree(folder / "joint", half)
    (half / "scores.json").unlink()
    said = ends(capsys, 3, "synergy", half)
    assert "its run has not ended" in said.error
    assert f"dgljoint train --resume --out {half}" in said
    (half / "scores.json").write_text("{")
    assert "scores.json is not readable" in ends(capsys, 3, "synergy", half).error


def test_the_engine_is_asked_with_the_joint_run_s_settings(folder, monkeypatch, tmp_path):
    shutil.copytree(folder / "joint", tmp_path / "joint")
    asked = []

    def train(inputs, out, **settings):
        asked.append((inputs.config.train.tasks, out, settings["resume"]))
        return training.train(inputs, out, **settings)

    monkeypatch.setattr("dgljoint.training.synergy.train", train)
    assert run(["synergy", str(tmp_path / "joint"), "-q"]) == 0
    assert asked == [
        (task, tmp_path / f"joint-{task}-alone", False) for task in ("cascade", "rumor")
    ]


def test_the_course_of_the_cosine_is_drawn_in_few_rows(capsys):
    cosines = tuple(1 - 2 * epoch / 59 for epoch in range(60))
    found = Synergy(
        {"cascade": TaskGain("MRR", 0.6, 0.5, 0.2), "rumor": TaskGain("macro F1", 0.3, 0.0, None)},
        None,
        GradientCosine(cosines, 0.0, 1.0, -1.0),
    )
    render(*synergy_tables(found, Protocol("t15", "event", 0, "event")))
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines]
    assert ["cascade", "MRR", "0.500", "0.600", "+20.0", "%"] in rows
    assert ["rumor", "macro", "F1", "0.000", "0.300", "–"] in rows
    bars = [line for line in lines if "│" in line]
    assert len(bars) == 12
    assert bars[0].split()[0] == "1-5"
    assert bars[0].index("│") < bars[0].index("█")
    assert bars[-1].index("█") < bars[-1].index("│")
    assert len({bar.index("│") for bar in bars}) == 1
    render(*synergy_tables(
        Synergy(found.tasks, None, GradientCosine((), None, None, None)),
        Protocol("t15", "event", 0, "event"),
    ))
    assert "logged no cosine" in capsys.readouterr().out
