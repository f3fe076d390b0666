"""What each plugin is called for and how long it takes, on stderr where it is asked for."""

from __future__ import annotations

import atexit
import os
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint.plugins.registry import PluginEntry

VARIABLE = "DGLJOINT_TRACE_PLUGINS"


class Trace:
    """Tells of every call, and at the end of all of them by plugin and method.

    A call's time includes that of what it calls, another plugin perhaps.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], list[float]] = {}

    def record(self, entry: PluginEntry, what: str, seconds: float) -> None:
        """Tell of a call that ended, however it ended."""
        milliseconds = 1000 * seconds
        counted = self._calls.setdefault((entry.name, what), [0, 0.0])
        counted[0] += 1
        counted[1] += milliseconds
        _say(f"trace: {entry.name} {what} {milliseconds:.3f} ms")

    def sum_up(self) -> None:
        """Tell how often everything was called, and how long it took: what took longest first."""
        if not self._calls:
            return
        rows = [("plugin", "call", "calls", "total ms", "mean ms")]
        for (plugin, what), (calls, total) in sorted(
            self._calls.items(), key=lambda item: -item[1][1]
        ):
            rows.append((plugin, what, f"{calls:.0f}", f"{total:.1f}", f"{total / calls:.3f}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            names = (cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True))
            numbers = (cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True))
            _say("trace: " + "  ".join((*names, *numbers)))
        self.forget()

    def forget(self) -> None:
        """Begin anew: what has been told is not summed up again."""
        self._calls.clear()


@cache
def active_trace() -> Trace | None:
    """Return what the calls are told to; ``None`` unless ``DGLJOINT_TRACE_PLUGINS=1`` is set."""
    if os.environ.get(VARIABLE, "0") in ("", "0"):
        return None
    trace = Trace()
    atexit.register(trace.sum_up)
    return trace


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
