"""Synthetic sets are built and trained in processes of their own, whose memory is watched."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.speed.scaling import over_posts, watched_memory


def test_a_failure_of_the_process_is_no_result(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "h5py.py").write_text("raise ImportError('broken')")
    with pytest.raises(subprocess.CalledProcessError):
        next(over_posts([1000], seed=0))


def test_building_takes_no_torch(tmp_path):
    code = (
        "import json, sys; from pathlib import Path; from benchmarks.speed.scaling import build; "
        f"built = build(Path({str(tmp_path / 'a.h5')!r}), 0, 1000); "
        "assert 'torch' not in sys.modules; print(json.dumps(built))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout)["peak_megabytes"] > 0
    assert (tmp_path / "a.h5").exists()


def test_memory_is_that_of_the_peak():
    with watched_memory() as memory:
        held = bytearray(200_000_000)
        held[::4096] = b"x" * len(held[::4096])
        memory.look()
        del held
    before = memory.peak_megabytes
    assert before > 200
    memory.look()
    assert memory.peak_megabytes == before
