"""``dgljoint benchmark compare``: what it tells apart, both forms, the exit code of the gate."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import ends
from compared_results import cell, failed, folds, write_results, write_speeds
from dgljoint_cli.main import run

COMPARE = ("benchmark", "compare")


def said(capsys: pytest.CaptureFixture[str], exit_code: int, *arguments: object) -> tuple[str, str]:
    """Run a command that shows its result, whatever it ends with."""
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == exit_code
    out, err = capsys.readouterr()
    assert out
    return out, err


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a reference, one like it and one that is worse."""
    folder = tmp_path_factory.mktemp("written")
    write_results(
        folder / "a.sqlite",
        folds([0.5, 0.6, 0.55, 0.5, 0.52, 0.57]) + folds([0.4] * 6, "alone"),
    )
    shutil.copy(folder / "a.sqlite", folder / "like.sqlite")
    write_results(
        folder / "worse.sqlite",
        [*folds([0.4, 0.5, 0.45, 0.4, 0.43, 0.5], cpu_seconds=16.0), *folds([0.4] * 5, "alone"),
         failed("alone", 5)],
    )
    write_results(folder / "other.sqlite", [cell()], digest="e")
    write_results(folder / "apart.sqlite", [cell(seed=7)])
    return folder


@pytest.fixture
def files(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy them, and work beside them."""
    folder = Path(shutil.copytree(written, tmp_path / "files"))
    monkeypatch.chdir(folder)
    return folder


def test_two_files_as_tables(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, 0, *COMPARE, "a.sqlite", "worse.sqlite")
    text = " ".join(out.split())
    for words in (
        "A = a.sqlite · B = worse.sqlite", "one, joint · 6 pairs", "one, alone · 5 pairs",
        "accuracy 0.540 0.447 -0.093 0.012 -0.100 to -0.083 0.031 0.031 0/0/6",
        "accuracy 0.400 0.400 +0.000 0.000 +0.000 to +0.000 – – 0/5/0",
        "one, joint seconds 10.0 10.0 1.00 CPU seconds 8.0 16.0 2.00",
        "no difference in settings", "no difference in versions",
        "failed in B: one, alone, fold 5, seed 0: it broke", "fewer than 6 pairs have no test",
    ):
        assert words in text, words
    assert "fewer than 5" not in text
    assert err == ""


def test_the_gate_ends_with_6_when_worse_and_with_0_when_not(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, 0, *COMPARE, "a.sqlite", "like.sqlite", "--gate")
    assert (out.splitlines()[-1], err) == ("no regression", "")
    out, err = said(
        capsys, 6, *COMPARE, "a.sqlite", "worse.sqlite", "--gate", "--time-tolerance", "1.5"
    )
    assert "no regression" not in out
    assert err.splitlines() == [
        "error: 3 regressions:",
        "  one, alone, fold 5, seed 0: failed: it broke",
        "  one, joint: accuracy from 0.54 to 0.4467, tolerated is a fall of 0.01",
        "  one, joint: CPU seconds from 8 to 16, tolerated is 1.5 times as long",
    ]
    write_results(files / "one.sqlite", folds([0.5] * 6))
    write_results(files / "fallen.sqlite", folds([0.45] * 6))
    gate = (*COMPARE, "one.sqlite", "fallen.sqlite", "--gate")
    assert "fall of 0.01" in said(capsys, 6, *gate)[1]
    said(capsys, 0, *gate, "--tolerance", "0.05")
    said(capsys, 6, *gate, "--tolerance", "0.049")
    said(capsys, 0, *COMPARE, "one.sqlite", "fallen.sqlite")


def test_as_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(
        capsys, 6, *COMPARE, "a.sqlite", "worse.sqlite", "--gate", "--format", "json", "-q"
    )
    found = json.loads(out)
    joint, alone = found["groups"]
    assert joint["figures"][0]["found"]["wins"] == 0
    assert alone["configuration"] == "alone"
    assert found["failures"][0]["message"] == "it broke"
    fallen = found["regressions"][1]
    assert (fallen["where"], fallen["what"], fallen["first"]) == (
        "one, joint", "accuracy", pytest.approx(0.54)
    )
    out, _ = said(capsys, 0, *COMPARE, "a.sqlite", "worse.sqlite", "--format", "json")
    assert "regressions" not in json.loads(out)


def test_two_configurations_of_a_file(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, 0, *COMPARE, "alone", "joint", "--results", "a.sqlite")
    assert "A = alone · B = joint" in out
    assert "one, joint · 6 pairs" in out
    said(capsys, 0, *COMPARE, "alone", "joint", "--results", "a.sqlite", "--gate")
    said(capsys, 6, *COMPARE, "joint", "alone", "--results", "a.sqlite", "--gate")
    assert "there is no results file results.sqlite" in ends(capsys, 3, *COMPARE, "alone", "joint")
    (files / "a.sqlite").rename(files / "results.sqlite")
    said(capsys, 0, *COMPARE, "alone", "joint")
    assert "did you mean 'joint'" in ends(capsys, 2, *COMPARE, "alone", "jiont")
    assert "compared with itself" in ends(capsys, 2, *COMPARE, "joint", "joint").error


def test_a_part_of_the_results(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = [cell(data="one"), cell(data="two", figures={"accuracy": 0.5, "mrr": 0.5})]
    fallen = [cell(data="one"), cell(data="two", figures={"accuracy": 0.5, "mrr": 0.3})]
    write_results(files / "x.sqlite", both)
    write_results(files / "y.sqlite", fallen)
    gate = (*COMPARE, "x.sqlite", "y.sqlite", "--gate")
    said(capsys, 6, *gate)
    said(capsys, 0, *gate, "--table", "one")
    said(capsys, 6, *gate, "--table", "one", "--table", "two")
    said(capsys, 0, *gate, "--figure", "accuracy", "--suite", "small")
    assert "has no table 'three'" in ends(capsys, 2, *gate, "--table", "three").error
    assert "has no suite 'big'" in ends(capsys, 2, *gate, "--suite", "big").error
    assert "did you mean 'accuracy'" in ends(capsys, 2, *gate, "--figure", "acuracy@1h")


@pytest.mark.parametrize(
    ("exit_code", "arguments", "message"),
    [
        (2, ("a.sqlite", "none.sqlite"), "'none.sqlite' is no file, so a configuration"),
        (3, ("a.sqlite", "s.json"), "python -m benchmarks.speed --compare"),
        (2, ("a.sqlite", "."), ". is a folder"),
        (2, ("a.sqlite", "like.sqlite", "--results", "x"), "--results has no meaning here"),
        (2, ("a.sqlite", "like.sqlite", "--tolerance", "0.1"), "are for the gate"),
        (2, ("a.sqlite", "like.sqlite", "--time-tolerance", "2"), "are for the gate"),
        (2, ("a.sqlite", "like.sqlite", "--gate", "--tolerance", "nan"), "nan is not finite"),
        (2, ("a.sqlite", "like.sqlite", "--gate", "--tolerance", "-1"), "-1"),
        (2, ("a.sqlite", "like.sqlite", "--gate", "--time-tolerance", "inf"), "inf is not finite"),
        (3, ("a.sqlite", "text.md"), "text.md is no results file"),
        (3, ("a.sqlite", "empty"), "empty is no results file"),
        (3, ("a.sqlite", "other.sqlite"), "data digest d and e"),
        (3, ("a.sqlite", "apart.sqlite", "--gate"), "have no run in common"),
        (3, ("a.sqlite", "like.sqlite", "--gate", "--figure", "auc"), "no figure in common"),
        (3, ("a.sqlite", "cut.sqlite"), "cut.sqlite"),
    ],
)
def test_what_cannot_be_compared_is_said(
    files: Path, capsys: pytest.CaptureFixture[str], exit_code: int, arguments, message: str
) -> None:
    write_speeds(files / "s.json", {"epoch": {"dgljoint": 1.0}})
    (files / "text.md").write_text("# text")
    (files / "empty").touch()
    (files / "cut.sqlite").write_bytes((files / "a.sqlite").read_bytes()[:5000])
    assert message in ends(capsys, exit_code, *COMPARE, *arguments)


def test_help_imports_nothing_heavy(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys; from dgljoint_cli.main import run; "
        "assert run(['benchmark', 'compare', '--help']) == 0; "
        "heavy = {'torch', 'dgl', 'matplotlib', 'scipy', 'sqlite3'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
