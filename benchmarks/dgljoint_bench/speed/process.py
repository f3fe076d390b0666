"""Measure in a process of its own, whose settings hold from its start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from dgljoint.errors import DgljointError


class MeasuringFailedError(DgljointError):
    """The process that measures failed.

    Args:
        message: what it said.
        exit_code: what it ended with.
        hint: the command or option that mends it.
    """

    def __init__(self, message: str, *, exit_code: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


def measured(
    part: str, arguments: Mapping[str, object], *, settings: Mapping[str, str],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Return what :mod:`dgljoint_bench.speed.worker` measures.

    The process does not outlive this one.

    Args:
        part: ``sections``, ``build`` or ``train``.
        arguments: of the part, plain values.
        settings: of the environment; what it says already stands.
        tell: is told what is being measured.

    Raises:
        MeasuringFailedError: it failed.
    """
    # What this process imports, that one can; it does not look into the working directory (-P).
    path = os.pathsep.join(entry for entry in sys.path if entry)
    process = subprocess.Popen(  # noqa: S603  # ours
        [sys.executable, "-P", "-m", f"{__package__}.worker", part, json.dumps(arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**settings, **os.environ, "PYTHONPATH": path},
        # Ctrl-C on a terminal reaches this process alone, which ends the other.
        process_group=0,
    )
    result: dict[str, Any] | None = None
    error: MeasuringFailedError | None = None
    with process:
        try:
            for line in process.stdout or ():
                match json.loads(line):
                    case {"tell": text}:
                        tell(text)
                    case {"result": found}:
                        result = found
                    case {"error": [message, hint, code]}:
                        error = MeasuringFailedError(message, hint=hint, exit_code=code)
            # Here: its stdin, which is closed next, tells it that this process lives.
            process.wait()
        except BaseException:
            process.kill()
            raise
    if error is not None:
        raise error
    if result is None or process.returncode:
        raise _ended(process.returncode)
    return result


def _ended(code: int) -> MeasuringFailedError:
    if code == -signal.SIGKILL:
        return MeasuringFailedError(
            "the process that measures was killed, perhaps for want of memory",
            hint="--cascades N and smaller --posts need less",
        )
    how = f"by signal {-code}, {signal.strsignal(-code)}" if code < 0 else f"with code {code}"
    return MeasuringFailedError(
        f"the process that measures ended {how}", hint="what it wrote above may say why"
    )
