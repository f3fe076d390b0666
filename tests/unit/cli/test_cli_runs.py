"""``dgljoint runs``: list, show, compare and report what training left on disk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from commands import ends
from dgljoint._internal.files import locked
from dgljoint_cli.main import run
from stored_runs import write_run, write_study


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that works; return what it wrote."""
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def from_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    return json.loads(said(capsys, *arguments, "--format", "json"))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Make two finished runs, one that has not ended, one that has begun and one that is broken."""
    folder = tmp_path / "runs"
    write_run(folder / "good", accuracy=0.7, mrr=0.2, plugins=("contrastive",), seed=2)
    write_run(folder / "study" / "better", accuracy=0.6, mrr=0.4, fold=1)
    write_run(folder / "half", "train.epochs=9", finished=False)
    write_run(folder / "begun", finished=False, epochs=0)
    (write_run(folder / "bad") / "manifest.json").write_text("{")
    return folder


def test_every_run_has_a_row(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, *rows, cause = said(capsys, "runs", "list", runs).splitlines()
    assert head.split() == ["name", "date", "tasks", "data", "state", "accuracy", "macro", "F1",
                            "MRR", "best", "epoch", "split", "fold", "seed", "encoder", "plugins"]
    cells = {row.split()[0]: row.split() for row in rows}
    assert list(cells) == ["bad", "begun", "good", "half", "study/better"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", " ".join(cells["good"][1:3]))
    assert cells["good"][3:] == ["both", "small", "finished", "0.700", "0.350", "0.200", "2",
                                 "event", "0", "2", "gcn", "contrastive"]
    assert " ".join(cells["half"][5:11]) == "resumable at epoch 3 of 9"
    assert "started, nothing saved yet" in " ".join(cells["begun"])
    assert cells["bad"][5:10] == ["broken", "–", "–", "–", "–"]
    assert cause.startswith("bad is broken: manifest.json is not readable (")


def test_a_run_at_work_is_told_from_one_to_be_resumed(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(runs / "half"):
        assert "running, 3 of 9 epochs done" in said(capsys, "runs", "list", runs)
        assert "half · running, 3 of 9" in said(capsys, "runs", "show", runs / "half")


def test_runs_are_sorted_and_what_has_no_figure_stands_last(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, names in (
        ("accuracy", ["good", "study/better"]), ("mrr", ["study/better", "good"]),
        ("best_epoch", ["good", "half", "study/better"]),
        ("seed", ["bad", "begun", "half", "study/better", "good"]),
    ):
        found = from_json(capsys, "runs", "list", runs, "--sort", key)
        assert [row["name"] for row in found][: len(names)] == names
    assert len(found) == 5
    assert "'name', 'date'" in ends(capsys, 2, "runs", "list", runs, "--sort", "sed").error


def test_the_list_as_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in from_json(capsys, "runs", "list", runs)}
    good = rows["good"]
    assert good["path"] == str(runs / "good")
    assert (good["state"], good["plugins"], good["fold"]) == ("finished", ["contrastive"], 0)
    assert (good["best_epoch"], good["figures"]["accuracy"]) == (2, 0.7)
    assert rows["half"]["state"] == "resumable"
    assert rows["half"]["figures"] == {}
    assert rows["bad"]["cause"].startswith("manifest.json is not readable")


def test_where_runs_are_looked_for(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    assert said(capsys, "runs", "list") == said(capsys, "runs", "list", "runs")
    assert said(capsys, "runs", "list", "runs/good").splitlines()[1].startswith("good ")
    Path("empty").mkdir()
    assert said(capsys, "runs", "list", "empty") == "there are no runs in empty\n"
    assert from_json(capsys, "runs", "list", "empty") == []
    assert "there is no folder none" in ends(capsys, 2, "runs", "list", "none").error


def test_a_run_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(
        tmp_path / "a", "train.batch=8", "contrastive.temperature=0.2", epochs=40,
        plugins=("contrastive", "not_installed"),
    )
    text = " ".join(said(capsys, "runs", "show", folder).split())
    for words in (
        "a · finished", "small, split event, fold 0: no event on both sides", "digest d1",
        "parameters 1234", "torch 2.13.0", "gcn (dgljoint 0.1.0)",
        "parts train 24, meta 0, validation 8, test 8",
        "epochs 40 of at most 60; selected: 2",
        "options.contrastive.temperature 0.2 0.1", "train.batch 8 32", "encoder gcn bigcn",
        "rumor detection, 8 cascades · test set of small", "majority guess 0.550",
    ):
        assert words in text, words
    assert "train.clip" not in text
    course = said(capsys, "runs", "show", folder).split("validation\n")[1].splitlines()
    head, *rows = course[: course.index("")]
    assert head.split() == ["epochs", "score", "macro", "F1", "MRR", "gradient", "cosine",
                            "score,", "0", "to", "1"]
    assert len(rows) == 12
    assert rows[0].split() == ["1-3", "0.300", "0.200", "0.400", "-0.200", "██████",
                               "best", "so", "far"]
    assert rows[-1].split() == ["37-40", "0.300", "0.200", "0.400", "-3.850", "██████"]


def test_a_run_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "a", "train.batch=8", accuracy=0.75)
    found = from_json(capsys, "runs", "show", folder)
    assert found["changed_settings"] == {"encoder": "gcn", "train.batch": 8}
    assert found["config"]["train"]["batch"] == 8
    assert found["manifest"]["packages"] == {"torch": "2.13.0"}
    assert found["protocol"]["kept"] == "no event on both sides"
    assert [record["epoch"] for record in found["epochs_done"]] == [1, 2, 3]
    assert found["scores"]["test"]["rumor"]["accuracy"] == 0.75


def test_a_run_that_has_not_ended_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = said(capsys, "runs", "show", write_run(tmp_path / "half", finished=False))
    assert "half · resumable at epoch 3 of 60" in half
    assert "rumor detection" not in half
    begun = write_run(tmp_path / "begun", finished=False, epochs=0)
    assert "no epoch has ended yet" in said(capsys, "runs", "show", begun)


def test_what_is_no_run_is_said(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("show", "report"):
        (runs.parent / "empty").mkdir(exist_ok=True)
        assert "is no run folder" in ends(capsys, 3, "runs", verb, runs.parent / "empty").error
        assert "bad: manifest.json is not readable" in ends(capsys, 3, "runs", verb, runs).error
        assert "manifest.json is not readable" in ends(capsys, 3, "runs", verb, runs / "bad").error


def test_studies_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write_study(tmp_path / "a", [0.0, 0.1, 0.2, 0.1, 0.0, 0.1])
    second = write_study(tmp_path / "b", [0.1, 0.2, 0.3, 0.2, 0.1, 0.2], plugins=("contrastive",))
    text = said(capsys, "runs", "compare", first, second)
    assert f"A = {first} · B = {second} · 6 pairs of small, split event: no event on" in text
    row = next(line for line in text.splitlines() if line.startswith("accuracy"))
    assert " ".join(row.split()) == (
        "accuracy 0.383 0.483 +0.100 0.000 +0.100 to +0.100 0.031 0.188 6/0/0"
    )
    assert "['contrastive']" in text
    found = from_json(capsys, "runs", "compare", first, second, "--metric", "mrr")
    (side,) = found["sides"]
    (only,) = side["rows"]
    assert only["metric"] == "mrr"
    assert only["found"]["difference"] == pytest.approx(0.1)
    assert only["holm"] == only["found"]["p"] == pytest.approx(2 / 64)
    assert side["cells"] == [[fold, 0] for fold in range(6)]
    assert side["settings"] == {"plugins": [[], ["contrastive"]]}
    table = said(capsys, "runs", "compare", first, second, "--format", "markdown")
    assert "| accuracy | 0.383 | 0.483 | +0.100 |" in table
    assert "95 % intervals by resampling pairs." in table


def test_too_few_pairs_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (write_study(tmp_path / name, [0.0, 0.1]) for name in "ab")
    text = said(capsys, "runs", "compare", first, second)
    assert "fewer than 5 pairs have no interval" in text
    assert "fewer than 6 pairs have no test" in text
    one = said(capsys, "runs", "compare", first / "fold0-seed0", second / "fold0-seed0")
    assert "one pair: its difference alone, which may be chance" in one
    assert "no difference in settings" in one
    assert "fewer than" not in one


def test_what_cannot_be_compared_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write_run(tmp_path / "a")
    other = write_run(tmp_path / "b", fold=1)
    assert "cannot be compared: fold 0 and 1" in ends(
        capsys, 3, "runs", "compare", first, other).error
    assert "nothing to compare with" in ends(capsys, 2, "runs", "compare", first).error
    refused = ends(capsys, 2, "runs", "compare", first, other, "--metric", "acuracy")
    assert "there is no figure 'acuracy'" in refused.error
    assert "did you mean 'accuracy'" in refused


def test_reports_are_written_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "a")
    written = [folder / "report.html", folder / "model_card.md"]
    assert said(capsys, "runs", "report", folder).split() == [str(path) for path in written]
    for path in written:
        path.unlink()
    assert from_json(capsys, "runs", "report", folder) == {
        "run": str(folder), "report": str(written[0]), "model_card": str(written[1])}
    assert all(path.is_file() for path in written)
