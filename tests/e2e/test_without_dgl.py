"""Python 3.13 has no DGL: everything but DGL's own graphs works on the torch kernels.

Each process finds a ``sitecustomize`` that hides DGL, and pandas, which only DGL 2 needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toys import toy_store

DGLJOINT = Path(sys.executable).with_name("dgljoint")
HIDE = """
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec

def without(name, path=None, target=None):
    hidden = name.partition(".")[0] in ("dgl", "pandas", "torchdata")
    return None if hidden else find_spec(name, path, target)

PathFinder.find_spec = without
"""
RUNS = """
import os, signal, sys
from pathlib import Path
import dgljoint
from dgljoint import *  # every public name can be imported

class Cut(dgljoint.Callback):
    def on_epoch_end(self, *given, **named):
        os.kill(os.getpid(), signal.SIGINT)

settings = dict(seed=1, epochs=2, options={"model": {"width": 8}})
dgljoint.train("toy.h5", out="whole", **settings)
try:
    dgljoint.train("toy.h5", out="cut", callbacks=Cut(), **settings)
except dgljoint.DgljointError as error:
    assert "interrupted" in str(error), error
dgljoint.train(out="cut", resume=True)
whole, cut = (Path(run) / "checkpoints" / "best.safetensors" for run in ("whole", "cut"))
assert whole.read_bytes() == cut.read_bytes()
assert dgljoint.evaluate("whole") is not None
assert len(dgljoint.load_run("whole").predict("toy.h5").predicted)
assert "dgl" not in sys.modules
"""
STEPS = """
import sys, torch, dgljoint
from pathlib import Path
from dgljoint.data.store import CascadeStore
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec
from dgljoint.tasks.heads import task_losses
from toys import shipped, toy_batch, toy_model

store = CascadeStore(Path("toy.h5"))
encoders = [name for name in shipped(EncoderSpec) if name != "dgl"]
interactions = shipped(InteractionSpec)
assert len(encoders) > 5 and len(interactions) > 4
for encoder, plugins in [*((e, ()) for e in encoders), *(("gat", (i,)) for i in interactions)]:
    model = toy_model(store, encoder=encoder, plugins=plugins).train()
    batch = toy_batch(store, range(9))
    reps, outputs = model(batch)
    losses = task_losses(outputs, batch, "listwise") | model.auxiliary_losses(reps, outputs, batch)
    torch.stack(list(losses.values())).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
assert "dgl" not in sys.modules
for use in (
    lambda: dgljoint.CascadeDataset("toy.h5"), lambda: batch.graph,
    lambda: dgljoint.nn.using_kernels("dgl").__enter__(),
):
    try:
        use()
    except dgljoint.DgljointError as error:
        print(error.message, "|", error.hint)
"""


@pytest.fixture
def hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide DGL from every process that the test starts, and work in a folder with data."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HIDE)
    path = [str(tmp_path / "site"), str(Path(__file__).parent.parent)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.chdir(tmp_path)
    toy_store(tmp_path / "toy.h5")
    return tmp_path


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("hidden")
def test_without_dgl_a_run_trains_resumes_evaluates_and_predicts() -> None:
    done = run(sys.executable, "-W", "error", "-c", RUNS)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("hidden")
def test_without_dgl_every_component_steps_and_graphs_of_dgl_are_refused() -> None:
    done = run(sys.executable, "-W", "error", "-c", STEPS)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    needed = ["CascadeDataset", "batch.graph", "using_kernels('dgl')"]
    assert [line.partition(" needs DGL, which is not installed")[0] for line in lines] == needed
    assert all("pip install 'dgl>=1.1.3,<=2.1.0'" in line for line in lines)


def test_without_dgl_export_is_refused_and_env_reports_the_torch_kernels(hidden: Path) -> None:
    exported = run(DGLJOINT, "data", "export", "toy.h5", "--to", "dgl", "-o", "toy.bin")
    assert exported.returncode == 1
    assert exported.stderr.startswith("error: this export to DGL needs DGL, which is not installed")
    assert "hint: on Python 3.11 or 3.12: pip install" in exported.stderr
    assert not (hidden / "toy.bin").exists()
    described = run(DGLJOINT, "env", "--format", "json")
    found = json.loads(described.stdout)
    assert found["kernels"]["cpu"] == "torch", described.stderr
    assert all(plugin["cause"] is None for plugin in found["plugins"])
