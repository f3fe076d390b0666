"""Small suites on toy data, and what their jobs come to without being run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from dgljoint.plugins.registry import installed_registry
from dgljoint.runs.many.executors import Pool
from dgljoint.runs.many.job import Job
from dgljoint.runs.records import DONE, RunRecord, Trial
from dgljoint_bench.suites.plan import SuitePlan, plan_suite
from dgljoint_bench.suites.suite import Suite, find_suite
from toys import toy_store

TINY = """
summary = "tiny"
settings = { encoder = "gcn", model = { width = 8 }, train = { batch = 8, epochs = 2 } }
[[tables]]
data = "toy"
folds = [0, 1]
[configurations.joint]
[configurations."rumor alone"]
settings = { train = { tasks = "rumor" } }
"""


def suite_of(folder: Path, text: str = TINY, name: str = "tiny") -> Suite:
    """Write a suite to a file and read it."""
    file = folder / f"{name}.toml"
    file.write_text(text)
    return find_suite(str(file))


def plan_of(folder: Path, text: str = TINY, **settings: Any) -> SuitePlan:
    """Plan a suite on ``toy.h5`` in ``folder``, which is written where it is not."""
    data = folder / "toy.h5"
    if not data.exists():
        toy_store(data)
    suite = suite_of(folder, text)
    return plan_suite(suite, {"toy": data}, folder / "out", installed_registry(), **settings)


def came_to(job: Job, accuracy: float = 0.5, **changes: Any) -> RunRecord:
    """Return a record that a job may come to."""
    trials = tuple(
        Trial(one.settings, validation=0.5, epochs=2, chosen=place == 0)
        for place, one in enumerate(job.trials)
    )
    values: dict[str, Any] = {
        "figures": {"model": {"accuracy": accuracy}}, "trials": trials,
        "curve": ({"score": 0.5, "seconds": 0.1},) if trials else (), "seconds": 1.5,
        "cpu_seconds": 1.0, "peak_megabytes": 100.0, "tests_seen": 0,
    }
    return RunRecord(job.key, job.digest, DONE, **{**values, **changes})


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # a future carries whatever was raised
            future.set_exception(error)
        return future


INLINE = Pool(Inline(), 1)
