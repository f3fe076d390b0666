"""What the end of a run writes for people, and that nothing of it can cost the scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dgljoint.data.store import CascadeStore
from dgljoint.errors import RunFailedError
from dgljoint.runs.compare_folders import compare_runs
from dgljoint.runs.listing import read_facts, summarize
from dgljoint.runs.stored import read_predictions
from dgljoint.training import Callback, plan_run, resolve_run
from runs import run
from stored_runs import manifest, record, scores
from toys import toy_config


class Listener(Callback):
    def __init__(self) -> None:
        self.said: list[str] = []

    def message(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a run, and one of another seed beside it."""
    from toys import toy_store

    folder = tmp_path_factory.mktemp("runs")
    store = toy_store(folder / "toy.h5", cascades=96)
    for seed in (0, 1):
        run(store, folder / f"s{seed}", plugins=("contrastive",), seed=seed)
    return folder


def test_the_end_of_a_run_writes_its_report(finished: Path) -> None:
    page = (finished / "s0" / "report.html").read_text()
    found = json.loads((finished / "s0" / "scores.json").read_text())["test"]
    assert f"{found['rumor']['accuracy']:.3f}</td>" in page
    assert "95% interval" in page
    assert f"{found['links']['all']['rows']['source']['mrr']:.3f}" in page
    assert "no event on both sides" in page
    assert "Wrong with most confidence" in page
    assert "contrastive" in (finished / "s0" / "model_card.md").read_text()


def test_the_manifest_says_how_the_data_were_cut(finished: Path) -> None:
    found = json.loads((finished / "s0" / "manifest.json").read_text())
    store = CascadeStore(finished / "toy.h5")
    plan = plan_run(resolve_run(toy_config(store, plugins=("contrastive",))))
    assert found["parts"] == plan.parts
    assert found["split"]["kept_apart"] == store.kept_apart("event") == "event"
    assert found["split"]["folds"] == store.split("event").folds
    assert (found["data"]["cascades"], found["data"]["posts"]) == (96, store.posts)
    assert found["data"]["labels"] == list(store.label_names)
    references = {row["name"]: row["reference"] for row in found["plugins"]}
    assert references["contrastive"]["url"] == "https://arxiv.org/abs/1807.03748"
    assert references["fixed"] is None


def test_what_training_writes_is_what_the_tests_of_records_write(finished: Path) -> None:
    folder = finished / "s0"
    assert set(manifest()) <= set(json.loads((folder / "manifest.json").read_text()))
    line = (folder / "metrics.jsonl").read_text().splitlines()[0]
    assert set(record(1)) == set(json.loads(line))
    assert set(scores("test").to_dict()) == set(
        json.loads((folder / "scores.json").read_text())["test"])


def test_records_of_a_run_are_read_back(finished: Path) -> None:
    facts = read_facts(finished / "s0")
    assert facts.summary == summarize(finished / "s0", "s0")
    assert facts.summary.state == "finished"
    found = json.loads((finished / "s0" / "scores.json").read_text())
    assert {part: one.to_dict() for part, one in facts.scores.items()} == {
        part: {**values, "calibration": facts.scores[part].to_dict()["calibration"],
               "intervals": facts.scores[part].to_dict()["intervals"],
               "tasks": tuple(values["tasks"]), "notes": tuple(values["notes"])}
        for part, values in found.items()
    }
    said = read_predictions(facts.run)
    assert said is not None
    test = facts.scores["test"]
    assert test.rumor is not None
    assert len(said.lines) == test.rumor.cascades
    right = np.mean([line.label == line.predicted for line in said.lines])
    assert right == pytest.approx(test.rumor.accuracy)


def test_two_runs_are_compared_over_their_events(finished: Path) -> None:
    found = compare_runs((finished / "s0", finished / "s1"))
    (side,) = found.sides
    assert side.basis == "events"
    assert side.settings == {"seed": (0, 1)}
    for row in side.rows[:3]:
        assert row.found.interval is not None
        low, high = row.found.interval
        assert low <= row.found.difference <= high, row.metric


def test_a_report_that_cannot_be_written_costs_no_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toys import toy_store

    def refuse(folder: Path) -> None:
        assert (folder / "scores.json").is_file()
        raise RunFailedError("cannot write report.html: the disk is full")

    monkeypatch.setattr("dgljoint.training.run.write_reports", refuse)
    listener = Listener()
    store = toy_store(tmp_path / "toy.h5", cascades=48)
    result = run(store, tmp_path / "a", "train.epochs=1", callback=listener)
    assert result.best_epoch == 1
    assert listener.said == [
        "no report was written: cannot write report.html: the disk is full; write it with: "
        f"dgljoint runs report {tmp_path / 'a'}"
    ]


def test_a_run_started_over_drops_the_earlier_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toys import toy_store

    store = toy_store(tmp_path / "toy.h5", cascades=48)
    run(store, tmp_path / "a", "train.epochs=1")
    assert (tmp_path / "a" / "report.html").is_file()
    monkeypatch.setattr("dgljoint.training.run.write_reports", lambda folder: None)
    run(store, tmp_path / "a", "train.epochs=1", force=True)
    assert not (tmp_path / "a" / "report.html").exists()
    assert not (tmp_path / "a" / "model_card.md").exists()
