"""Suites by the command: what fails, is killed, interrupted and gone on with, in real processes."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import Site
from dgljoint.runs.records import RunRecord
from dgljoint.training.checkpoint import load_tree
from dgljoint_bench.results.database import Results
from dgljoint_cli.main import run as dgljoint
from gate import Gate
from processes import COMMAND, wait_for
from runs import assert_same_run, run
from suites import TINY
from toys import toy_store

EPOCHS = 4
EPOCH = 6  # its steps
PLUGIN = '''
import dgljoint
import torch
from pathlib import Path
from dgljoint.nn import LossWeighter

class Even(LossWeighter):
    def weigh(self, losses, step):
        if not Path(__file__).with_name("mended").exists():
            raise LookupError("no such weight")
        return torch.ones(len(losses.names))

@dgljoint.hookimpl
def dgljoint_loss_weighters():
    return [dgljoint.WeighterSpec(name="bad", summary="", build=lambda options, context: Even())]
'''


def recorded(folder: Path) -> dict[str, RunRecord]:
    with Results(folder / "results" / "all.sqlite") as results:
        return {cell.key.configuration: cell for cell in results.cells("tiny")}


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def prepared(folder: Path, text: str) -> tuple[str, ...]:
    """Write data and a suite; return the command's arguments."""
    toy_store(folder / "toy.h5")
    (folder / "tiny.toml").write_text(text.replace("[0, 1]", "[0]"))
    return (
        "benchmark", "run", str(folder / "tiny.toml"), "--data", str(folder), "--out",
        str(folder / "out"), "--results", str(folder / "results" / "all.sqlite"),
    )


def test_a_cell_that_fails_stops_no_other_and_is_tried_again(
    tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("dgljoint-bad", {"bad": "bad_module"}, bad_module=PLUGIN)
    text = TINY.partition("[configurations")[0]
    text += '[configurations.bad]\nsettings = { plugins = ["bad"] }\n[configurations.joint]\n'
    command = prepared(tmp_path, text)
    assert dgljoint([*command, "--jobs", "2"]) == 4
    out, err = capsys.readouterr()
    assert out.startswith("2 of 3 runs of tiny are done; see them with: dgljoint benchmark report")
    assert "toy, bad, fold 0, seed 0: FAILED: plugin 'bad' (dgljoint-bad 1.0)" in err
    assert "error: 1 of 3 runs failed:\n  toy, bad, fold 0, seed 0: plugin 'bad'" in err
    assert "Traceback" not in err
    cells = recorded(tmp_path)
    assert {name: cell.state for name, cell in cells.items()} == {
        "bad": "failed", "joint": "done", "": "done",
    }
    assert "no such weight" in str(cells["bad"].message)
    joint = cells["joint"]
    assert joint.figures["model"].keys() >= {"accuracy", "macro_f1", "mrr"}
    assert len(joint.figures) > 1
    assert len(cells[""].figures) >= 1
    assert (joint.epochs, len(joint.curve), joint.tests_seen) == (2, 2, 0)
    assert joint.config["model"]["width"] == 8
    assert joint.versions.keys() >= {"dgljoint", "python", "torch"}
    assert joint.best_epoch in (1, 2)
    assert min(joint.seconds or 0, joint.cpu_seconds or 0, joint.parameters or 0) > 0
    assert (joint.peak_megabytes or 0) > 50

    (site.path / "mended").touch()
    kept = files(tmp_path / "out" / "tiny" / "toy" / "joint")
    assert dgljoint([*command, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"cells": 3, "done": 3, "failed": {}}
    assert "1 run, 1 at a time; 2 of 3 are done already" in err
    assert files(tmp_path / "out" / "tiny" / "toy" / "joint") == kept
    assert {cell.state for cell in recorded(tmp_path).values()} == {"done"}


def test_killed_then_interrupted_then_gone_on_with_equals_undisturbed(
    tmp_path: Path, gate: Gate
) -> None:
    budget = f"epochs = {EPOCHS}, patience = {EPOCHS}"
    text = TINY.partition("[configurations")[0].replace("epochs = 2", budget)
    text += '[configurations.joint]\nsettings = { plugins = ["gated"] }\n'
    command = prepared(tmp_path, text)
    trial = tmp_path / "out" / "tiny" / "toy" / "joint" / "fold0-seed0"

    def epochs() -> int:
        file = trial / "metrics.jsonl"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, preexec_fn=ignore_interrupts,
        )

    gate.close(EPOCH + 2)
    killed = start()
    wait_for(gate.held)
    killed.kill()
    killed.communicate()
    assert epochs() == 1
    # Its cell ends with it; the next command waits for that.
    gate.close(EPOCH + 2)
    interrupted = start()
    wait_for(gate.held)
    assert epochs() == 2
    interrupted.send_signal(signal.SIGINT)
    _, said = interrupted.communicate()
    assert interrupted.returncode == 130, said
    assert "interrupted: 1 running; each finishes its step and is saved" in said
    assert "error: interrupted: 0 of 2 runs are done; everything is saved\n" in said
    assert "hint: continue with the same command: dgljoint benchmark run " in said
    assert "Traceback" not in said
    assert recorded(tmp_path) == {}
    position = load_tree(trial / "checkpoints" / "last.safetensors")["position"]
    assert (position["epoch"], position["step"]) == (2, 2)

    gate.open()
    assert dgljoint([*command, "-q"]) == 0
    alone = tmp_path / "alone"
    store = toy_store(tmp_path / "again.h5")
    train = ("batch=8", f"epochs={EPOCHS}", f"patience={EPOCHS}")
    settings = ("model.width=8", *(f"train.{one}" for one in train))
    run(store, alone, *settings, encoder="gcn", plugins=("gated",), fold=0, seed=0)
    assert_same_run(trial, alone)
    joint = recorded(tmp_path)["joint"]
    scores = json.loads((alone / "scores.json").read_text())
    assert joint.figures["model"]["accuracy"] == scores["test"]["rumor"]["accuracy"]
    assert len(joint.curve) == len((alone / "metrics.jsonl").read_text().splitlines())


def ignore_interrupts() -> None:
    """Begin as what `nohup` or a script starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
