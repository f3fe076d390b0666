"""Time functions, or commands in fresh processes, in turns.

One after the other, over and over, so that a slow moment of the machine affects all of them.
Medians and ratios of medians are reported, never a best or a mean.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

_TURN_SECONDS = 0.02  # at least, for a quick function
_SECONDS = 1.0  # times from here on are shown in seconds

SETTINGS = {
    # Two threads on two cores wait for one another a hundred times longer than they compute as
    # soon as anything else runs.
    "OMP_NUM_THREADS": "1",
    # glibc gives big buffers back to the system and fetches them anew at every step otherwise.
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}
"""The environment in which functions are compared."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of each round, by name; the others are compared with the first name."""

    seconds: Mapping[str, Sequence[float]]

    @property
    def ratios(self) -> dict[str, float]:
        """Median seconds of each, divided by the first one's."""
        medians = {name: median(values) for name, values in self.seconds.items()}
        first = next(iter(medians.values()))
        return {name: value / first for name, value in medians.items()}

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return, by name, the median, its ratio to the first and the seconds of every round."""
        return {
            name: {"median_seconds": median(values), "ratio": self.ratios[name],
                   "seconds": list(values)}
            for name, values in self.seconds.items()
        }


def interleave(functions: Mapping[str, Callable[[], object]], rounds: int) -> Timings:
    """Time each function once per round, after one round that does not count.

    A quick function is called several times in its turn, as often in every one, and the mean of
    the turn counts: the function before it has changed the processor's caches. Each round starts
    with another function; the garbage collector runs between rounds only.

    Args:
        functions: by name; the others are compared with the first.
        rounds: at least 1.
    """
    names = list(functions)
    calls = {name: max(1, round(_TURN_SECONDS / _turn(functions[name], 1))) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            gc.collect()
            first = number % len(names)
            for name in names[first:] + names[:first]:
                seconds[name].append(_turn(functions[name], calls[name]))
    finally:
        if collecting:
            gc.enable()
    return Timings(seconds)


def _turn(function: Callable[[], object], calls: int) -> float:
    if calls > 1:
        function()
    started = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - started) / calls


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended.

    Attributes:
        code: its exit code.
        stdout: what it wrote.
        seconds: from its start to its end.
        cpu_seconds: of its processors.
        peak_megabytes: most memory it held at once.
    """

    code: int
    stdout: str
    seconds: float
    cpu_seconds: float
    peak_megabytes: float


def run_fresh(
    command: Sequence[str], *, check: bool = True, quiet: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a command in a process of its own, which ends with this one's wait for it.

    Linux counts what the parent held at the start towards the child's peak: a parent that wants
    the peak of a small child must be small itself.

    Args:
        command: and its arguments.
        check: raise where it fails.
        quiet: drop what it writes to stderr.
        environment: its variables; this process's own by default.

    Raises:
        subprocess.CalledProcessError: it failed, and ``check``.
    """
    started = time.perf_counter()
    child = subprocess.Popen(  # noqa: S603  # a list of our own, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if quiet else None, text=True,
        env=environment,
    )
    with child:
        try:
            stdout = child.stdout.read() if child.stdout else ""
        except BaseException:
            child.kill()
            raise
        # Not resource.getrusage: that is the largest of all children so far.
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
    if check and child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, stdout)
    # Linux gives kilobytes.
    return Finished(
        child.returncode, stdout, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000
    )


def settle() -> None:
    """Start this module again with one thread and an allocator that keeps its memory.

    Settings that the environment already has are kept. They hold for both sides of a comparison;
    the allocator favours the side with the larger arrays.
    """
    if not SETTINGS.keys() <= os.environ.keys():
        # Not sys.argv: with -m it names the file, which cannot import its neighbours.
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**SETTINGS, **os.environ})  # noqa: S606  # itself


def show_time(seconds: float) -> str:
    """Write a time in seconds, or in milliseconds where it is short."""
    return f"{seconds:.3f} s" if seconds >= _SECONDS else f"{1000 * seconds:.3f} ms"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Align columns, the first to the left and the others to the right."""
    lines = [list(head), *map(list, rows)]
    first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    return "\n".join(
        "  ".join((line[0].ljust(first), *map(str.rjust, line[1:], others))) for line in lines
    )


def rows_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Show the rows of :meth:`Timings.rows`."""
    return table(("", "median", "least", "most", "ratio"), (
        (name, *map(show_time, (row["median_seconds"], min(row["seconds"]), max(row["seconds"]))),
         f"{row['ratio']:.2f}")
        for name, row in rows.items()
    ))


def report(results: Mapping[str, Timings], **facts: object) -> None:
    """Write results by title, after sizes and versions, to stdout."""
    if facts:
        sys.stdout.write(", ".join(f"{name} {value}" for name, value in facts.items()) + "\n")
    for title, timings in results.items():
        sys.stdout.write(f"\n{title}\n{rows_table(timings.rows())}\n")
