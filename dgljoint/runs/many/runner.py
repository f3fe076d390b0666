"""Run jobs, each in a process of its own, and hand over the record of each as it ends."""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from dgljoint._internal import child_process
from dgljoint._internal.child_process import Event, Report
from dgljoint._internal.files import write_text, writing
from dgljoint.errors import DgljointError, InterruptedRunError, PluginError, RunFailedError
from dgljoint.runs.many.executors import Pool
from dgljoint.runs.many.job import HELD, JOB, LOG, RESULT, Job, belongs, read_object, read_record
from dgljoint.runs.records import UNFINISHED, Key, RunRecord, failed, progress_of
from dgljoint.training.callbacks import StopRequest

# How soon an event, a Ctrl-C and the request to stop are noticed.
_SECONDS_A_LOOK = 0.2
STOP = ".stop"
"""A file in the folder of all jobs; when it appears, processes finish their step and save."""
AT_ONCE = "now"  # what the stop file contains when processes are to be killed


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


def run_job(
    job: Job, stop: Path, keep_open: Iterable[int] = (), report: Report | None = None
) -> RunRecord:
    """Do a job in a process of its own and wait for it: what an executor runs, on any machine.

    ``report`` receives its events. The record is ``unfinished`` when the job was stopped.
    """
    if (known := _record_before(job)) is not None:
        return known
    if stop.exists():
        return _stopped(job)
    with _held(job, stop) as held:
        if held is None:
            return _stopped(job)
        if (known := _record_before(job)) is not None:
            return known
        return _run(job, stop, (*keep_open, held), report)


def _stopped(job: Job) -> RunRecord:
    return RunRecord(job.key, job.digest, UNFINISHED)


def _record_before(job: Job) -> RunRecord | None:
    """Read an earlier record of the job; one that saw test data does not count."""
    with suppress(DgljointError):  # damaged: it is run again
        found = read_record(job)
        return found if found is not None and found.tests_seen == 0 else None
    return None


def _run(job: Job, stop: Path, keep_open: Iterable[int], report: Report | None) -> RunRecord:
    _prepare(job)
    log = job.folder / LOG
    child = child_process.start(
        "dgljoint.runs.many.run_process", [str(job.folder)], log, keep_open=keep_open,
        environment=_environment(job),
    )
    try:
        if report is not None:
            report({"event": "begin"})
        error = _wait(child, stop, report)
    finally:
        child_process.end(child)
        if job.log is None:
            log.unlink(missing_ok=True)
    if error is not None:
        if job.program and error.get("exit_code") == PluginError.exit_code:
            # It may be mended before the next try, which must not go on from what it left.
            (job.folder / JOB).unlink(missing_ok=True)
        values = {name: error[name] for name in ("message", "hint", "exit_code")}
        return RunRecord(job.key, job.digest, "failed", log=job.log, **values)
    if child.returncode == InterruptedRunError.exit_code:
        return _stopped(job)
    if (found := read_record(job)) is not None:
        return found
    return failed(job.key, job.digest, child_process.death(child.returncode, log), job.log)


@contextmanager
def _held(job: Job, stop: Path) -> Iterator[int | None]:
    """Wait for whoever still runs this job.

    A job on a cluster survives whoever asked for it, and the same command may then ask another
    machine for it. Where the file system knows no locks, nobody is waited for. What is yielded is
    the descriptor that holds the job, for its process to inherit; ``None`` when all are to stop.
    """
    # A file open for writing: network file systems lock no folders.
    with writing(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
        held = os.open(job.folder / HELD, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        while not _lock(held):
            if stop.exists():
                yield None
                return
            time.sleep(_SECONDS_A_LOOK)
        yield held
    finally:
        os.close(held)


def _lock(held: int) -> bool:
    with suppress(OSError):  # no locks here
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _prepare(job: Job) -> None:
    """Write the job down; what another one began, or nobody knows which, gives way."""
    with writing(job.folder):
        if job.program and not belongs(job):
            for path in job.folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path.name not in (HELD, JOB):
                    path.unlink()
        if read_object(job.folder / RESULT).get("finished"):
            (job.folder / RESULT).unlink()
    write_text(job.folder / JOB, job.to_json())


def _wait(child: subprocess.Popen[bytes], stop: Path, report: Report | None) -> Event | None:
    """Wait for the end of a process; return the error that it reported."""
    errors: list[Event] = []

    def hear(event: Event) -> None:
        if event.get("event") == "error":
            errors.append(event)
        elif report is not None:
            report(event)

    listener = Thread(target=child_process.hear, args=(child, hear), daemon=True)
    listener.start()
    asked = False
    while True:
        listener.join(_SECONDS_A_LOOK)
        if not listener.is_alive():
            return errors[-1] if errors else None
        if not asked and stop.exists():
            asked = True
            child_process.interrupt(child)
        if asked and _at_once(stop):
            child_process.end(child)


def _at_once(stop: Path) -> bool:
    with suppress(OSError):
        return stop.read_text(encoding="utf-8") == AT_ONCE
    return False


def _environment(job: Job) -> dict[str, str]:
    """Return the variables of a job; libraries take no more threads than the run is to."""
    threads = max([1, *(trial.run_config.train.threads for trial in job.trials)])
    return {**os.environ, "OMP_NUM_THREADS": str(threads)}
