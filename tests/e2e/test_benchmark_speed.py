"""A speed run that is ended early leaves neither processes nor its large sets behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from toys import toy_store

ROOT = Path(__file__).parents[2]


def test_a_run_that_is_terminated_takes_its_sets_with_it(tmp_path):
    store, scratch = toy_store(tmp_path / "a.h5"), tmp_path / "scratch"
    scratch.mkdir()
    command = [
        sys.executable, "-m", "benchmarks.speed", store.path, "--only", "scaling",
        "--posts", "10000000", "--batches", "32", "--width", "8", "--rounds", "1",
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "scaling, 32 cascades per batch\n"
        assert process.stderr.readline() == "scaling, posts\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text():  # what measures has not started
            time.sleep(0.05)
        process.terminate()
        # That it ends at all says that nobody else holds its stderr: what measures is gone, too.
        assert process.stderr.read().strip() == "interrupted"
        assert process.wait() == 130
    # Libraries leave files of their own there.
    assert not [path for path in scratch.rglob("*") if ".h5" in path.name]
