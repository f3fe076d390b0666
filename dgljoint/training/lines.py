"""Progress of training as plain lines of text: without a terminal, and in Python."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dgljoint._internal.text import plural, show_duration
from dgljoint.runs.many.job import Job
from dgljoint.runs.many.runner import RunsProgress
from dgljoint.runs.records import FAILED, Key, RunRecord
from dgljoint.training.callbacks import Callback

if TYPE_CHECKING:
    from dgljoint.training.callbacks import EpochRecord

Write = Callable[[str], object]
"""Writes a line."""


def write_to_stderr(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextmanager
def timed_line(verbose: bool, what: str) -> Iterator[None]:
    """Write a line to stderr before a job that is not watched closer, and one after it."""
    if not verbose:
        yield
        return
    started = time.monotonic()
    write_to_stderr(f"{what} …")
    yield
    write_to_stderr(f"{what}: done, {show_duration(time.monotonic() - started)}")


class LineProgress(Callback):
    """One plain line per epoch."""

    def __init__(self, write: Write = write_to_stderr, detail: Write = lambda _: None) -> None:
        self._write = write
        self._detail = detail
        self._epochs = 0

    def phase(self, name: str) -> None:
        """Write what begins."""
        self._write(f"{name} …")

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Remember the number of epochs for the lines to come."""
        self._epochs = epochs
        if resumed_from:
            self._write(f"resuming after epoch {resumed_from} of {epochs}")

    def epoch(self, record: EpochRecord) -> None:
        """Write the epoch's line."""
        self._write(
            f"epoch {record.epoch}/{self._epochs}  loss {_figures(record.losses)}  "
            f"weight {_figures(record.weights)}  validation {_figures(record.validation)}  "
            f"{record.seconds:.1f} s{'  selected' if record.best else ''}"
        )
        self._detail(
            f"  learning rate {record.learning_rate:.2e}, "
            f"gradient norm {record.gradient_norm:.3g}"
            + (f", {_figures(record.diagnostics)}" if record.diagnostics else "")
        )

    def message(self, text: str) -> None:
        """Pass it on."""
        self._write(text)


def _figures(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in values.items())


class LineRunsProgress(RunsProgress):
    """A plain line when a run starts and when it ends; ``detail`` writes one per epoch of a run."""

    def __init__(
        self, write: Write = write_to_stderr, detail: Write = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.write = write
        self._detail = detail
        self._clock = clock
        self._started = clock()
        self._shares: dict[Key, tuple[float, float]] = {}
        self.runs = self.ended = self.failures = self._before = 0

    def start(self, left: int, done: int, jobs: int) -> None:
        """Remember how many there are."""
        self.runs, self.ended, self._before = left + done, done, done
        self._started = self._clock()
        before = f"; {done} of {self.runs} are done already" if done else ""
        self.write(f"{plural(left, 'run')}, {jobs} at a time{before}")

    def begin(self, job: Job) -> None:
        """Name the one that starts."""
        self.write(f"{job.key}: started")

    def epoch(self, job: Job, epoch: int, epochs: int, score: float | None) -> None:
        """Remember how far it is."""
        first, _ = self._shares.get(job.key, (epoch / epochs, 0.0))
        self._shares[job.key] = first, epoch / epochs
        if score is not None:
            self._detail(f"{job.key}: epoch {epoch}/{epochs}, validation score {score:.3f}")

    def end(self, record: RunRecord) -> None:
        """Write how it ended, and what is left."""
        self.ended += 1
        self.failures += record.state == FAILED
        self._shares.pop(record.key, None)
        parts = [record.result]
        if record.seconds is not None:
            parts.append(show_duration(record.seconds))
        if record.peak_megabytes:
            parts.append(f"{record.peak_megabytes:,.0f} MB")
        self.write(
            f"{record.key}: {', '.join(parts)}; {self.ended} of {self.runs} ended{self.outlook}"
        )

    def stop(self, running: int) -> None:
        """Write what is waited for."""
        self.write(f"interrupted: {running} running; each finishes its step and is saved")

    @property
    def outlook(self) -> str:
        """How many have failed, and how long the others will take."""
        failures = f", {self.failures} FAILED" if self.failures else ""
        left = self.seconds_left
        return failures if left is None else f"{failures}, about {show_duration(left)} left"

    @property
    def seconds_left(self) -> float | None:
        """Seconds the others will take at this pace; ``None`` at the beginning and at the end."""
        made = self.ended - self._before + sum(now - first for first, now in self._shares.values())
        todo = self.runs - self.ended - sum(now for _, now in self._shares.values())
        return (self._clock() - self._started) / made * todo if made > 0 and todo > 0 else None
