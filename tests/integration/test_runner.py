"""What is run, what is recorded, and how it ends; the processes of cells are left out."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from dgljoint.errors import DataError, InterruptedRunError, PluginError, RunFailedError, UsageError
from dgljoint.runs.many.executors import Pool, local_executor
from dgljoint.runs.many.job import Job
from dgljoint.runs.many.runner import AT_ONCE, STOP, RunsProgress
from dgljoint.runs.records import UNFINISHED, Key, RunRecord, done_runs, failed, failure_of
from dgljoint_bench.results.database import Results
from dgljoint_bench.suites.plan import SuitePlan, run_suite
from suites import INLINE, TINY, came_to, plan_of
from toys import toy_store

Answer = Callable[[Job], RunRecord]
Records = tuple[RunRecord, ...]


def failure(job: Job) -> RunRecord:
    return failed(job.key, job.digest, PluginError("it broke", hint="mend it"))


def stopped(job: Job) -> RunRecord:
    return RunRecord(job.key, job.digest, UNFINISHED)


class Bench:
    """A folder, a results file, and what the next cells come to.

    Attributes:
        asked: the cells that were run, by configuration and fold.
        answer: what a job comes to.
    """

    def __init__(self, folder: Path, results: Results) -> None:
        self.folder, self.results = folder, results
        self.asked: list[tuple[str, int]] = []
        self.answer: Answer = came_to

    def run_job(self, job: Job, stop: Path, *rest: Any) -> RunRecord:
        self.asked.append((job.folder.parent.name, job.fold))
        assert stop == self.folder / "out" / STOP
        return self.answer(job)

    def run(self, plan: SuitePlan, pool: Pool = INLINE, **settings: Any) -> Records:
        self.asked.clear()
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        progress = settings.pop("progress", RunsProgress())
        return run_suite(plan, self.results, out, pool, progress=progress, **settings)

    def cells(self) -> dict[tuple[str, int], RunRecord]:
        cells = self.results.cells("tiny")
        found = {(cell.key.configuration, cell.key.fold): cell for cell in cells}
        assert len(found) == len(cells)
        return found


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with Results(tmp_path / "results.sqlite", create=True) as results:
        made = Bench(tmp_path, results)
        monkeypatch.setattr("dgljoint.runs.many.runner.run_job", made.run_job)
        yield made


def test_what_is_recorded_is_not_run_again(bench: Bench) -> None:
    plan = plan_of(bench.folder)
    found = bench.run(plan)
    assert (len(found), len(done_runs(found)), failure_of(found)) == (6, 6, None)
    assert bench.asked == [(row, fold) for fold in (0, 1)
                           for row in ("joint", "rumor_alone", "without_a_model")]
    cells = bench.cells()
    assert cells["joint", 1].figures == {"model": {"accuracy": 0.5}}
    assert cells["joint", 1].trials[0].chosen
    assert (cells["joint", 1].seconds, cells["joint", 1].epochs) == (1.5, 2)
    assert len(done_runs(bench.run(plan))) == 6
    assert bench.asked == []
    assert len(done_runs(bench.run(plan_of(bench.folder, seeds=[0, 1])))) == 10
    assert bench.asked == [("joint", 0), ("rumor_alone", 0), ("joint", 1), ("rumor_alone", 1)]


def test_a_cell_that_fails_stops_no_other_and_is_tried_again(bench: Bench) -> None:
    plan = plan_of(bench.folder)
    bench.answer = lambda job: failure(job) if "joint" in str(job.folder) else came_to(job)
    found = bench.run(plan)
    assert [str(one.key) for one in found if one.state == "failed"] == [
        "toy, joint, fold 0, seed 0", "toy, joint, fold 1, seed 0",
    ]
    assert len(done_runs(found)) == 4
    error = failure_of(found)
    assert error is not None
    assert error.exit_code == 4
    assert error.message.startswith("2 of 6 runs failed:\n  toy, joint, fold 0, seed 0: it broke")
    assert error.hint == "mend it"
    bench.answer = came_to
    assert failure_of(bench.run(plan)) is None
    assert sorted(bench.asked) == [("joint", 0), ("joint", 1)]
    assert bench.cells()["joint", 0].message is None


def test_a_job_that_raises_is_a_cell_that_fails(bench: Bench) -> None:
    def answer(job: Job) -> RunRecord:
        if job.fold:
            raise PluginError("no such plugin", hint="pip install it")
        raise LookupError("gone")

    bench.answer = answer
    bench.run(plan_of(bench.folder, configurations=["joint"]))
    found = bench.cells()
    assert [one.state for one in found.values()] == ["failed"] * 4
    assert found["joint", 0].message == "unexpected LookupError: gone"
    assert (found["joint", 1].message, found["joint", 1].hint, found["joint", 1].exit_code) == (
        "no such plugin", "pip install it", 4,
    )


def test_other_settings_are_refused_and_replaced(bench: Bench) -> None:
    bench.run(plan_of(bench.folder))
    other = plan_of(bench.folder, TINY.replace("width = 8", "width = 4"))
    with pytest.raises(UsageError, match=r"toy, joint, fold 0, seed 0, and 3 more runs, run with"):
        bench.run(other)
    assert bench.asked == []
    bench.answer = lambda job: came_to(job, 0.75)
    assert len(done_runs(bench.run(other, replace=True))) == 6
    assert {fold for row, fold in bench.asked if row != "without_a_model"} == {0, 1}
    assert bench.cells()["joint", 0].figures["model"]["accuracy"] == 0.75
    assert len(bench.asked) == 4


def test_nothing_runs_beside_what_was_run_with_other_settings(bench: Bench) -> None:
    bench.run(plan_of(bench.folder, seeds=[0, 3]))
    wider = TINY.replace("width = 8", "width = 4")
    for asked in ({"configurations": ["joint"]}, {"folds": [1]}, {"seeds": [0]}):
        plan = plan_of(bench.folder, wider, **asked)
        with pytest.raises(UsageError, match="what runs now would be compared with it") as caught:
            bench.run(plan, replace=True)
        assert "nothing left out" in str(caught.value.hint)
        assert bench.asked == []
    bench.run(plan_of(bench.folder, wider, seeds=[0, 3]), replace=True)
    assert len(bench.asked) == 8
    more = wider + '[configurations.more]\nsettings = { encoder = "sage" }'
    assert len(done_runs(bench.run(plan_of(bench.folder, more, configurations=["more"])))) == 4


def test_what_has_failed_may_be_corrected(bench: Bench) -> None:
    bench.answer = lambda job: failure(job) if "rumor" in str(job.folder) else came_to(job)
    bench.run(plan_of(bench.folder))
    bench.answer = came_to
    corrected = TINY.replace('tasks = "rumor"', 'tasks = "rumor", learning_rate = 0.1')
    assert len(done_runs(bench.run(plan_of(bench.folder, corrected)))) == 6
    assert bench.asked == [("rumor_alone", 0), ("rumor_alone", 1)]


def test_other_data_of_the_same_name_are_refused(bench: Bench) -> None:
    plan = plan_of(bench.folder)
    bench.run(plan)
    shutil.move(bench.folder / "toy.h5", bench.folder / "old.h5")
    toy_store(bench.folder / "toy.h5", seed=1)
    with pytest.raises(DataError, match="figures of the suite tiny on other data called 'toy'"):
        bench.run(plan_of(bench.folder), replace=True)
    assert bench.asked == []


@pytest.mark.parametrize(("seen", "said"), [(3, "3 cascades"), (None, "not known how many")])
def test_figures_that_saw_the_test_part_are_not_recorded(
    bench: Bench, seen: int | None, said: str
) -> None:
    bench.answer = lambda job: came_to(job, tests_seen=seen)
    found = bench.run(plan_of(bench.folder, folds=[0], configurations=["joint"]))
    cell = bench.cells()["joint", 0]
    assert (done_runs(found), cell.state, cell.figures, cell.trials) == ([], "failed", {}, ())
    assert said in str(cell.message)
    assert failure_of(found) is not None


class Pressing(RunsProgress):
    """Presses Ctrl-C when the first cell has ended; listens to what is said of it."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.ended: list[Key] = []

    def end(self, cell: RunRecord) -> None:
        if not self.ended:
            signal.raise_signal(signal.SIGINT)
        self.ended.append(cell.key)

    def stop(self, running: int) -> None:
        self.running.append(running)


def test_ctrl_c_lets_running_cells_save_and_begins_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = bench.folder / "out" / STOP

    def answer(job: Job) -> RunRecord:
        begun.append(job)
        while len(begun) > 1 and not stop.exists():
            time.sleep(0.01)
        return stopped(job) if stop.exists() else came_to(job)

    begun: list[Job] = []
    bench.answer, progress = answer, Pressing()
    monkeypatch.setattr("sys.argv", ["dgljoint", "benchmark", "run", "a b.toml"])
    plan = plan_of(bench.folder)
    with (
        local_executor(1) as pool,
        pytest.raises(InterruptedRunError, match="interrupted: 1 of 6 runs are done") as caught,
    ):
        bench.run(plan, pool, progress=progress)
    assert caught.value.hint == "continue with the same command: dgljoint benchmark run 'a b.toml'"
    assert progress.running == [1]
    assert stop.read_text() == ""
    assert bench.cells().keys() == {("joint", 0)}
    bench.answer = came_to
    assert len(done_runs(bench.run(plan))) == 6
    assert len(bench.asked) == 5


def test_the_second_ctrl_c_ends_at_once(bench: Bench) -> None:
    stop = bench.folder / "out" / STOP

    begun = Event()

    class Twice(Pressing):
        def stop(self, running: int) -> None:
            assert begun.wait(300)
            signal.raise_signal(signal.SIGINT)

    def answer(job: Job) -> RunRecord:
        if "rumor" in str(job.folder):
            begun.set()
            while not (stop.exists() and stop.read_text() == AT_ONCE):
                time.sleep(0.01)
        return came_to(job)

    bench.answer = answer
    with local_executor(1) as pool, pytest.raises(InterruptedRunError):
        bench.run(plan_of(bench.folder), pool, progress=Twice())
    assert bench.cells().keys() == {("joint", 0)}
    assert len(bench.asked) == 2


class Lost(Executor):
    """Takes cells and loses them, as a cluster whose scheduler ends."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


def test_cells_that_a_cluster_gives_up_are_no_success(bench: Bench) -> None:
    plan = plan_of(bench.folder)
    bench.run(plan_of(bench.folder, folds=[0]))
    with pytest.raises(RunFailedError, match="cluster was lost: 3 of 6 runs are done") as caught:
        bench.run(plan, Pool(Lost(), 2, here=False))
    assert "continue with the same command" in str(caught.value.hint)
    assert bench.cells().keys() == {(row, 0) for row in ("joint", "rumor alone", "")}
