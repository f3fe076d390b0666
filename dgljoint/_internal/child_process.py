"""A process that another one starts, hears, and can interrupt; and that does not outlive it.

The child tells what happens in lines of JSON on stdout; whatever else it writes goes to stderr. Its
stdin tells it of its parent: a byte is a Ctrl-C, and the end that the parent has ended.
"""

from __future__ import annotations

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

from dgljoint._internal.files import writing
from dgljoint.errors import (
    DataError,
    DgljointError,
    InterruptedRunError,
    RunFailedError,
    UsageError,
    one_line,
    out_of_memory,
)

Event = dict[str, Any]
Say = Callable[[Event], None]

NEEDS_LESS = "fewer --jobs need less memory, and so does a smaller batch"


def start(
    module: str, arguments: Iterable[str], log: Path | None, *, keep_open: Iterable[int] = (),
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a module as a child, its stdin and stdout as pipes.

    Whoever calls this calls :func:`end` too, however the child fares.

    """
    # What this process imports, that one can: plugins that stand on the path alone too.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with ExitStack() as opened:
        stderr = None
        if log is not None:
            with writing(log):
                stderr = opened.enter_context(log.open("wb"))
        return subprocess.Popen(  # noqa: S603  # ours
            # It does not look into the working directory (-P): anything may be called anything.
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**(os.environ if environment is None else environment), "PYTHONPATH": path},
            pass_fds=tuple(keep_open),
            # Ctrl-C on a terminal reaches this process alone, which asks the others, once. And
            # what the child starts is in its group, by which it is found.
            process_group=0,
        )


def hear(child: subprocess.Popen[bytes], tell: Say) -> int:
    """Hear a child until it has ended, and return its exit code.

    What it started and left running ends with it: a process that was forked holds the child's
    stdout, and whatever it was to keep open, for as long as it likes.
    """
    rest = Thread(target=_end_what_it_left, args=(child.pid,), daemon=True)
    rest.start()
    with cast("IO[bytes]", child.stdout) as lines:
        for line in lines:
            if event := _parsed(line):
                tell(event)
    rest.join()
    return child.wait()


def _end_what_it_left(group: int) -> None:
    # Nobody else has the number of a group whose leader was not waited for.
    with suppress(ChildProcessError):  # end() was quicker
        os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child and what it started at once, if it has not ended, and let go of it."""
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
    """Read what a child said; nothing of what is no event."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}  # half a line of a process that was killed, or what a library says on its import
    return event if isinstance(event, dict) else {}


def death(code: int, log: Path | None, *, needs_less: str = NEEDS_LESS) -> RunFailedError:
    """Say how a child ended that told of no error."""
    if code == -signal.SIGKILL:
        return RunFailedError(
            "its process was killed, perhaps for want of memory", hint=needs_less
        )
    how = f"by signal {-code}, {signal.strsignal(-code)}" if code < 0 else f"with code {code}"
    return RunFailedError(
        f"its process ended {how}",
        hint=f"it may have said why: {log}" if log else "what it wrote above may say why",
    )


def as_error(error: BaseException, *, needs_less: str = NEEDS_LESS) -> DgljointError:
    """Say what went wrong in a run, whatever raised it."""
    from dgljoint.plugins.guard import unguarded
    from dgljoint.plugins.registry import installed_registry

    if isinstance(error, DgljointError):
        return error
    if out_of_memory(error):
        return DgljointError(f"out of memory: {one_line(error)}", hint=needs_less)
    broken = unguarded(error, installed_registry().at_work)
    return broken or DgljointError(
        f"unexpected {one_line(error)}", hint="this is a bug in dgljoint"
    )


def as_child(work: Callable[[Say], object], *, needs_less: str = NEEDS_LESS) -> int:
    """Do what a child is there for, and return the exit code that tells how it went.

    Stdin and stdout are then the parent's, which hears of an error as the event ``error``.
    """
    say = _own_stdout()
    try:
        _obey_parent()
        work(say)
    except (KeyboardInterrupt, InterruptedRunError):
        return InterruptedRunError.exit_code
    # the last frame: even a bug ends with a message
    except (Exception, SystemExit) as error:  # noqa: BLE001
        if not isinstance(error, UsageError | DataError):  # those need no looking into
            traceback.print_exc()
        told = as_error(error, needs_less=needs_less)
        say({
            "event": "error", "message": told.message, "hint": told.hint,
            "exit_code": told.exit_code,
        })
        return told.exit_code
    return 0


def _own_stdout() -> Say:
    """Take stdout away from everything else, and return what writes a line of JSON to it."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(event: Event) -> None:
        own.write(json.dumps(event) + "\n")

    return say


def _obey_parent() -> None:
    """Take a byte on stdin for Ctrl-C, and its end for that of whoever started this process."""
    # Who starts a command in the background may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    own = os.dup(sys.stdin.fileno())
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # nothing for a plugin to read
        os.dup2(nothing.fileno(), sys.stdin.fileno())

    def watch() -> None:
        while os.read(own, 1):
            os.kill(os.getpid(), signal.SIGINT)
        # At once, wherever the run stands: files appear whole or not at all, and the study may
        # be gone on with in a moment.
        os._exit(1)

    Thread(target=watch, daemon=True).start()
