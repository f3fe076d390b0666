"""A suite on a real cluster of this machine: a scheduler and workers, of which one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from conftest import Site
from dgljoint_bench.results.database import Results
from suites import TINY
from toys import toy_store

COMMAND = (sys.executable, "-c", "from dgljoint_cli.main import run; raise SystemExit(run())")
PLUGIN = '''
import os
import time
from pathlib import Path

import torch

import dgljoint
from dgljoint.nn import LossWeighter

HERE = Path(__file__).parent

class Even(LossWeighter):
    def weigh(self, losses, step):
        return torch.ones(len(losses.names))

def build(options, context):
    (HERE / f"begun-{os.getpid()}").touch()
    while not (HERE / "go").exists():
        time.sleep(0.05)
    return Even()

@dgljoint.hookimpl
def dgljoint_loss_weighters():
    return [dgljoint.WeighterSpec(name="waiting", summary="", build=build)]
'''


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def started(log: Path, *command: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program with ``path`` before all else that it imports; end it on leaving."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, env={**os.environ, "PYTHONPATH": str(path)},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def parent_of(process: int) -> int:
    stat = Path(f"/proc/{process}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def test_a_worker_that_is_killed_loses_no_cell(tmp_path: Path, site: Site) -> None:
    pytest.importorskip("distributed")
    site.install("dgljoint-waiting", {"waiting": "waiting_module"}, waiting_module=PLUGIN)
    toy_store(tmp_path / "toy.h5")
    suite = tmp_path / "tiny.toml"
    configuration = '[configurations.waiting]\nsettings = { plugins = ["waiting"] }\n'
    text = TINY.replace("[0, 1]", "[0]").partition("[configurations")[0]
    suite.write_text(text + configuration)
    address = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        def start(name: str, *command: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(started(tmp_path / name, *command, path=site.path))

        def dask(name: str, *arguments: str) -> subprocess.Popen[bytes]:
            module = f"distributed.cli.dask_{name}"
            place = ("--no-dashboard", "--scheduler-file", str(address))
            number = len(list(tmp_path.glob("*.log")))
            return start(f"{name}{number}.log", sys.executable, "-m", module, *place, *arguments)

        dask("scheduler", "--host", "127.0.0.1", "--port", "0")
        workers = {
            worker.pid: worker
            for worker in [dask("worker", "--nthreads", "1", "--no-nanny") for _ in range(2)]
        }
        # A worker of a busy machine may take longer than the command waits for one.
        wait_for(lambda: all("Registered to" in log.read_text()
                             for log in tmp_path.glob("worker*.log")))
        command = start(
            "said", *COMMAND, "benchmark", "run", str(suite), "--data", str(tmp_path),
            "--out", str(tmp_path / "out"), "--results", str(tmp_path / "results.sqlite"),
            "--cluster", json.loads(address.read_text())["address"],
        )

        def begun() -> list[int]:
            assert command.poll() is None, (tmp_path / "said").read_text()
            return [int(file.name.partition("-")[2]) for file in site.path.glob("begun-*")]

        wait_for(begun)
        (cell,) = begun()
        worker = workers[parent_of(cell)]
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        wait_for(lambda: not Path(f"/proc/{cell}").exists())
        wait_for(lambda: len(begun()) == 2)
        (again,) = set(begun()) - {cell}
        assert parent_of(again) in workers.keys() - {worker.pid}
        (site.path / "go").touch()
        assert command.wait(600) == 0, (tmp_path / "said").read_text()
    said = (tmp_path / "said").read_text()
    assert "2 cells to run, 2 at a time" in said
    assert "FAILED" not in said
    assert said.count("waiting, fold 0, seed 0: done") == 1
    with Results(tmp_path / "results.sqlite") as results:
        cells = results.cells("tiny")
    assert sorted((c.key.configuration, c.state) for c in cells) == [
        ("", "done"), ("waiting", "done"),
    ]
    assert len(list(site.path.glob("begun-*"))) == 2
