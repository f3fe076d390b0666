"""Ctrl-C of a real process: exit 130; a run is saved and goes on, a build leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from gate import Gate
from processes import COMMAND, PATIENCE_SECONDS, members, wait_for
from toys import toy_store

SETTINGS = ("-s", "model.width=8", "-s", "train.batch=4", "--epochs", "6", "--format", "json")
# Forward passes in training: its 17 steps, and what the weighter looks at.
EPOCH = 21
# Takes the first of its steps for ever, and tells of it, as of each Ctrl-C that it has heard.
ENDLESS = """
import time
from pathlib import Path
from dgljoint.training.callbacks import StopRequest
from dgljoint.training.trainer import Trainer
from dgljoint_cli.main import run

ask = StopRequest._ask

def ask_and_tell(*arguments):
    ask(*arguments)
    Path("asked").touch()

def step_without_end(*arguments):
    Path("stepping").touch()
    time.sleep(3600)

StopRequest._ask = ask_and_tell
Trainer._step = step_without_end
raise SystemExit(run())
"""


def start(data: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "train", *arguments, *SETTINGS, "--plugin", "contrastive", "--plugin",
         "meta_weight", "--plugin", "gated"],
        cwd=data.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, XDG_CACHE_HOME=str(data.parent / "cache")),
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    return process.communicate(timeout=PATIENCE_SECONDS)


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path: Path, gate: Gate) -> None:
    data = toy_store(tmp_path / "toy.h5", cascades=120).path
    whole = start(data, str(data), "--out", "whole")
    expected, _ = finish(whole)
    assert whole.returncode == 0

    gate.close(EPOCH + 2)
    first = start(data, str(data), "--out", "cut")
    wait_for(gate.held)
    assert len((tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()) == 1
    first.send_signal(signal.SIGTERM)
    _, said = finish(first)
    assert first.returncode == 130, said
    assert "dgljoint train --resume --out cut" in said
    assert "Traceback" not in said

    gate.open()
    second = start(data, "--resume", "--out", "cut")
    found, said = finish(second)
    assert second.returncode == 0, said
    scores = [json.loads(text) for text in (expected, found)]
    for score in scores:
        del score["run"], score["validation"]["seconds"], score["test"]["seconds"]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("jobs", "whole_group", "number"),
    [("1", True, signal.SIGINT), ("2", True, signal.SIGINT), ("2", False, signal.SIGTERM)],
)
def test_an_interrupted_build_leaves_nothing(
    tmp_path: Path, jobs: str, whole_group: bool, number: signal.Signals
) -> None:
    build = subprocess.Popen(
        [*COMMAND, "preprocess", "synthetic", "-s", "cascades=1000000", "--jobs", jobs,
         "-o", "out.h5", "--report", "report.json"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )
    # The file's columns are spooled to files without a name: that they are written shows that
    # the build is under way. With two processes there are also a server and a tracker.
    spools = Path(f"/proc/{build.pid}/fd")

    def under_way() -> bool:
        written = 0
        for name in spools.iterdir():
            with suppress(OSError):
                written += str(name.readlink()).startswith(str(tmp_path)) and name.stat().st_size
        return written > 0 and members(build.pid) >= (1 if jobs == "1" else 5)

    wait_for(under_way)
    # Ctrl-C goes to all processes of a terminal, and an impatient user presses it twice.
    for _ in range(2):
        os.killpg(build.pid, number) if whole_group else build.send_signal(number)
    out, said = finish(build)
    assert build.returncode == 130, said
    assert said == (
        "error: interrupted: out.h5 was not written\nhint: run the same command again\n"
    )
    assert out == ""
    assert list(tmp_path.iterdir()) == []
    wait_for(lambda: members(build.pid) == 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_stops_a_run_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """In a folder whose name needs quotes; the first signal would wait for a step without end."""
    data = toy_store(tmp_path / "toy.h5", cascades=40).path
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "train", str(data), "--encoder", "gcn", "--out", "a run"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    wait_for((tmp_path / "stepping").exists)
    process.send_signal(number)
    wait_for((tmp_path / "asked").exists)
    process.send_signal(number)
    out, said = finish(process)
    assert process.returncode == 130, said
    assert out == ""
    assert said.splitlines()[-2:] == [
        "error: interrupted: what came after it was last saved is lost",
        "hint: continue with: dgljoint train --resume --out 'a run'",
    ]
    assert "Traceback" not in said
