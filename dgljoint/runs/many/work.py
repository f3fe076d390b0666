"""One job from its plan to its record: what an executor runs, here or on another machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from dgljoint._internal import child_process
from dgljoint._internal.child_process import Event, Report
from dgljoint._internal.files import write_text, writing
from dgljoint.errors import DgljointError, InterruptedRunError, PluginError
from dgljoint.runs.many.job import HELD, JOB, LOG, RESULT, Job, belongs, read_object, read_record
from dgljoint.runs.records import UNFINISHED, RunRecord, failed

# How soon the request to stop is noticed.
_SECONDS_A_LOOK = 0.2
STOP = ".stop"
"""A file in the folder of all jobs; when it appears, processes finish their step and save."""
AT_ONCE = "now"
"""What the stop file contains when processes are to be killed."""


def run_job(
    job: Job, stop: Path, keep_open: Iterable[int] = (), report: Report | None = None
) -> RunRecord:
    """Do a job in a process of its own, and wait for it; ``report`` receives its events.

    Returns:
        Its record: ``done``, ``failed``, or ``unfinished`` when it was stopped.
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
    machine for it. Where the file system knows no locks, nobody is waited for.

    Yields:
        The descriptor that holds the job; its process inherits it. ``None`` when all are to stop.
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
