"""Run jobs, each in a process of its own, and hand over the record of each as it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from dgljoint._internal.child_process import Event
from dgljoint._internal.files import write_text, writing
from dgljoint.errors import InterruptedRunError, RunFailedError
from dgljoint.runs.many.executors import Pool
from dgljoint.runs.many.job import Job
from dgljoint.runs.many.work import AT_ONCE, STOP, run_job
from dgljoint.runs.records import UNFINISHED, Key, RunRecord, failed, progress_of
from dgljoint.training.callbacks import StopRequest

# How soon a Ctrl-C is noticed while nothing else happens.
_SECONDS_A_LOOK = 0.2


class RunsProgress:
    """Receives what happens to many runs; the default ignores it."""

    def start(self, left: int, done: int, jobs: int) -> None:
        """So many runs are left, so many are done already, and so many run at a time."""

    def begin(self, job: Job) -> None:
        """A run's process was started; a cluster does not report it."""

    def epoch(self, job: Job, epoch: int, epochs: int, score: float | None) -> None:
        """A run has done ``epoch`` of at most ``epochs`` epochs; a cluster does not report it.

        ``score`` is the validation score of the last one; ``None`` when the run is only now ready
        to train.
        """

    def end(self, record: RunRecord) -> None:
        """A run is done, or failed."""

    def stop(self, running: int) -> None:
        """Ctrl-C: so many runs finish their step and save."""


def run_jobs(
    jobs: Sequence[Job], done: Sequence[RunRecord], out: Path, pool: Pool, *,
    keep: Callable[[RunRecord], RunRecord], progress: RunsProgress, go_on: str,
    keep_open: Iterable[int] = (),
) -> tuple[RunRecord, ...]:
    """Run jobs in their order; one that fails stops no other.

    The caller holds the folder ``out`` of all runs; see :func:`dgljoint._internal.files.locked`.
    ``keep`` keeps each record as soon as its run has ended, and returns what was kept. ``go_on``
    is the command to continue with when all are interrupted. Processes of this machine keep the
    descriptors ``keep_open`` open while they live.

    Returns:
        The records of the jobs, in their order.
    """
    stop_file, held = out.resolve() / STOP, tuple(keep_open)
    with writing(stop_file):
        stop_file.unlink(missing_ok=True)
    progress.start(len(jobs), len(done), pool.jobs)
    found: dict[Key, RunRecord] = {}
    events: SimpleQueue[tuple[Job, Event]] = SimpleQueue()

    def submit(job: Job) -> Future[RunRecord]:
        if not pool.here:
            return pool.executor.submit(run_job, job, stop_file, held)
        return pool.executor.submit(
            run_job, job, stop_file, held, lambda event: events.put((job, event))
        )

    def end(job: Job, record: RunRecord) -> None:
        if record.state != UNFINISHED:
            found[job.key] = keep(record)
            progress.end(found[job.key])

    def stopped() -> str:
        return progress_of((*done, *found.values()), len(jobs) + len(done))

    with StopRequest() as stop, stop.between_steps():
        futures: dict[Future[RunRecord], Job] = {}
        try:
            futures |= {submit(job): job for job in jobs}
            _gather(futures, events, end, progress, stop, stop_file, pool)
        except BaseException as error:  # Ctrl-C too: nothing may be left running
            for future in futures:
                future.cancel()
            with suppress(RunFailedError):  # what is raised is more helpful
                write_text(stop_file, AT_ONCE)
            if isinstance(error, KeyboardInterrupt):
                raise InterruptedRunError(f"interrupted: {stopped()}", hint=go_on) from None
            raise
    if len(found) < len(jobs):
        if stop.asked:
            raise InterruptedRunError(f"interrupted: {stopped()}", hint=go_on)
        raise RunFailedError(f"the scheduler of the cluster was lost: {stopped()}", hint=go_on)
    return tuple(found[job.key] for job in jobs)


def _gather(
    futures: dict[Future[RunRecord], Job], events: SimpleQueue[tuple[Job, Event]],
    end: Callable[[Job, RunRecord], None], progress: RunsProgress, stop: StopRequest,
    stop_file: Path, pool: Pool,
) -> None:
    """Hand over every event and every record as it comes, and hand a Ctrl-C on."""
    waiting, stopping = set(futures), False
    while waiting:
        if stop.asked and not stopping:
            stopping = True
            # Those that have not begun end when they see it.
            write_text(stop_file, "")
            progress.stop(min(pool.jobs, len(waiting)))
        ended = wait(waiting, timeout=_SECONDS_A_LOOK, return_when=FIRST_COMPLETED).done
        waiting -= ended
        with suppress(Empty):
            while True:
                _report(progress, *events.get_nowait())
        for future in ended:
            end(futures[future], _record(futures[future], future, pool))


def _report(progress: RunsProgress, job: Job, event: Event) -> None:
    if event.get("event") == "begin":
        progress.begin(job)
    elif event.get("event") == "epoch":
        progress.epoch(job, event["epoch"], event["epochs"], event["score"])


def _record(job: Job, future: Future[RunRecord], pool: Pool) -> RunRecord:
    try:
        return future.result()
    except CancelledError:
        return RunRecord(job.key, job.digest, UNFINISHED)
    except Exception as error:  # noqa: BLE001  # a machine of a cluster may raise anything
        return failed(job.key, job.digest, pool.explain(error), job.log)
