"""``dgljoint benchmark report`` and ``dgljoint benchmark suites``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark_results import cell, row, suite, write
from commands import ends, everything
from dgljoint_cli.main import run

PAGE = "# A page\n\n<!-- results: begin -->\n<!-- results: end -->\n\nThe rest.\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    cells = [*row("plain", [0.5] * 5), *row("joint", [0.6, 0.7, 0.8, 0.7, 0.6])]
    return write(tmp_path / "results.sqlite", cells)


def said(capsys, *arguments: object) -> str:
    assert run([str(one) for one in ("benchmark", *arguments)]) == 0
    return capsys.readouterr().out


def test_the_table_is_shown(results, capsys) -> None:
    text = said(capsys, "report", results)
    assert "made: small" in text
    assert "0.680 ± 0.084" in text
    assert "Nothing is marked *: a test needs 6 pairs, here it has 5" in text


def test_a_best_figure_is_marked_in_the_terminal(tmp_path, capsys) -> None:
    cells = [
        cell(name, fold, seed, accuracy=0.5 + (name == "joint") * (0.1 + fold / 100 + seed / 50))
        for name in ("plain", "joint") for fold in range(5) for seed in (0, 1)
    ]
    path = write(tmp_path / "r.sqlite", cells, suite(seeds=[0, 1]))
    text = said(capsys, "report", path)
    assert "0.630 ± 0.018 *" in text
    assert "What is marked * is better than every other configuration" in text


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("markdown", "### made: small\n"), ("csv", "suite,table,kind,"),
        ("latex", "% needs \\usepackage{booktabs}"), ("json", '{\n  "suites": ['),
    ],
)
def test_forms_are_written_to_files_as_to_stdout(results, capsys, form, start) -> None:
    text = said(capsys, "report", results, "--format", form)
    assert text.startswith(start)
    out = results.with_name("out")
    assert said(capsys, "report", results, "--format", form, "-o", out) == ""
    assert out.read_text() == text


def test_figures_and_tables_are_chosen(tmp_path, capsys) -> None:
    made = suite(tables=[{"data": "small", "folds": [0]}, {"data": "absent"}])
    path = write(tmp_path / "r.sqlite", [cell("plain", accuracy=0.25, ece=0.125)], made)
    text = said(capsys, "report", path, "--figure", "ece", "--table", "small")
    assert "ECE" in text
    assert "0.125" in text
    assert "0.250" not in text
    assert "absent" not in text
    assert "No cell is recorded of absent." in said(capsys, "report", path)


def test_results_are_written_into_a_page_and_checked(results, capsys) -> None:
    page = results.with_name("README.md")
    page.write_text(PAGE)
    before = ends(capsys, 1, "benchmark", "report", results, "--into", page, "--check")
    assert before.error == f"error: {page} is not what {results} gives"
    assert f"dgljoint benchmark report {results} --into {page}" in before
    assert page.read_text() == PAGE
    said(capsys, "report", results, "--into", page)
    text = page.read_text()
    assert text.startswith("# A page\n\n<!-- results: begin -->\n\n**small (suite made)**: small, ")
    assert text.endswith("\n\n<!-- results: end -->\n\nThe rest.\n")
    assert "| joint | 0.680 ± 0.084 |" in text
    said(capsys, "report", results, "--into", page, "--check")
    said(capsys, "report", results, "--into", page)
    assert page.read_text() == text
    page.write_text(text.replace("0.680", "0.690"))
    ends(capsys, 1, "benchmark", "report", results, "--into", page, "--check")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--check"], "--check is for --into"),
        (["--into", "README.md", "--format", "csv"], "--into writes Markdown into a page"),
        (["-o", "x"], "-o needs a form for files"),
        (["--into", "README.md"], "README.md has no place for results"),
        (["--suite", "mad"], "has no suite 'mad'"),
        (["--figure", "acuracy"], "there is no figure 'acuracy'"),
        (["--rope", "nan"], "nan is not finite"),
    ],
)
def test_wrong_options_are_refused(results, capsys, monkeypatch, options, message) -> None:
    monkeypatch.chdir(results.parent)
    Path("README.md").write_text("# A page\n")
    before = everything(results.parent)
    assert message in ends(capsys, 2, "benchmark", "report", results, *options).error
    assert everything(results.parent) == before


def test_without_a_results_file_the_way_to_one_is_named(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = ends(capsys, 3, "benchmark", "report")
    assert text.error == "error: there is no results file results.sqlite"
    assert "dgljoint benchmark run" in text


def test_suites_that_ship_are_listed(capsys) -> None:
    text = said(capsys, "suites")
    assert "a minute on the built-in synthetic set" in text
    listed = {one["name"]: one for one in json.loads(said(capsys, "suites", "--format", "json"))}
    assert listed["demo"] == {
        "name": "demo", "summary": "a minute on the built-in synthetic set", "tables": 1,
        "configurations": 4, "seeds": 1, "trials": 1, "cells_per_fold": 4,
    }


def test_a_suite_is_shown(tmp_path, capsys) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        """
        summary = "of my own"
        seeds = [3, 4]
        trials = [{ train = { lr = 0.1 } }, { train = { lr = 0.2 } }]
        tables = [{ data = "small" }, { data = "large", split = "random", without = ["b"] }]
        [configurations.a]
        [configurations.b]
        settings = { plugins = ["contrastive", "fixed"] }
        [[published]]
        table = "large, random"
        method = "BiGCN"
        figures = { accuracy = 0.88 }
        protocol = "random folds"
        source = "table 3"
        """
    )
    text = said(capsys, "suites", file)
    for part in (
        "of my own", "3, 4", "large, random", "plugins=contrastive + fixed", "train.lr=0.2",
        "accuracy 0.88", "table 3",
    ):
        assert part in text
    # Two configurations on one table and one on the other, two seeds each.
    found = json.loads(said(capsys, "suites", file, "--format", "json"))
    assert found["size"]["cells_per_fold"] == 6
    assert found["name"] == "mine"
    assert found["configurations"]["b"]["settings"] == {"plugins": ["contrastive", "fixed"]}


def test_a_suite_that_there_is_not_is_named(capsys) -> None:
    assert ends(capsys, 2, "benchmark", "suites", "dmo").error == (
        "error: there is no suite 'dmo'"
    )


def test_reports_need_neither_torch_nor_a_plot(results) -> None:
    script = (
        "import sys\nfrom dgljoint_cli.main import run\n"
        f"assert run(['benchmark', 'report', {str(results)!r}, '--format', 'latex']) == 0\n"
        "print([n for n in ('torch', 'dgl', 'matplotlib') if n in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
