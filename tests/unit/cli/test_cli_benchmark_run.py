"""``dgljoint benchmark run``: names, data and files that are wrong, and what a dry run shows."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from commands import ends, everything
from dgljoint.runs.records import DONE, RunRecord
from dgljoint_bench.results.database import Results
from dgljoint_cli.main import run
from suites import TINY, plan_of
from toys import toy_store

RUN = ("benchmark", "run")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    toy_store(tmp_path / "toy.h5")
    (tmp_path / "tiny.toml").write_text(TINY + '[[tables]]\ndata = "absent"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_dry_run_lists_the_cells_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(folder)
    assert run([*RUN, "tiny.toml", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("toy: 64 cascades, split event: no ")
    assert "6 runs:\n  toy, joint, fold 0, seed 0\n" in out
    assert err == "left out: 'absent', whose data are not here\n"
    arguments = ("--dry-run", "--only", "joint", "--folds", "1", "--seeds", "0,7", "-q")
    assert run([*RUN, "tiny.toml", *arguments, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["suite"] == "tiny"
    assert [cell["cell"] for cell in found["cells"]] == [
        "toy, joint, fold 1, seed 0", "toy, without a model, fold 1", "toy, joint, fold 1, seed 7",
    ]
    assert found["cells"][0]["trials"][0]["model"]["width"] == 8
    assert everything(folder) == before
    assert not (folder / "runs").exists()


def test_data_that_a_suite_generates_need_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text(
        'summary = "s"\n[configurations.joint]\n'
        '[[tables]]\nname = "small"\n'
        'data = "synthetic:world=both,strength=0.5,cascades=40,events=20"\n'
    )
    assert run([*RUN, "own.toml", "--dry-run", "-q"]) == 0
    assert "small: 40 cascades" in capsys.readouterr().out
    assert [file.name for file in tmp_path.iterdir()] == ["own.toml"]


def test_a_dry_run_tells_what_a_results_file_leaves_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(folder, folds=[0])
    with Results(folder / "results.sqlite", create=True) as file:
        file.describe("tiny", plan.suite.model_dump(mode="json"), plan.tables)
        for job in plan.jobs[1:]:
            file.record(RunRecord(job.key, job.digest, DONE, tests_seen=0))
    arguments = [*RUN, "tiny.toml", "--dry-run", "--folds", "0", "-q"]
    assert run(arguments) == 0
    left = "1 run (2 more are done):\n  toy, joint, fold 0, seed 0\n"
    assert capsys.readouterr().out.endswith(left)
    assert run([*arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["done"] == 2
    assert [cell["cell"] for cell in found["cells"]] == ["toy, joint, fold 0, seed 0"]
    other = folder / "tiny.toml"
    other.write_text(TINY.replace("batch = 8", "batch = 4"))
    said = ends(capsys, 2, *arguments)
    assert "run with other settings" in said.error
    assert run([*arguments, "--replace"]) == 0
    assert capsys.readouterr().out.startswith("toy: ")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("--only", "jont"), "no configuration 'jont'", "joint"),
        (("--table", "tooy"), "no table 'tooy'", "toy"),
        (("--table", "absent"), "are not here: absent.h5", "dgljoint preprocess"),
        (("--folds", "99"), "99", ""),
        (("--folds", "a"), "--folds", ""),
        (("--cluster", "tcp://a:1", "--jobs", "2"), "takes no --jobs", ""),
        (("--data", "none"), "are not here: toy.h5, absent.h5", "dgljoint preprocess"),
    ],
)
def test_what_is_mistyped_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str,
    hint: str,
) -> None:
    before = everything(folder)
    said = ends(capsys, 2, *RUN, "tiny.toml", *arguments, "-q")
    assert message in said.error
    assert hint in said
    assert everything(folder) == before


def _text(file: Path) -> None:
    file.write_text("something else, and rather long at that " * 100)


def _database(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE a (b)")
    connection.close()


def _damaged(file: Path) -> None:
    with Results(file, create=True):
        pass
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _other_version(file: Path) -> None:
    with Results(file, create=True):
        pass
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 77")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "code", "message"),
    [
        (_text, 3, "not a readable results file"),
        (_database, 3, "is a database, but no results file"),
        (_damaged, 3, "not a readable results file"),
        (_other_version, 3, "has version 77 of the results file, expected 2"),
        (Path.mkdir, 1, "cannot be used"),
    ],
)
def test_a_results_file_that_is_none_is_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str], spoil: object, code: int, message: str
) -> None:
    file = folder / "results.sqlite"
    assert callable(spoil)
    spoil(file)
    before = file.read_bytes() if file.is_file() else None
    said = ends(capsys, code, *RUN, "tiny.toml", "--table", "toy", "-q")
    assert message in said.error
    assert (file.read_bytes() if file.is_file() else None) == before
    assert not list((folder / "runs" / "benchmark").rglob("job.json"))
