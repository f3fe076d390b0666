"""``evaluate`` on a run of the engine: tables, JSON, files and exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from commands import SMALL, ends, everything
from dgljoint_cli.main import run
from toys import hashed_store, toy_cascade, write_store


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    data = folder / "small.h5"
    assert run(["preprocess", "synthetic", "-o", str(data), "--name", "small", "-q",
                "-s", "cascades=40", "-s", "events=30"]) == 0
    assert run(["train", str(data), "--epochs", "1", *SMALL, "--out", str(folder / "run")]) == 0
    return folder / "run"


def lines(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_figures_of_the_run_are_shown_with_intervals_and_calibration(trained, capsys):
    capsys.readouterr()
    assert run(["evaluate", str(trained)]) == 0
    text = capsys.readouterr().out
    for part in ("95% interval over events", "cascades by class", "as predicted", "majority guess"):
        assert part in text
    assert run(["evaluate", str(trained), "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    written = json.loads((trained / "scores.json").read_text())["test"]
    for name in ("rumor", "links", "intervals", "calibration", "views"):
        assert values[name] == written[name], name
    assert set(values["intervals"]["figures"]) >= {"accuracy", "macro_f1", "mrr", "hits1"}
    assert values["calibration"]["temperature"] > 0


def test_predictions_are_written_of_the_part_scored(trained, tmp_path, capsys):
    file = tmp_path / "said.csv"
    arguments = ["evaluate", str(trained), "--part", "validation", "--predictions", str(file)]
    assert run(arguments) == 0
    mine = [line for line in lines(trained / "predictions.csv") if line["part"] == "validation"]
    assert lines(file) == mine
    file.write_text("mine")
    assert "exists" in ends(capsys, 2, *arguments).error
    assert file.read_text() == "mine"
    assert run([*arguments, "--force"]) == 0
    assert lines(file) == mine


def test_the_course_of_early_detection_is_a_row_a_deadline(trained, tmp_path, capsys):
    curve, said = tmp_path / "curve.csv", tmp_path / "said.csv"
    arguments = ["evaluate", str(trained), "--deadlines", "0,1h,1p,10p,all"]
    capsys.readouterr()
    assert run([*arguments, "--curve", str(curve), "--predictions", str(said)]) == 0
    text = capsys.readouterr().out
    title, head, *rows = text.splitlines()
    cascades = json.loads((trained / "scores.json").read_text())["test"]["rumor"]["cascades"]
    assert title == (
        f"early rumor detection, {cascades} cascades · test set of small, split event, fold 0: "
        "no event on both sides"
    )
    assert head.split() == [
        "seen", "until", "posts,", "mean", "median", "beyond", "source", "accuracy", "95%",
        "macro", "F1", "95%", "majority",
    ]
    assert [row.split("  ")[0] for row in rows[:5]] == ["0", "1h", "1 post", "10 posts", "all"]
    assert rows[0].split()[1:4] == ["1.0", "1.0", "0%"]
    assert run([*arguments, "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["run"], values["split"], values["untimed"]) == (str(trained), "event", 0)
    for line, row, shown in zip(lines(curve), values["deadlines"], rows[:5], strict=True):
        assert line["deadline"] == row["deadline"]
        assert float(line["macro_f1"]) == pytest.approx(row["rumor"]["macro_f1"])
        assert f"{row['rumor']['accuracy']:.3f}" in shown
    assert len(lines(said)) == 5 * cascades


def test_another_file_is_scored_but_for_what_both_hold(trained, tmp_path, capsys):
    other, said = tmp_path / "other.h5", tmp_path / "said.csv"
    assert run(["preprocess", "synthetic", "-o", str(other), "--name", "other", "-q", "-s",
                "cascades=52", "-s", "events=30"]) == 0
    parts = json.loads((trained / "manifest.json").read_text())["parts"]
    shared = {part: parts[part] for part in ("train", "validation", "test")}
    held = ", ".join(f"{count} {part}" for part, count in shared.items())
    arguments = ["evaluate", str(trained), "--on", str(other)]
    capsys.readouterr()
    assert run([*arguments, "--predictions", str(said)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(
        f"all cascades of other but {held} cascades of this run: kept apart by their ids, EVENTS "
        "NOT KEPT APART rumor detection, 12 cascades · other, trained on small, split event, fold 0"
    )
    assert "majority guess" in text
    assert "targets: all · other, trained on small, split event, fold 0" in text
    assert [line["cascade"] for line in lines(said)] == [f"synthetic-{n}" for n in range(40, 52)]
    assert {line["part"] for line in lines(said)} == {"new"}
    assert run([*arguments, "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["on"] == {"data": "other", "cascades": 12, "shared": shared, "doubts": []}
    assert (values["data"], values["split"], values["part"]) == ("small", "event", "test")
    assert values["rumor"]["cascades"] == 12

    assert run([*arguments, "--deadlines", "0,all"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(f"all cascades of other but {held} cascades")
    assert "early rumor detection, 12 cascades · other, trained on small, split event" in text
    assert run([*arguments, "--deadlines", "0,all", "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["on"]["shared"], values["deadlines"][0]["posts_mean"]) == (shared, 1)


def test_words_that_may_mean_something_else_are_doubted(tmp_path, capsys):
    out, one = tmp_path / "run", hashed_store(tmp_path / "one.h5", "toys")
    other = hashed_store(tmp_path / "two.h5", "others", start=20)
    assert run(["train", str(one.path), "--epochs", "1", *SMALL, "--out", str(out)]) == 0
    capsys.readouterr()
    assert run(["evaluate", str(out), "--on", str(other.path)]) == 0
    assert "doubtful: " in capsys.readouterr().err


def test_cascades_without_times_are_mentioned(tmp_path, capsys):
    made = [
        toy_cascade(f"c{n}", [-1, 0], event=f"e{n % 10}", label=("true", "false")[n % 20 // 10])
        for n in range(40)
    ]
    for cascade in made:
        cascade.delay_seconds[:] = 0
    data, folder = write_store(tmp_path / "small.h5", made), tmp_path / "run"
    assert run(["train", str(data), "--epochs", "1", *SMALL, "--out", str(folder)]) == 0
    capsys.readouterr()
    assert run(["evaluate", str(folder), "--deadlines", "1h,all"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of the cascades have no times: until the end only their source is seen" in said
    assert "1h 1.0 1.0 0%" in said
    assert "all 2.0 2.0 100%" in said


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message", "hint"),
    [
        (["--deadlines", "0,10"], 2, "deadline '10' has no unit", "10m"),
        (["--deadlines", "1h,soon"], 2, "deadline 'soon' cannot be read", "0,10m,1h,all"),
        (["--deadlines", ""], 2, "deadline '' cannot be read", "all"),
        (["--curve", "x.csv"], 2, "--curve needs deadlines", "--deadlines"),
        (["--predictions", "."], 2, "it is a folder", "name a file"),
        (["--predictions", "no/such/x.csv"], 2, "its folder does not exist", "name a file"),
        (["--part", "validation", "--on", "x.h5"], 2, "--part is of the run's own data", "leave"),
        (["--on", "x.h5"], 3, "x.h5", "preprocess"),
        (["--part", "meta"], 2, "meta", "dgljoint evaluate -h"),
    ],
)
def test_wrong_requests_are_named_and_nothing_is_written(
    trained, tmp_path, monkeypatch, capsys, arguments, exit_code, message, hint
):
    monkeypatch.chdir(tmp_path)
    before = everything(trained)
    said = ends(capsys, exit_code, "evaluate", trained, *arguments)
    assert message in said.error
    assert hint in said
    assert everything(trained) == before
    assert everything(tmp_path) == set()


def test_deadlines_of_no_run_folder_exit_3(tmp_path, capsys):
    assert "config.toml" in ends(capsys, 3, "evaluate", tmp_path, "--deadlines", "all").error


def test_deadlines_of_a_run_of_links_alone_exit_2(trained, tmp_path, capsys):
    out = tmp_path / "links"
    assert run(["train", str(trained.parent / "small.h5"), "--epochs", "1", *SMALL, "-s",
                "train.tasks=cascade", "--out", str(out)]) == 0
    said = ends(capsys, 2, "evaluate", out, "--deadlines", "all")
    assert "did not train" in said.error
    assert "train.tasks=both" in said
