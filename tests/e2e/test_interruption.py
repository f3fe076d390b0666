"""Ctrl-C of a real process: exit 130, everything saved, and the resumed run is the same run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from toys import toy_store

SETTINGS = ("-o", "model.width=8", "-o", "train.batch=4", "--epochs", "6", "--format", "json")
COMMAND = (sys.executable, "-c", "from dgljoint_cli.main import run; raise SystemExit(run())")


def start(data: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "train", *arguments, *SETTINGS, "--plugin", "contrastive", "--plugin",
         "meta_weight"],
        cwd=data.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, XDG_CACHE_HOME=str(data.parent)),
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    return process.communicate(timeout=120)


def test_interrupted_twice_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    data = toy_store(tmp_path / "toy.h5", cascades=120).path
    whole = start(data, str(data), "--out", "whole")
    expected, _ = finish(whole)
    assert whole.returncode == 0

    first = start(data, str(data), "--out", "cut")
    lines = tmp_path / "cut" / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not lines.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    first.send_signal(signal.SIGINT)
    _, said = finish(first)
    assert first.returncode == 130, said
    assert "dgljoint train --resume --out cut" in said
    assert "Traceback" not in said

    second = start(data, "--resume", "--out", "cut")
    found, said = finish(second)
    assert second.returncode == 0, said
    scores = [json.loads(text) for text in (expected, found)]
    for score in scores:
        del score["run"], score["validation"]["seconds"], score["test"]["seconds"]
    assert scores[0] == scores[1]
