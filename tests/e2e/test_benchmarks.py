"""The scripts under ``benchmarks/`` run as their first lines say; what they measure is theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from toys import toy_store
from twitter_release import Release

FOLDER = Path(__file__).parents[2] / "benchmarks"


def lines_of(script: str, *arguments: object) -> list[str]:
    """Run a script; a bound that is missed at this size ends it with 1, a fault with words."""
    ran = subprocess.run(
        [sys.executable, str(FOLDER / script), *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )
    assert ran.stderr == ""
    assert ran.returncode in (0, 1)
    return ran.stdout.splitlines()


def test_preprocess_prints_posts_a_second_and_the_ratio(tmp_path: Path) -> None:
    lines = lines_of("preprocess.py", "twitter15", Release().write(tmp_path), "--repeats", 1)
    assert "posts and" in lines[-3]
    assert lines[-3].endswith("edge lines a second (median), 1.00 of the time of one")
    assert lines[-1].startswith("peak ")


def test_preprocess_scale_compares_a_large_set_with_small_ones() -> None:
    lines = lines_of("preprocess_scale.py", "--posts", 1800, "--small-posts", 900, "--small", 2)
    assert len(lines) == 4
    assert lines[-1].startswith("small sets ")


def test_big_threads_prints_a_row_for_each_size_and_verb() -> None:
    lines = lines_of("big_threads.py", "--posts", 60, "--verb", "predict")
    assert lines[0].split()[:4] == ["posts", "verb", "peak", "MB"]
    assert [line.split()[:2] for line in lines[1:]] == [["60", "predict"]]


def test_processes_compares_an_epoch_of_one_with_one_of_several(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    lines = lines_of("processes.py", store.path, "--rounds", 1, "--epochs", 2)
    assert [line.split()[:2] for line in lines[-2:]] == [["1", "processes"], ["2", "processes"]]


def test_speed_bounds_tell_which_promises_are_missed(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    rows = {
        "PyTorch Geometric, sparse words": {"ratio": 2.6},
        "PyTorch Geometric, dense words": {"ratio": 59.0},
    }
    posts = [
        {"posts": size, "train": {"peak_megabytes": peak}}
        for size, peak in ((10_000, 1.0), (1_000_000, 900.0), (10_000_000, 1100.0))
    ]
    file.write_text(
        json.dumps({"sections": {"epoch": {"rows": rows}}, "scaling": {"posts": posts}}),
        encoding="utf-8",
    )
    lines = lines_of("speed_bounds.py", file)
    said = [line.rsplit(": ", 1)[-1] for line in lines]
    assert said == ["2.60, kept", "59.00, MISSED", "1.22, MISSED"]


def test_threads_are_compared_on_each_size_of_batch(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=20)
    lines = lines_of("threads.py", store.path, "--rounds", 1, "--batch", 4, "--batch", 8)
    assert sum(line.startswith("2 threads") for line in lines) == 2


def test_the_profile_names_the_parts_of_a_step_and_its_floor(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    lines = lines_of("hybrid_profile.py", store.path, "--steps", 2, "--batch", 8)
    parts = {line[:32].strip() for line in lines}
    named = {"encoder", "batch", "backward", "weighter", "optimizer", "attention: couple", "step"}
    assert named <= parts
    assert "matrix products, GFLOP" in parts


def test_startup_compares_commands_with_the_bare_interpreter() -> None:
    lines = lines_of("startup.py", "--rounds", 1)
    assert [line.split()[-1] for line in lines[:2]] == ["ratio", "1.00"]


@pytest.mark.parametrize("script", sorted(path.name for path in FOLDER.glob("*.py")))
def test_help_says_what_a_script_measures(script: str) -> None:
    assert lines_of(script, "--help")[0].startswith("usage: ")
