"""One cell from its job to its outcome: what an executor runs, here or on another machine."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

from dgljoint._internal import child_process
from dgljoint._internal.files import write_text, writing
from dgljoint.config.sources import PREFIX
from dgljoint.errors import InterruptedRunError, PluginError
from dgljoint_bench.running.job import HELD, JOB, LOG, OUTCOME, Job

# How soon the request to stop is noticed.
_SECONDS_A_LOOK = 0.5
STOPPED = "stopped"
# What a stop file says when asked again.
AT_ONCE = "now"
Outcome = dict[str, Any]


def stored_outcome(job: Job) -> Outcome | None:
    """Read what the cell came to when it was run before; ``None`` where it was not, or differs.

    One that saw test data is none: what let it see them may have been mended.
    """
    found = _outcome(job)
    return found if found is not None and found.get("tests_seen") == 0 else None


def _outcome(job: Job) -> Outcome | None:
    found = _read(job.path / OUTCOME)
    return found if _is_of(found, job) else None


def _is_of(left: dict[str, Any], job: Job) -> bool:
    """Say whether a file of a cell was left by this job and this program."""
    return (left.get("digest"), left.get("program", {})) == (job.digest, job.program)


def _read(file: Path) -> dict[str, Any]:
    """Read what a process of a cell left; nothing where it is not there, or damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def run_job(values: dict[str, Any], stop: str, keep_open: Iterable[int] = ()) -> Outcome:
    """Do a job in a process of its own, and wait for it.

    Args:
        values: the job, plain values.
        stop: a file; when it appears, the process finishes its step and saves. When it says
            ``now``, the process is killed.
        keep_open: file descriptors that stay open as long as the process lives.

    Returns:
        What ``outcome.json`` holds; or ``message``, ``hint`` and ``exit_code`` of a failure; or
        ``stopped``.
    """
    job = Job.from_dict(values)
    if (known := stored_outcome(job)) is not None:
        return known
    if Path(stop).exists():
        return {STOPPED: True}
    with _held(job, Path(stop)) as held:
        if held is None:
            return {STOPPED: True}
        if (known := stored_outcome(job)) is not None:
            return known
        return _run(job, Path(stop), (*keep_open, held))


def _run(job: Job, stop: Path, keep_open: Iterable[int]) -> Outcome:
    _prepare(job)
    child = child_process.start(
        "dgljoint_bench.running.cell_process", [job.folder], job.path / LOG, keep_open=keep_open,
        environment=_environment(),
    )
    try:
        error = _wait(child, stop)
    finally:
        child_process.end(child)
    if (found := _outcome(job)) is not None:
        return found
    if error is not None:
        if error.get("exit_code") == PluginError.exit_code:
            # It may be mended before the next try, which must not go on from what it left.
            (job.path / JOB).unlink(missing_ok=True)
        return error
    if child.returncode == InterruptedRunError.exit_code:
        return {STOPPED: True}
    died = child_process.death(child.returncode, job.path / LOG)
    return {"message": died.message, "hint": died.hint, "exit_code": died.exit_code}


@contextmanager
def _held(job: Job, stop: Path) -> Iterator[int | None]:
    """Wait for whoever runs this cell still.

    A cell on a cluster survives whoever asked for it, and the same command may then ask another
    machine for it. Where the file system knows no locks, nobody is waited for.

    Yields:
        The descriptor that holds the cell; the cell's process inherits it. ``None`` when all are
        to stop.
    """
    # A file open for writing: network file systems lock no folders.
    with writing(job.path):
        job.path.mkdir(parents=True, exist_ok=True)
        held = os.open(job.path / HELD, os.O_RDWR | os.O_CREAT, 0o666)
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
    """Write the job down; what was begun by another one, or nobody knows which, gives way."""
    file, text = job.path / JOB, json.dumps(job.to_dict(), indent=2) + "\n"
    with writing(job.path):
        if not _is_of(_read(file), job):
            _clear(job)
        (job.path / OUTCOME).unlink(missing_ok=True)
    write_text(file, text)


def _clear(job: Job) -> None:
    for path in job.path.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != HELD:
            path.unlink()


def _wait(child: subprocess.Popen[bytes], stop: Path) -> Outcome | None:
    """Wait for the end of a process; return the error that it told of."""
    errors: list[Outcome] = []

    def tell(event: Outcome) -> None:
        if event.pop("event", None) == "error":
            errors.append(event)

    listener = Thread(target=child_process.hear, args=(child, tell), daemon=True)
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


def _environment() -> dict[str, str]:
    """Return the variables of a cell: one thread, and no settings but those of the suite."""
    plain = {key: v for key, v in os.environ.items() if not key.startswith(PREFIX)}
    return {**plain, "OMP_NUM_THREADS": "1"}
