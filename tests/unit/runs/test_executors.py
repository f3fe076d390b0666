"""A cluster that cannot run jobs is refused; the end-to-end tests have one that can."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dgljoint._version import __version__
from dgljoint.errors import RunFailedError, UsageError, install_hint
from dgljoint.runs.many import executors
from dgljoint.runs.many.executors import cluster_executor
from toys import toy_store

WORKER = "tcp://10.0.0.1:4000"


class Client:
    """Of a cluster with one worker that sees the same but for what ``change`` does."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        self.change = change

    def run(self, function: Callable[..., Any], *arguments: Any, on_error: str) -> dict[str, Any]:
        assert on_error == "return"
        return {WORKER: self.change(function(*arguments))}

    def get_executor(self, *, pure: bool) -> str:
        assert not pure
        return "executor"

    def nthreads(self) -> dict[str, int]:
        return {WORKER: 3, "another": 2}


def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> Any:
    @contextmanager
    def connected(address: str) -> Any:
        yield Client(change)

    monkeypatch.setattr(executors, "_connected", connected)
    data = tmp_path / "toy.h5"
    toy_store(data, cascades=8)
    with cluster_executor("tcp://127.0.0.1:1", tmp_path, [data, data]) as pool:
        return pool


def test_cells_at_a_time_are_the_threads_of_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = opened(tmp_path, monkeypatch, lambda sight: sight)
    assert (pool.executor, pool.jobs) == ("executor", 5)
    assert [file.name for file in tmp_path.iterdir()] == ["toy.h5"]


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (lambda sight: ModuleNotFoundError("No module named 'dgljoint_bench'"),
         f"the worker {WORKER} cannot run jobs: .*No module named 'dgljoint_bench'",
         f"install dgljoint {__version__}"),
        (lambda sight: {**sight, "dgljoint": "0.0.1"},
         f"the worker {WORKER} has dgljoint 0.0.1, and this is {__version__}",
         "the same version"),
        (lambda sight: {name: None if "shared" in name else v for name, v in sight.items()},
         f"the worker {WORKER} does not see .* as it is here", "a file system that all machines"),
        (lambda sight: {name: "other" if name.endswith(".h5") else v for name, v in sight.items()},
         r"does not see .*toy\.h5 as it is here", "under the same path"),
    ],
)
def test_a_worker_that_sees_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any], message: str,
    hint: str,
) -> None:
    with pytest.raises(RunFailedError, match=message) as caught:
        opened(tmp_path, monkeypatch, change)
    assert hint in str(caught.value.hint)


def test_data_that_a_machine_lacks_are_not_seen(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    missing = str(tmp_path / "none.h5")
    assert executors._sight(str(mark), [missing]) == {
        "dgljoint": __version__, str(mark): None, missing: None,
    }


def test_dask_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as caught, cluster_executor("tcp://a:1", tmp_path, []):
        pass
    assert caught.value.hint == install_hint("cluster")


@pytest.mark.parametrize("address", ["localhost", "http://localhost:8786", "tcp://localhost"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    pytest.importorskip("distributed")
    refused = pytest.raises(UsageError, match="is no address")
    with refused as caught, cluster_executor(address, tmp_path, []):
        pass
    assert "tcp://HOST:PORT" in str(caught.value.hint)


def test_a_scheduler_that_does_not_answer_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "_SECONDS_TO_ANSWER", 0.5)
    refused = pytest.raises(RunFailedError, match="no scheduler answers at tcp://127")
    with refused as caught, cluster_executor("tcp://127.0.0.1:1", tmp_path, []):
        pass
    assert caught.value.hint == "start one with: dask scheduler"


def test_a_cell_that_kills_worker_after_worker_is_told_of() -> None:
    distributed = pytest.importorskip("distributed")
    error = distributed.KilledWorker("run_job-1", None, 3)
    told = executors._explain(error)
    assert isinstance(told, RunFailedError)
    assert told.message == "4 workers died while they ran it"
    assert "LookupError" in executors._explain(LookupError("x")).message
