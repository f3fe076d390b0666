"""Many runs by the command: killed, interrupted, gone on with, in real processes."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from dgljoint.training.checkpoint import load_tree
from dgljoint_cli.main import run as dgljoint
from gate import Gate
from processes import COMMAND, stopped, wait_for
from runs import assert_same_run, run
from toys import toy_store

ASSIGNMENTS = ("model.width=8", "train.batch=8", "train.epochs=4", "train.patience=4")
EPOCH = 6  # its steps
SETTINGS = tuple(word for text in ASSIGNMENTS for word in ("-s", text))


def epochs(run_folder: Path) -> int:
    file = run_folder / "metrics.jsonl"
    return len(file.read_text().splitlines()) if file.exists() else 0


def in_use(folder: Path) -> bool:
    """Say whether a process of the study lives, without waiting for it."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(held)
    return False


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_killed_then_interrupted_then_resumed_equals_undisturbed(
    tmp_path: Path, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = toy_store(tmp_path / "toy.h5", cascades=64), tmp_path / "study"
    first = out / "fold2-seed0"
    arguments = ("train", str(store.path), *SETTINGS, "--encoder", "gcn", "--plugin", "gated",
                 "--fold", "2", "--seeds", "0,3", "--out", str(out))

    def start(*more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *more], stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    gate.close(EPOCH + 2)
    killed = start(*arguments)
    wait_for(gate.held)
    (orphan,) = gate.held()
    os.kill(orphan, signal.SIGSTOP)  # it has not noticed yet
    wait_for(lambda: stopped(orphan))
    killed.kill()
    killed.communicate()
    assert in_use(out)
    os.kill(orphan, signal.SIGCONT)
    wait_for(lambda: not in_use(out))
    left = files(out)
    assert epochs(first) == 1

    gate.close(EPOCH + 2)
    interrupted = start("train", "--resume", "--out", str(out))
    wait_for(gate.held)
    assert files(out).keys() >= left.keys()
    assert epochs(first) == 2
    os.killpg(interrupted.pid, signal.SIGINT)
    _, said = interrupted.communicate()
    assert interrupted.returncode == 130, said
    assert said.endswith(
        "error: interrupted: 0 of 2 runs are done; everything is saved\n"
        f"hint: continue with: dgljoint train --resume --out {out}\n"
    )
    assert "Traceback" not in said
    assert not in_use(out)
    position = load_tree(first / "checkpoints" / "last.safetensors")["position"]
    assert (position["epoch"], position["step"]) == (2, 2)
    summary = json.loads((out / "summary.json").read_text())
    assert [cell["state"] for cell in summary["cells"]] == ["unfinished", "not started"]

    gate.open()
    capsys.readouterr()
    assert dgljoint([*arguments, "--resume", "-q", "--format", "json", "--jobs", "2"]) == 0
    found, said = capsys.readouterr()
    assert said == ""
    assert [cell["state"] for cell in json.loads(found)["cells"]] == ["done", "done"]
    for seed in (0, 3):
        alone = tmp_path / f"alone{seed}"
        run(store, alone, *ASSIGNMENTS, encoder="gcn", plugins=("gated",), fold=2, seed=seed)
        assert_same_run(out / f"fold2-seed{seed}", alone)
    assert not list(out.rglob("log.txt"))
