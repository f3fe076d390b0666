"""Several processes of one run, as torchrun starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from torch.distributed import TCPStore

from dgljoint.runs.stored import StoredRun
from gate import Gate
from processes import COMMAND, PATIENCE_SECONDS, wait_for
from runs import metrics
from toys import toy_store

TORCHRUN = (
    sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
    "--no-python",
)
SETTINGS = (
    "-s", "model.width=8", "-s", "train.batch=8", "--plugin", "contrastive", "--plugin",
    "meta_weight", "--device", "cpu",
)
# Forward passes in training: its 4 steps, and what the weighter looks at.
EPOCH = 5


@pytest.fixture
def meeting() -> Iterator[dict[str, str]]:
    """Give what torchrun tells two processes; the place where they meet is open, as with it."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    yield {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "WORLD_SIZE": "2",
        "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0",
    }
    del store  # its port was held so long


def start_two(
    meeting: Mapping[str, str], data: Path, *arguments: str
) -> list[subprocess.Popen[str]]:
    """Start what torchrun would, each process at hand."""
    return [
        subprocess.Popen(
            [*COMMAND, "train", *arguments], cwd=data.parent, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **meeting, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]


def test_torchrun_trains_what_one_process_trains(tmp_path: Path) -> None:
    data = toy_store(tmp_path / "toy.h5", cascades=30).path
    # no dropout, which each process draws for its own posts
    settings = (*SETTINGS, "--epochs", "2", "-s", "model.dropout=0", "-s", "bigcn.dropout=0")

    def train(*before: str, out: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        command = [*before, *COMMAND, "train", str(data), *settings, "--out", out]
        done = subprocess.run(
            [*command, "--format", "json"], cwd=tmp_path, text=True, capture_output=True,
            timeout=PATIENCE_SECONDS, check=False,
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


def test_a_dead_process_ends_the_others_and_the_run_goes_on_with_one(
    tmp_path: Path, gate: Gate, meeting: dict[str, str]
) -> None:
    data = toy_store(tmp_path / "toy.h5", cascades=60).path
    gate.close(EPOCH + 2)
    first, second = start_two(
        meeting, data, str(data), *SETTINGS, "--plugin", "gated", "--epochs", "3", "--out", "cut"
    )
    wait_for(lambda: len(gate.held()) == 2)
    assert len(metrics(tmp_path / "cut")) == 1
    second.kill()
    gate.open()
    _, said = first.communicate(timeout=PATIENCE_SECONDS)
    second.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == 1
    assert "another process of this run is gone" in said
    assert "Traceback" not in said
    done = subprocess.run(
        [*COMMAND, "train", "--resume", "--out", "cut", "-q"], cwd=tmp_path, text=True,
        capture_output=True, timeout=PATIENCE_SECONDS, check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line["epoch"] for line in metrics(tmp_path / "cut")]
    assert lines == [1, 2, 3]


def test_ctrl_c_of_one_process_saves_once_and_ends_all(
    tmp_path: Path, gate: Gate, meeting: dict[str, str]
) -> None:
    data = toy_store(tmp_path / "toy.h5", cascades=60).path
    gate.close(EPOCH + 2)
    both = start_two(
        meeting, data, str(data), *SETTINGS, "--plugin", "gated", "--epochs", "3", "--out", "cut"
    )
    wait_for(lambda: len(gate.held()) == 2)
    both[1].send_signal(signal.SIGINT)
    gate.open()
    said = [process.communicate(timeout=PATIENCE_SECONDS)[1] for process in both]
    assert [process.returncode for process in both] == [130, 130], said
    assert "interrupted in epoch 2; everything is saved" in said[0]
    assert "--resume --out cut" in said[0]


def test_an_error_of_the_first_process_is_everybodys(
    tmp_path: Path, meeting: dict[str, str]
) -> None:
    data = toy_store(tmp_path / "toy.h5").path
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    both = start_two(meeting, data, str(data), *SETTINGS, "--out", "taken")
    said = [process.communicate(timeout=PATIENCE_SECONDS)[1] for process in both]
    assert [process.returncode for process in both] == [2, 2], said
    assert "error: taken is not empty" in said[0].splitlines()
    assert said[1].startswith("error: process 1: taken is not empty")
