"""``dgljoint benchmark plot``: a picture of each kind, and what it says where there is none."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from commands import ends
from compared_results import cell, write_results
from dgljoint.errors import install_hint
from dgljoint_cli.main import run

PLOT = ("benchmark", "plot")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    figures = {"accuracy": 0.5, "accuracy@0": 0.4, "accuracy@all": 0.5}
    cells = [
        cell(name, fold, data=data, curve=[0.2, 0.4], config={"encoder": name},
             figures=figures if name != "links" else {"mrr": 0.3})
        for name in ("joint", "alone", "links") for data in ("one", "two") for fold in (0, 1)
        if (name, data, fold) != ("alone", "two", 1)
    ]
    folder = tmp_path_factory.mktemp("written")
    return write_results(folder / "results.sqlite", cells, deadlines="0, all")


@pytest.fixture(autouse=True)
def results(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(written, tmp_path / "results.sqlite"))


def drawn(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """Draw a picture; return it and what was said on the way."""
    capsys.readouterr()
    assert run([*PLOT, *arguments, "-o", "a.svg"]) == 0
    out, err = capsys.readouterr()
    assert out == "a.svg\n"
    return Path("a.svg").read_text(), err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("learning-curves",), ("score, validation set", "links", "two")),
        (("learning-curves", "results.sqlite", "--figure", "mrr"), ("MRR, validation set",)),
        (("early",), ("accuracy, test set", "observed until", "all")),
        (("cells",), ("accuracy, test set: each cell, mean and standard deviation", "joint")),
        (
            ("cells", "--figure", "accuracy@0"),
            ("accuracy, source alone, test set: each cell, mean and standard deviation",),
        ),
    ],
)
def test_each_kind_is_drawn(capsys: pytest.CaptureFixture[str], arguments, words) -> None:
    picture, err = drawn(capsys, *arguments)
    for word in words:
        assert f"<!-- {word} -->" in picture
    assert err == ""


def test_ranks_are_those_of_blocks_that_all_have(capsys: pytest.CaptureFixture[str]) -> None:
    picture, err = drawn(capsys, "critical-difference")
    assert "<!-- accuracy: average rank over 3 folds of 2 tables -->" in picture
    assert "<!-- alone  1.50 -->" in picture
    assert err == "left out, since not all have it: two, fold 1\n"
    picture, err = drawn(capsys, "critical-difference", "--table", "one")
    assert "<!-- accuracy: average rank over 2 folds of 1 table -->" in picture
    assert err == ""


def test_tables_that_give_no_rank_do_not_count(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results.unlink()
    write_results(results, [
        cell(name, fold, data=data, figures={"accuracy": 0.5}, config={"encoder": name})
        for data, names in (("one", ("joint", "alone")), ("two", ("joint",)))
        for name in names for fold in (0, 1)
    ])
    picture, err = drawn(capsys, "critical-difference")
    assert "<!-- accuracy: average rank over 2 folds of 1 table -->" in picture
    assert err == "left out, since not all have it: two, fold 0; two, fold 1\n"


def test_gains_are_drawn_of_tables_of_planted_worlds(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results.unlink()
    write_results(
        results,
        [
            cell(name, data=data, rows={"model": {"accuracy": value}, "best possible": {
                "accuracy": 0.9}})
            for data in ("one", "two") for name, value in (("joint", 0.5), ("alone", 0.4))
        ],
        generated={"one": "synthetic:world=both,strength=0.5", "two": "synthetic:world=both"},
    )
    picture, _ = drawn(capsys, "gains")
    for word in ("both", "accuracy, gain", "0.5", "1.0", "alone", "best possible",
                 "strength; gain over joint on the test set"):
        assert f"<!-- {word} -->" in picture
    assert "<!-- joint -->" not in picture


def test_rows_stand_in_the_order_of_the_suite(capsys: pytest.CaptureFixture[str]) -> None:
    picture, _ = drawn(capsys, "cells", "--table", "one")  # recorded: joint, then alone
    assert picture.index("<!-- alone -->") < picture.index("<!-- joint -->")


def test_a_part_of_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    picture, _ = drawn(capsys, "cells", "--table", "two", "--configuration", "joint")
    assert "<!-- joint -->" in picture
    assert "<!-- two -->" in picture
    assert "<!-- one -->" not in picture
    assert "<!-- alone -->" not in picture


@pytest.mark.parametrize(
    ("exit_code", "arguments", "message"),
    [
        (2, ("cells", "--figure", "acuracy"), "did you mean 'accuracy'"),
        (2, ("learning-curves", "--figure", "auc"), "there are score, accuracy"),
        (2, ("cells", "--configuration", "jiont"), "did you mean 'joint'"),
        (2, ("cells", "--table", "three"), "has no table 'three'"),
        (2, ("cells", "--suite", "big"), "has no suite 'big'"),
        (2, ("cells", "-o", "a.jpg"), "a.jpg is no picture"),
        (2, ("bars",), "'bars'"),
        (3, ("cells", "none.sqlite"), "there is no results file none.sqlite"),
        (3, ("cells", "--figure", "auc"), "no cell has auc"),
        (3, ("early", "--figure", "mrr"), "no cell has mrr by deadlines"),
        (3, ("learning-curves", "--figure", "macro_f1"), "no cell has learning curves of macro_f1"),
        (3, ("gains",), "no cell has accuracy next to one of joint in a planted world"),
        (3, ("critical-difference", "--configuration", "joint"), "no two configurations"),
        (3, ("critical-difference", "--figure", "mrr"), "no two configurations"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    capsys: pytest.CaptureFixture[str], exit_code: int, arguments: tuple[str, ...], message: str
) -> None:
    output = () if "-o" in arguments else ("-o", "a.svg")
    assert message in ends(capsys, exit_code, *PLOT, *arguments, *output)
    assert not Path("a.svg").exists()


def test_several_suites_are_told_apart(
    capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    from dgljoint_bench.results.database import Results

    with Results(results) as file:
        file.describe("other", file.suites()["small"], {})
    assert "holds several suites: other, small" in ends(capsys, 2, *PLOT, "cells", "-o", "a.svg")
    drawn(capsys, "cells", "--suite", "small")
    message = ends(capsys, 3, *PLOT, "cells", "-o", "a.svg", "--suite", "other")
    assert "holds no cell" in message


def test_without_matplotlib_the_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == "matplotlib" or name.endswith("reporting.plots"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delattr("dgljoint_bench.reporting.plots", raising=False)
    said = ends(capsys, 2, *PLOT, "cells", "-o", "a.svg")
    assert "matplotlib, which is not installed" in said.error
    assert install_hint("plots") in said


@pytest.mark.parametrize("kind", ["learning-curves", "early", "cells", "critical-difference"])
def test_a_picture_of_random_folds_says_so(
    capsys: pytest.CaptureFixture[str], results: Path, kind: str
) -> None:
    assert "RANDOM FOLDS" not in drawn(capsys, kind, "--configuration", "joint",
                                       "--configuration", "alone")[0]
    with sqlite3.connect(results) as connection:
        connection.execute("UPDATE data SET kept_apart = NULL WHERE name = 'one'")
    connection.close()
    picture, _ = drawn(capsys, kind, "--configuration", "joint", "--configuration", "alone")
    assert "one (split event: RANDOM FOLDS)" in picture
    assert "two (" not in picture
