"""The micro-benchmarks of ``benchmarks/speed`` run as their first lines show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toys import toy_store

ROOT = Path(__file__).parents[2]
SCRIPTS = ("", ".big_threads", ".epochs", ".hybrid_profile", ".processes", ".startup")


def lines_of(script: str, *arguments: object) -> list[str]:
    """Run a script; a bound that is missed at this size ends it with 1, a fault with words."""
    ran = subprocess.run(
        [sys.executable, "-m", f"benchmarks.speed{script}", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )
    assert ran.stderr == ""
    assert ran.returncode in (0, 1)
    return ran.stdout.splitlines()


def test_big_threads_prints_a_row_for_each_size_and_verb() -> None:
    lines = lines_of(".big_threads", "--posts", 60, "--verb", "predict")
    assert lines[0].split()[:4] == ["posts", "verb", "peak", "MB"]
    assert [line.split()[:2] for line in lines[1:]] == [["60", "predict"]]


def test_processes_compares_an_epoch_of_one_with_one_of_several(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    lines = lines_of(".processes", store.path, "--rounds", 1, "--epochs", 2)
    assert [line.split()[:2] for line in lines[-2:]] == [["1", "processes"], ["2", "processes"]]


def test_threads_are_compared_on_each_size_of_batch(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=20)
    lines = lines_of(".epochs", store.path, "--rounds", 1, "--batch", 4, "--batch", 8)
    assert sum(line.startswith("2 threads") for line in lines) == 2


def test_an_epoch_is_compared_with_one_without_a_feature(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=20)
    lines = lines_of(".epochs", store.path, "--rounds", 1, "--without", "bow")
    assert [line.split()[0] for line in lines[-2:]] == ["without", "with"]


def test_the_profile_names_the_parts_of_a_step_and_its_floor(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    lines = lines_of(".hybrid_profile", store.path, "--steps", 2, "--batch", 8)
    parts = {line.split("  ")[0] for line in lines}
    named = {
        "encoder", "batch", "backward", "weighter", "optimizer", "attention: inform_cascade", "step"
    }
    assert named <= parts
    assert "matrix products, GFLOP" in parts


def test_startup_compares_commands_with_the_bare_interpreter() -> None:
    lines = lines_of(".startup", "--rounds", 1)
    assert [line.split()[-1] for line in lines[2:4]] == ["ratio", "1.00"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_says_what_a_script_measures(script: str) -> None:
    assert lines_of(script, "--help")[0].startswith("usage: ")
