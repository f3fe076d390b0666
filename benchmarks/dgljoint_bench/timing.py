"""Time functions, or commands in fresh processes, in turns.

One after the other, over and over: a slow moment of the machine falls on all of them. Medians and
ratios of medians are told, never a best or a mean.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import IO, Any

# How long a turn of a quick function lasts at least.
_TURN_SECONDS = 0.02

# Of the environment in which functions are compared.
SETTINGS = {
    # Two threads on two cores wait for one another a hundred times longer than they compute as
    # soon as anything else runs.
    "OMP_NUM_THREADS": "1",
    # glibc gives big buffers back to the system and fetches them anew at every step otherwise.
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of each round, by name; the first name is what the others are compared with."""

    seconds: Mapping[str, Sequence[float]]

    @property
    def medians(self) -> dict[str, float]:
        """Median seconds by name."""
        return {name: median(values) for name, values in self.seconds.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """How many times the first one's median each one takes."""
        medians = self.medians
        first = next(iter(medians.values()))
        return {name: value / first for name, value in medians.items()}

    def table(self) -> str:
        """Lay out medians, ranges and ratios."""
        width = max(map(len, self.seconds))
        lines = [f"{'':<{width}} {'median':>12} {'least':>12} {'most':>12} {'ratio':>8}"]
        for name, values in self.seconds.items():
            times = "".join(f" {1000 * value:9.3f} ms" for value in
                            (median(values), min(values), max(values)))
            lines.append(f"{name:<{width}}{times} {self.ratios[name]:8.2f}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "median_seconds": self.medians,
            "ratio": self.ratios,
            "rounds": len(next(iter(self.seconds.values()))),
        }


def interleave(functions: Mapping[str, Callable[[], object]], rounds: int) -> Timings:
    """Time each function once a round, after one round that is not counted.

    A quick function is called several times in its turn, as often in every one, and the mean of
    the turn counts: what the function before it left in the processor's caches is not its fault.
    Each round starts with another function; the garbage collector runs between rounds only.

    Args:
        functions: by name; the first is what the others are compared with.
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
    """A process that ended well.

    Attributes:
        stdout: what it wrote.
        seconds: from its start to its end.
        peak_megabytes: most memory it held at once.
    """

    stdout: str
    seconds: float
    peak_megabytes: float


def run_fresh(
    command: Sequence[str], *, stderr: IO[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a command in a process of its own.

    Linux counts towards a process what its parent held when it was started: a parent that wants
    the peak of a small child must be small itself.

    Args:
        command: and its arguments.
        stderr: where it writes its errors; this process's own by default.
        environment: its variables; this process's own by default.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    started = time.perf_counter()
    child = subprocess.Popen(  # noqa: S603  # ours
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment
    )
    with child:
        stdout = child.stdout.read() if child.stdout else ""
        # Not resource.getrusage: that is the largest of all children so far.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, stdout)
    # Linux gives kilobytes.
    return Finished(stdout, seconds, usage.ru_maxrss / 1000)


def settle() -> None:
    """Start this program again with one thread and an allocator that keeps its memory.

    What the environment says already stands. It holds for both sides of a comparison; the
    allocator favours whoever handles the larger arrays.
    """
    if not SETTINGS.keys() <= os.environ.keys():
        environment = {**SETTINGS, **os.environ}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606  # itself


def report(results: Mapping[str, Timings], *, as_json: bool, **facts: object) -> None:
    """Write results by title, and what they were measured on, to stdout.

    Args:
        results: by title.
        as_json: one object instead of tables.
        facts: sizes and versions.
    """
    if as_json:
        found = {title: timings.to_dict() for title, timings in results.items()}
        sys.stdout.write(json.dumps(facts | found, indent=2) + "\n")
        return
    sys.stdout.write(", ".join(f"{name} {value}" for name, value in facts.items()) + "\n")
    for title, timings in results.items():
        sys.stdout.write(f"\n{title}\n{timings.table()}\n")
