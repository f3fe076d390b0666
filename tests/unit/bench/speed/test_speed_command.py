"""``python -m benchmarks.speed``: a whole run, the comparison of its files, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed import __main__ as command
from benchmarks.speed.__main__ import main, show
from compared_results import write_speeds
from toys import toy_store

ROOT = Path(__file__).parents[4]
ROW = {"median_seconds": 0.002, "ratio": 1.0, "seconds": [0.001, 0.002, 0.003]}
SLOW = {"median_seconds": 1.5, "ratio": 750.0, "seconds": [1.5]}
FOUND: dict[str, Any] = {
    "machine": {"processor": "a processor", "cores": 2, "threads": 1},
    "versions": {"dgljoint": "0.1", "torch": "2.13", "dgl": "1.1.3", "torch_geometric": None},
    "settings": {"batch": 128},
    "data": {"name": "demo", "cascades": 400, "posts": 11_470, "words": 1350},
    "left_out": {"PyTorch Geometric": "not installed"},
    "sections": {
        "preprocess": {"rows": {"dgljoint": ROW}, "a_second": {"edge_lines": 150_000.4}},
        "epoch": {"rows": {"ours": ROW, "theirs": SLOW}},
    },
    "scaling": {},
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["speed", *map(str, arguments)])
    return main()


@pytest.mark.slow
def test_a_whole_run_writes_and_draws_what_it_shows(tmp_path):
    store = toy_store(tmp_path / "a.h5", cascades=40)
    out, plot = tmp_path / "s.json", tmp_path / "s.svg"
    wanted = ("--rounds", "1", "--batch", "16", "--width", "8", "--posts", "1000",
              "--batches", "32,16", "--only", "structure", "--only", "scaling")
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", str(store.path), *wanted, "-o", str(out),
         "--plot", str(plot), "--json"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )
    found = json.loads(ran.stdout)
    assert json.loads(out.read_text()) == found
    assert plot.read_text().startswith("<?xml")
    assert list(found) == [
        "format", "machine", "versions", "settings", "data", "left_out", "sections", "scaling"
    ]
    assert found["data"]["path"] == str(store.path)
    assert found["settings"]["batch"] == 16
    assert found["machine"]["threads"] == 1
    assert found["machine"]["environment"]["MALLOC_TOP_PAD_"] == "268435456"
    assert list(found["sections"]) == ["structure"]
    row = found["sections"]["structure"]["rows"]["dgljoint"]
    assert (row["ratio"], len(row["seconds"])) == (1.0, 1)
    assert [size["batch"] for size in found["scaling"]["batch"]] == [16, 32]
    (size,) = found["scaling"]["posts"]
    assert size["train"]["steps"] == 30
    assert size["train"]["peak_megabytes"] > size["build"]["peak_megabytes"] > 0
    assert ran.stderr.splitlines() == [
        "structure", "scaling, 16 cascades per batch", "scaling, 32 cascades per batch",
        "scaling, posts",
    ]
    lines = [line.split() for line in "\n".join(show(found)).splitlines()]
    assert ["16", "32"] in lines
    assert f"{size['posts']:,}" in [line[0] for line in lines if line]


def test_the_tables_show_medians_ratios_rates_and_what_is_left_out():
    lines = [" ".join(line.split()) for line in "\n".join(show(FOUND)).splitlines()]
    assert (
        "preprocess: raw data to a cascade file · 150,000 edge lines per second" in lines
    )
    assert "median least most ratio" in lines
    assert "ours 2.000 ms 1.000 ms 3.000 ms 1.00" in lines
    assert "theirs 1.500 s 1.500 s 1.500 s 750.00" in lines
    assert lines[-1] == "left out: PyTorch Geometric: not installed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "epok"), "invalid choice: 'epok'"),
        (("--posts", "0"), "0 is less than 1"),
        (("--batches", "8,"), "invalid"),
        (("--plot", "x.svg", "--only", "epoch"), "add --only scaling"),
        (("--plot", "x.doc"), ".svg, .png, .pdf"),
        (("-o", "no/x.json"), "name a file in a folder that exists"),
        (("-o", "."), "cannot write ."),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_measured(
    arguments, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    def settle() -> None:
        raise AssertionError

    monkeypatch.setattr(command, "settle", settle)
    try:
        assert run(monkeypatch, *arguments) == 2
    except SystemExit as ended:
        assert ended.code == 2  # noqa: PT017  # argparse ends so
    assert message in capsys.readouterr().err


def test_data_that_are_no_cascade_file_end_with_3(capsys, tmp_path, monkeypatch):
    file = tmp_path / "no.h5"
    file.write_text("text", encoding="utf-8")
    monkeypatch.setattr(command, "settle", lambda: None)
    assert run(monkeypatch, file, "--only", "structure") == 3
    error = capsys.readouterr().err
    assert "no.h5" in error
    assert "hint: " in error


def test_a_comparison_shows_both_sides_and_ends_with_6_when_ours_is_slower(
    tmp_path, capsys, monkeypatch
):
    rows = {"dgljoint": 0.5, "plain DGL": 2.0}
    one = write_speeds(tmp_path / "a.json", {"epoch": rows})
    other = write_speeds(
        tmp_path / "b.json", {"epoch": rows | {"dgljoint": 0.7}}, machine={"cores": 4}
    )
    assert run(monkeypatch, "--compare", one, other) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "epoch: dgljoint 500.000 ms 700.000 ms 1.40 1.40" in text
    assert "epoch: plain DGL 2.000 s 2.000 s 1.00" in text
    assert "machine.cores: 2 in A, 4 in B" in text
    compare = ("--compare", one, other, "--time-tolerance")
    assert run(monkeypatch, *compare, 1.5) == 0
    assert run(monkeypatch, *compare, 1.2) == 6
    assert "epoch, dgljoint: 1.40" in capsys.readouterr().err


def test_promises_that_are_missed_end_with_1(tmp_path, capsys, monkeypatch):
    slow = {"dgljoint": 1.0, "PyTorch Geometric, sparse words": 2.4}
    file = write_speeds(tmp_path / "a.json", {"epoch": slow})
    assert run(monkeypatch, "--promises", file) == 1
    assert capsys.readouterr().out.endswith("2.40, MISSED\n")
