"""``predict``: its forms on stdout, the file it writes, what it refuses."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

import dgljoint
from commands import ends
from dgljoint_cli.main import run
from toys import LABELS, hashed_store, toy_store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Give a run; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("predict")
    store = toy_store(folder / "toy.h5", cascades=48)
    result = dgljoint.train(
        store.path, encoder="gcn", out=folder / "run",
        options={"train": {"epochs": 1, "batch": 16}, "model": {"width": 8}},
    )
    return SimpleNamespace(store=store, path=str(result.folder))


def test_a_file_has_a_line_a_cascade(made, tmp_path, capsys):
    other = toy_store(tmp_path / "other.h5", cascades=30, seed=4)
    out = tmp_path / "predictions.csv"
    assert run(["predict", made.path, str(other.path), "-o", str(out)]) == 0
    captured = capsys.readouterr()
    kept = dgljoint.load_run(made.path).predict(other).parts
    assert kept["train"] > 10
    assert kept["new"] == 0
    counted = f"{kept['train']} train, {kept['validation']} validation, {kept['test']} test"
    line = f"cascades by part of the run: {counted}; it was trained on {kept['train']} of them\n"
    assert captured.err == f"{line}{out}: 30 cascades\n"
    lines = list(csv.DictReader(out.read_text().splitlines()))
    assert list(lines[0]) == [
        "part", "cascade", "event", "label", "predicted", "p_false", "p_true", "posts",
        "observed_posts", "targets", "mrr",
    ]
    found = dgljoint.load_run(made.path).predict(other)
    assert [line["cascade"] for line in lines] == list(found.ids)
    assert [line["predicted"] for line in lines] == list(found.predicted)
    assert float(lines[7]["p_true"]) == pytest.approx(found.probability[7, 1], rel=1e-8)
    assert {line["mrr"] == "" for line in lines if line["targets"] == "0"} == {True}
    counts = [f"{name} {found.predicted.count(name)}" for name in LABELS]
    assert captured.out == f"{line}30 cascades: {', '.join(counts)}\n"

    assert "exists" in ends(capsys, 2, "predict", made.path, other.path, "-o", out).error
    assert run(["predict", made.path, "-q", "--force", "-o", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 49


def test_stdout_takes_csv_and_nothing_else(made, capsys):
    assert run(["predict", made.path, "--observed", "1", "-o", "-"]) == 0
    captured = capsys.readouterr()
    lines = list(csv.DictReader(captured.out.splitlines()))
    assert len(lines) == 48
    assert captured.err.startswith("cascades by part of the run: ")
    assert captured.err.count("\n") == 1
    assert all(line["posts"] == line["observed_posts"] for line in lines)


@pytest.mark.parametrize(("observed", "most"), [("2p", 2), ("0", 1), ("1m", 2), ("all", 14)])
def test_a_deadline_may_be_given_for_a_share(made, capsys, observed, most):
    assert run(["predict", made.path, "--observed", observed, "-o", "-"]) == 0
    lines = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert max(int(line["observed_posts"]) for line in lines) == most
    assert {line["targets"] for line in lines} == {"0"}


def test_the_table_shows_the_first_and_counts_all(made, capsys):
    assert run(["predict", made.path]) == 0
    text = capsys.readouterr().out
    assert "c0 " in text
    assert "c19 " in text
    assert "c20 " not in text
    assert "… and 28 more: -o FILE writes them all" in text
    assert "48 cascades: false " in text


def test_json_has_all_with_links_on_request(made, capsys):
    assert run(["predict", made.path, "--format", "json", "--links", "3"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["run"] == made.path
    assert said["data"] == str(made.store.path)
    assert said["label_names"] == list(LABELS)
    assert len(said["predictions"]) == 48
    assert said["never_predicted"] == []
    counted = Counter(row["part"] for row in said["predictions"])
    assert counted == {part: count for part, count in said["parts"].items() if count}
    assert set(said["parts"]) == {"train", "validation", "test", "new"}
    links = [ranking for ranking in said["links"] if ranking["post"] > 3]
    assert links
    assert all(len(link["candidates"]) == len(link["scores"]) == 3 for link in links)
    assert run(["predict", made.path, "--format", "json"]) == 0
    assert "links" not in json.loads(capsys.readouterr().out)


def test_what_cannot_be_made_sure_of_is_said(made, tmp_path, capsys):
    store = hashed_store(tmp_path / "a.h5", "one")
    result = dgljoint.train(
        store.path, encoder="gcn", out=tmp_path / "run",
        options={"train": {"epochs": 1}, "model": {"width": 8}},
    )
    other = hashed_store(tmp_path / "b.h5", "other")
    assert run(["predict", str(result.folder), str(other.path)]) == 0
    assert "doubtful: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["--links", "3"], 2, "--links needs the JSON format"),
        (["--links", "0", "--format", "json"], 2, "0 is not in the range"),
        (["--observed", "1.5"], 2, "observed is 1.5, expected a share"),
        (["--observed", "soon"], 2, "deadline 'soon' cannot be read"),
        (["-o", "-", "--format", "json"], 2, "both write to stdout"),
        (["-o", "."], 2, "is a folder"),
        (["missing.h5"], 3, "missing.h5: no such file"),
    ],
)
def test_wrong_requests_are_refused(made, capsys, arguments, exit_code, said):
    assert said in ends(capsys, exit_code, "predict", made.path, *arguments).error


def test_no_run_folder_exits_3(tmp_path, capsys):
    assert "no run folder" in ends(capsys, 3, "predict", tmp_path).error


def test_of_its_own_data_a_run_says_what_stands_in_its_folder(made, capsys):
    """Line by line, to the last digit but one: batches of other cascades round otherwise."""
    assert run(["predict", made.path, "-o", "-"]) == 0
    found = {line["cascade"]: line for line in csv.DictReader(capsys.readouterr().out.splitlines())}
    text = Path(made.path, "predictions.csv").read_text()
    stored = list(csv.DictReader(text.splitlines()))
    assert {line["part"] for line in stored} == {"validation", "test"}
    assert len(stored) > 15
    for line in stored:
        said = found[line["cascade"]]
        assert list(said) == list(line)
        for name, value in line.items():
            number = name.startswith("p_") or (name == "mrr" and value)
            assert said[name] == value or (
                number and float(said[name]) == pytest.approx(float(value), rel=1e-4)
            )
