"""Several processes of one run, as torchrun starts them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dgljoint.runs.stored import StoredRun
from runs import metrics
from toys import toy_store

COMMAND = (sys.executable, "-c", "from dgljoint_cli.main import run; raise SystemExit(run())")
TORCHRUN = (
    sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
    "--no-python",
)
SETTINGS = (
    "-o", "model.width=8", "-o", "train.batch=8", "--plugin", "contrastive", "--plugin",
    "meta_weight", "--device", "cpu",
)


def start_two(data: Path, *arguments: str) -> list[subprocess.Popen[str]]:
    """Start what torchrun would, each process at hand."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    return [
        subprocess.Popen(
            [*COMMAND, "train", *arguments], cwd=data.parent, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **meeting, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_torchrun_trains_what_one_process_trains(tmp_path: Path) -> None:
    data = toy_store(tmp_path / "toy.h5", cascades=30).path
    # no dropout, which each process draws for its own posts
    settings = (*SETTINGS, "--epochs", "2", "-o", "model.dropout=0", "-o", "bigcn.dropout=0")

    def train(*before: str, out: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        command = [*before, *COMMAND, "train", str(data), *settings, "--out", out]
        done = subprocess.run(
            [*command, "--format", "json"], cwd=tmp_path, text=True, capture_output=True,
            timeout=120, check=False,
        )
        assert done.returncode == 0, done.stderr
        # one epoch's line and one table of figures, not two
        assert done.stderr.count("epoch 1/2") == 1
        return json.loads(done.stdout), metrics(tmp_path / out)

    (one, course), (two, divided) = train(out="one"), train(*TORCHRUN, out="two")
    assert [sorted(line) for line in course] == [sorted(line) for line in divided]
    for line, other in zip(course, divided, strict=True):
        assert other["losses"] == pytest.approx(line["losses"], rel=1e-3)
        assert other["weights"] == pytest.approx(line["weights"], rel=1e-3)
        assert other["gradient_norm"] == pytest.approx(line["gradient_norm"], rel=1e-3)
        # each scored a share of the validation part
        assert other["validation"] == pytest.approx(line["validation"], abs=0.02)
    assert two["test"]["rumor"]["cascades"] == one["test"]["rumor"]["cascades"]
    assert two["test"]["links"]["all"]["targets"] == one["test"]["links"]["all"]["targets"]
    assert StoredRun(tmp_path / "two").manifest()["seen_before_test"] == (
        StoredRun(tmp_path / "one").manifest()["seen_before_test"]
    )
    assert StoredRun(tmp_path / "two").test_cascades_seen() == 0
    assert {path.name for path in (tmp_path / "two").rglob("*")} == {
        path.name for path in (tmp_path / "one").rglob("*")
    }


def test_a_dead_process_ends_the_others_and_the_run_goes_on_with_one(tmp_path: Path) -> None:
    data = toy_store(tmp_path / "toy.h5", cascades=60).path
    first, second = start_two(data, str(data), *SETTINGS, "--epochs", "12", "--out", "cut",
                              "-o", "train.patience=12")
    wait_for(tmp_path / "cut" / "checkpoints" / "last.safetensors")
    second.kill()
    _, said = first.communicate(timeout=60)
    second.communicate(timeout=60)
    assert first.returncode == 1
    assert "another process of this run is gone" in said
    assert "Traceback" not in said
    done = subprocess.run(
        [*COMMAND, "train", "--resume", "--out", "cut", "-q"], cwd=tmp_path, text=True,
        capture_output=True, timeout=120, check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line["epoch"] for line in metrics(tmp_path / "cut")]
    assert lines == list(range(1, 13))


def test_ctrl_c_of_one_process_saves_once_and_ends_all(tmp_path: Path) -> None:
    data = toy_store(tmp_path / "toy.h5", cascades=60).path
    both = start_two(data, str(data), *SETTINGS, "--epochs", "40", "--out", "cut")
    wait_for(tmp_path / "cut" / "checkpoints" / "last.safetensors")
    both[1].send_signal(signal.SIGINT)
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [130, 130], said
    assert re.search(r"interrupted (in|after) epoch \d+; everything is saved", said[0])
    assert "--resume --out cut" in said[0]


def test_an_error_of_the_first_process_is_everybodys(tmp_path: Path) -> None:
    data = toy_store(tmp_path / "toy.h5").path
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    both = start_two(data, str(data), *SETTINGS, "--out", "taken")
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [2, 2], said
    assert said[0].startswith("error: taken is not empty")
    assert said[1].startswith("error: process 1: taken is not empty")
