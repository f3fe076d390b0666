"""``dgljoint benchmark speed``: a whole run, and what it refuses before it measures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from commands import ends
from dgljoint.errors import install_hint
from dgljoint_bench.speed import SpeedRequest
from dgljoint_bench.speed.request import Section
from dgljoint_cli.commands.benchmark_verbs.speed import SECTIONS
from dgljoint_cli.main import run
from dgljoint_cli.views.rendering import render
from dgljoint_cli.views.speed_tables import speed_tables
from toys import toy_store
from twitter_release import Release

SPEED = ("benchmark", "speed")
ROW = {"median_seconds": 0.002, "ratio": 1.0, "seconds": [0.001, 0.002, 0.003]}
SLOW = {"median_seconds": 1.5, "ratio": 750.0, "seconds": [1.5]}


def some_found() -> dict[str, Any]:
    return {
        "format": 1,
        "machine": {"processor": "a processor", "cores": 2, "threads": 1},
        "versions": {"dgljoint": "0.1", "torch": "2.13", "dgl": "1.1.3", "torch_geometric": None},
        "settings": {"batch": 128},
        "data": {"name": "demo", "cascades": 400, "posts": 11_470, "words": 1350},
        "left_out": {"PyTorch Geometric": f"not installed; {install_hint('bench')}"},
        "sections": {
            "preprocess": {"rows": {"dgljoint": ROW}, "a_second": {"edge_lines": 150_000.4}},
            "epoch": {"rows": {"ours": ROW, "theirs": SLOW}},
        },
        "scaling": {},
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[SpeedRequest]:
    """Collect what would be measured."""
    requests: list[SpeedRequest] = []

    def measure(request: SpeedRequest, tell: Callable[[str], None]) -> dict[str, Any]:
        requests.append(request)
        tell("epoch")
        return some_found()

    monkeypatch.setattr("dgljoint_bench.speed.measure", measure)
    return requests


def test_a_whole_run_writes_and_draws_what_it_shows(tmp_path, capsys):
    store = toy_store(tmp_path / "a.h5", cascades=40)
    out, plot = tmp_path / "s.json", tmp_path / "s.svg"
    wanted = ("--rounds", "1", "--batch", "16", "--width", "8", "--posts", "1000",
              "--batches", "16,32", "--only", "structure", "--only", "scaling")
    code = run([
        *SPEED, str(store.path), *wanted, "-o", str(out), "--plot", str(plot), "--format", "json"
    ])
    said, told = capsys.readouterr()
    assert code == 0
    found = json.loads(said)
    assert json.loads(out.read_text()) == found
    assert plot.read_text().startswith("<?xml")
    assert list(found) == [
        "format", "machine", "versions", "settings", "data", "left_out", "sections", "scaling"
    ]
    assert found["data"]["path"] == str(store.path)
    assert found["settings"]["batch"] == 16
    assert found["machine"]["threads"] == 1
    assert list(found["sections"]) == ["structure"]
    row = found["sections"]["structure"]["rows"]["dgljoint"]
    assert (row["ratio"], len(row["seconds"])) == (1.0, 1)
    assert [size["batch"] for size in found["scaling"]["batch"]] == [16, 32]
    (size,) = found["scaling"]["posts"]
    assert size["train"]["steps"] == 30
    assert size["train"]["seconds_a_million_posts"] > 0
    assert size["train"]["peak_megabytes"] > size["build"]["peak_megabytes"] > 0
    assert told.splitlines() == [
        "structure", "scaling, 16 cascades a batch", "scaling, 32 cascades a batch",
        "scaling, 1,000 posts",
    ]
    render(*speed_tables(found))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["16", "32"] in lines
    assert f"{size['posts']:,}" in [line[0] for line in lines if line]


def test_the_table_tells_medians_ratios_rates_and_what_is_left_out(asked, capsys):
    assert run([*SPEED, "--only", "epoch"]) == 0
    said, told = capsys.readouterr()
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "preprocess: raw data to a cascade file · 150,000 edge lines a second" in lines
    assert "median least most ratio" in lines
    assert "ours 2.000 ms 1.000 ms 3.000 ms 1.00" in lines
    assert "theirs 1.500 s 1.500 s 1.500 s 750.00" in lines
    assert lines[-1] == (
        f"left out: PyTorch Geometric: not installed; {install_hint('bench')}"
    )
    assert told == "epoch\n"


def test_options_reach_what_measures(asked, tmp_path, capsys):
    raw = Release().write(tmp_path / "raw")
    code = run([
        *SPEED, "x.h5", "--raw", str(raw), "--rounds", "2", "--cascades", "9", "--batch", "4",
        "--width", "8", "--seed", "3", "--posts", "2000, 1000", "--batches", "2", "-q",
    ])
    assert (code, capsys.readouterr().err) == (0, "")
    assert asked == [SpeedRequest(
        data=Path("x.h5"), raw=raw, reader="twitter15", rounds=2, cascades=9, batch=4, width=8,
        seed=3, posts=(1000, 2000), batches=(2,),
    )]


def test_nothing_given_is_the_default(asked):
    assert run([*SPEED]) == 0
    assert asked == [SpeedRequest()]


def test_the_sections_of_the_command_are_those_of_the_suite():
    assert get_args(Section) == SECTIONS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "epok"), "'epok' is not one of"),
        (("--posts", "10"), "from 1000 to 100,000,000"),
        (("--posts", "1000,1000"), "different whole numbers"),
        (("--posts", "1e6"), "no list"),
        (("--batches", "8,"), "no list"),
        (("--posts", "1000", "--only", "epoch"), "--posts is of the section scaling"),
        (("--raw", "x", "--only", "epoch"), "--raw is of the section preprocess"),
        (("--plot", "x.svg", "--only", "epoch"), "--plot is of the section scaling"),
        (("--plot", "x.doc"), "no picture that can be written"),
        (("-o", "no/x.json"), "its folder does not exist"),
        (("-o", "."), "it is a folder"),
        (("-o", "x.svg", "--plot", "x.svg"), "-o and --plot are both"),
        (("--raw", "no"), "name one: --reader NAME"),
        (("--reader", "twitter15"), "add --raw RAW_DIR"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_measured(
    arguments, said, asked, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert said in ends(capsys, 2, *SPEED, *arguments)
    assert asked == []


def test_files_are_replaced_only_when_told_to(asked, capsys, tmp_path):
    out = tmp_path / "s.json"
    out.write_text("before", encoding="utf-8")
    assert "--force replaces it" in ends(capsys, 2, *SPEED, "-o", out)
    assert out.read_text() == "before"
    assert run([*SPEED, "-o", str(out), "--force"]) == 0
    assert json.loads(out.read_text()) == some_found()


def test_a_plot_without_matplotlib_is_refused_before_it_is_measured(
    asked, capsys, tmp_path, monkeypatch
):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "dgljoint_bench.reporting.plots", raising=False)
    monkeypatch.delattr("dgljoint_bench.reporting.plots", raising=False)
    said = ends(capsys, 2, *SPEED, "--plot", tmp_path / "x.svg")
    assert install_hint("plots") in said
    assert asked == []


def test_data_that_are_no_cascade_file_end_with_3(capsys, tmp_path):
    file = tmp_path / "no.h5"
    file.write_text("text", encoding="utf-8")
    said = ends(capsys, 3, *SPEED, file, "--only", "structure")
    assert "no.h5" in said.error
    assert "hint: " in said


def test_the_reader_of_raw_data_is_found_or_named(asked, tmp_path):
    raw = str(Release().write(tmp_path / "raw"))
    assert run([*SPEED, "--only", "preprocess", "--raw", raw]) == 0
    assert run([*SPEED, "--only", "preprocess", "--raw", raw, "--reader", "twitter16"]) == 0
    assert [request.reader for request in asked] == ["twitter15", "twitter16"]


def test_a_reader_that_there_is_not_is_refused(capsys, tmp_path):
    said = ends(
        capsys, 2, *SPEED, "--only", "preprocess", "--raw", tmp_path, "--reader", "twiter15"
    )
    assert "twitter15" in said
