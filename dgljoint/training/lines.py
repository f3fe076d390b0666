"""Progress of training as plain lines of text: without a terminal, and in Python."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dgljoint._internal.text import show_duration
from dgljoint.training.callbacks import Callback
from dgljoint.training.cells import Cell, Failure, StudyProgress

if TYPE_CHECKING:
    from dgljoint.training.callbacks import EpochRecord

Write = Callable[[str], object]
"""Writes a line."""


def write_to_stderr(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def keep_quiet(text: str) -> None:
    """Write nothing."""


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

    def __init__(self, write: Write = write_to_stderr, detail: Write = keep_quiet) -> None:
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
            f"{record.seconds:.1f} s{'  best' if record.best else ''}"
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


class LineStudyProgress(StudyProgress):
    """A plain line when a run starts and when it ends.

    Args:
        write: writes a line.
        detail: writes one per epoch of a run.
        clock: seconds, for what is left.
    """

    def __init__(
        self, write: Write = write_to_stderr, detail: Write = keep_quiet,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.write = write
        self._detail = detail
        self._clock = clock
        self._started = clock()
        self._begun: dict[Cell, float] = {}
        self._shares: dict[Cell, tuple[float, float]] = {}
        self.cells = self.ended = self.failures = self._before = 0

    def start(self, cells: int, finished: int) -> None:
        """Remember how many there are."""
        self.cells, self.ended, self._before = cells, finished, finished
        self._started = self._clock()
        if finished:
            self.write(f"{finished} of {cells} runs are done already")

    def begin(self, cell: Cell) -> None:
        """Write which run starts."""
        self._begun[cell] = self._clock()
        self.write(f"{cell}: started")

    def epoch(self, cell: Cell, epoch: int, epochs: int, score: float | None) -> None:
        """Remember how far it is."""
        first, _ = self._shares.get(cell, (epoch / epochs, 0.0))
        self._shares[cell] = first, epoch / epochs
        if score is not None:
            self._detail(f"{cell}: epoch {epoch}/{epochs}, validation score {score:.3f}")

    def end(self, cell: Cell, failure: Failure | None) -> None:
        """Write how it ended, and how many are left."""
        self.ended += 1
        self.failures += failure is not None
        self._shares.pop(cell, None)
        seconds = self._clock() - self._begun.pop(cell)
        how = "done" if failure is None else f"FAILED: {failure.message}"
        progress = f"{self.ended} of {self.cells} ended{self.outlook}"
        self.write(f"{cell}: {how}, {show_duration(seconds)}; {progress}")

    def stop(self, running: int) -> None:
        """Write how many runs are still being saved."""
        self.write(f"interrupted: {running} running; each finishes its step and is saved")

    @property
    def outlook(self) -> str:
        """How many have failed, and how long the others will take."""
        failed = f", {self.failures} FAILED" if self.failures else ""
        left = self.seconds_left
        return failed if left is None else f"{failed}, about {show_duration(left)} left"

    @property
    def seconds_left(self) -> float | None:
        """Seconds the others will take, if they go on at this pace and need all their epochs.

        ``None`` at the beginning and at the end.
        """
        made = self.ended - self._before + sum(now - first for first, now in self._shares.values())
        todo = self.cells - self.ended - sum(now for _, now in self._shares.values())
        return (self._clock() - self._started) / made * todo if made > 0 and todo > 0 else None
