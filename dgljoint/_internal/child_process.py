"""A child process that reports to its parent, can be interrupted, and does not outlive it.

The child reports events as lines of JSON on stdout; its other output goes to stderr. A byte on its
stdin is a Ctrl-C, and the end of stdin means that the parent has ended.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any, cast

from dgljoint import errors
from dgljoint._internal.files import writing

Event = dict[str, Any]
Report = Callable[[Event], None]

NEEDS_LESS = "fewer --jobs need less memory, and so does a smaller batch"


def start(
    module: str, arguments: Iterable[str], log: Path | None, *, keep_open: Iterable[int] = (),
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a module, which calls :func:`as_child`, with stdin and stdout as pipes.

    Every child needs a call of :func:`end`. ``log`` is for its stderr, ``keep_open`` are file
    descriptors that it inherits, ``environment`` replaces this process's own.
    """
    # The child can import what this process can: also plugins that are only on the path.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with ExitStack() as opened:
        stderr = None
        if log is not None:
            with writing(log):
                stderr = opened.enter_context(log.open("wb"))
        return subprocess.Popen(  # noqa: S603  # ours
            # -P: no module of the working directory is imported by accident.
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
            env={**(os.environ if environment is None else environment), "PYTHONPATH": path},
            pass_fds=tuple(keep_open),
            # Ctrl-C on a terminal reaches this process alone, which asks the others, once. And
            # the processes of the child are in its group, by which they are found.
            process_group=0,
        )


def hear(child: subprocess.Popen[bytes], report: Report) -> int:
    """Report the events of a child until it has ended, and return its exit code.

    The processes that it left running end with it: they hold its stdout and inherited descriptors.
    """
    rest = Thread(target=_end_what_it_left, args=(child.pid,), daemon=True)
    rest.start()
    with cast("IO[bytes]", child.stdout) as lines:
        for line in lines:
            if event := _parsed(line):
                report(event)
    rest.join()
    return child.wait()


def _end_what_it_left(group: int) -> None:
    # No other group has the number of one whose leader was not waited for.
    with suppress(ChildProcessError):  # end() was quicker
        os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and its processes, if it has not ended, and release it."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    cast("IO[bytes]", child.stdin).close()


def interrupt(child: subprocess.Popen[bytes]) -> None:
    """Ask a child to finish its step and to save."""
    with suppress(BrokenPipeError):
        os.write(cast("IO[bytes]", child.stdin).fileno(), b"\n")


def _parsed(line: bytes) -> Event:
    """Read an event; empty for anything else."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}  # half a line of a killed process, or a library's message on its import
    return event if isinstance(event, dict) else {}


def death(code: int, log: Path | None, *, needs_less: str = NEEDS_LESS) -> errors.RunFailedError:
    """Return the error of a child that ended without reporting one."""
    if code == -signal.SIGKILL:
        what = "its process was killed, perhaps for want of memory"
        return errors.RunFailedError(what, hint=needs_less)
    how = f"by signal {-code}, {signal.strsignal(-code)}" if code < 0 else f"with code {code}"
    hint = f"its log may show why: {log}" if log else "its output above may show why"
    return errors.RunFailedError(f"its process ended {how}", hint=hint)


def as_error(error: BaseException, *, needs_less: str = NEEDS_LESS) -> errors.DgljointError:
    """Return the error of a run, whatever raised it, as one with a message for users."""
    from dgljoint.plugins.guard import unguarded
    from dgljoint.plugins.registry import installed_registry

    if isinstance(error, errors.DgljointError):
        return error
    if errors.out_of_memory(error):
        return errors.DgljointError(f"out of memory: {errors.one_line(error)}", hint=needs_less)
    if broken := unguarded(error, installed_registry().at_work):
        return broken
    what = f"unexpected {errors.one_line(error)}"
    return errors.DgljointError(what, hint="this is a bug in dgljoint")


def as_child(work: Callable[[Report], object], *, needs_less: str = NEEDS_LESS) -> int:
    """Do the work of a child and return its exit code.

    Stdin and stdout then belong to the parent, which receives an error as the event ``error``.
    """
    report = _own_stdout()
    try:
        _obey_parent()
        work(report)
    except (KeyboardInterrupt, errors.InterruptedRunError):
        return errors.InterruptedRunError.exit_code
    # the last frame: even a bug ends with a message
    except (Exception, SystemExit) as error:  # noqa: BLE001
        # a user's mistake needs no looking into
        if not isinstance(error, errors.UsageError | errors.DataError):
            traceback.print_exc()
        found = as_error(error, needs_less=needs_less)
        report({
            "event": "error", "message": found.message, "hint": found.hint,
            "exit_code": found.exit_code,
        })
        return found.exit_code
    return 0


def _own_stdout() -> Report:
    """Reserve stdout for events, and return the function that writes one."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def report(event: Event) -> None:
        own.write(json.dumps(event) + "\n")

    return report


def _obey_parent() -> None:
    """Treat a byte on stdin as Ctrl-C, and its end as that of the parent."""
    # A command in the background may have been started with the signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    own = os.dup(sys.stdin.fileno())
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # nothing for a plugin to read
        os.dup2(nothing.fileno(), sys.stdin.fileno())

    def watch() -> None:
        while os.read(own, 1):
            os.kill(os.getpid(), signal.SIGINT)
        # At once, in any state: files appear whole or not at all, and the study may be resumed.
        os._exit(1)

    Thread(target=watch, daemon=True).start()
