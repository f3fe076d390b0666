"""A suite on a real cluster of this machine: a scheduler and workers, of which one is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dgljoint_bench.results.database import Results
from gate import Gate
from processes import COMMAND, PATIENCE_SECONDS, ended, parent_of, wait_for
from suites import TINY
from toys import toy_store


@contextmanager
def started(log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; end it on leaving."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_is_killed_loses_no_cell(tmp_path: Path, gate: Gate) -> None:
    pytest.importorskip("distributed")
    gate.close(1)
    toy_store(tmp_path / "toy.h5")
    suite = tmp_path / "tiny.toml"
    configuration = '[configurations.gated]\nsettings = { plugins = ["gated"] }\n'
    text = TINY.replace("[0, 1]", "[0]").partition("[configurations")[0]
    suite.write_text(text + configuration)
    address = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        def start(name: str, *command: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(started(tmp_path / name, *command))

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

        def held() -> set[int]:
            assert command.poll() is None, (tmp_path / "said").read_text()
            return gate.held()

        wait_for(held)
        (cell,) = held()
        worker = workers[parent_of(cell)]
        worker.kill()
        worker.wait()
        wait_for(lambda: ended(cell))
        wait_for(lambda: len(held()) == 2)
        (again,) = held() - {cell}
        assert parent_of(again) in workers.keys() - {worker.pid}
        gate.open()
        assert command.wait(PATIENCE_SECONDS) == 0, (tmp_path / "said").read_text()
    said = (tmp_path / "said").read_text()
    assert "2 runs, 2 at a time" in said
    assert "FAILED" not in said
    assert said.count("gated, fold 0, seed 0: done") == 1
    with Results(tmp_path / "results.sqlite") as results:
        cells = results.cells("tiny")
    assert sorted((c.key.configuration, c.state) for c in cells) == [
        ("", "done"), ("gated", "done"),
    ]
    assert len(gate.held()) == 2
