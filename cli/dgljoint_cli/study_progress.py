"""How many runs are watched: bars on a terminal, a line a run elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from dgljoint.training.cells import Cell, Failure, StudyProgress
from dgljoint_cli.console import Talk
from dgljoint_cli.numbers import show_duration
from dgljoint_cli.watching import Drawn, suited


def watching_study(talk: Talk) -> AbstractContextManager[StudyProgress]:
    """Give the :class:`StudyProgress` that suits where stderr goes; silent with ``-q``."""

    def drawn(console: Console) -> Drawn[StudyProgress]:
        view = BarStudyProgress(console, talk)
        return view, view.bar

    return suited(talk, StudyProgress, LineStudyProgress, drawn)


class LineStudyProgress(StudyProgress):
    """A plain line when a run starts and when it ends; one an epoch with ``-v``.

    Args:
        talk: to write with.
        clock: seconds, for what is left.
    """

    def __init__(self, talk: Talk, clock: Callable[[], float] = time.monotonic) -> None:
        self._talk = talk
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
            self.say(f"{finished} of {cells} runs are done already")

    def begin(self, cell: Cell) -> None:
        """Say which one starts."""
        self._begun[cell] = self._clock()
        self.say(f"{cell}: started")

    def epoch(self, cell: Cell, epoch: int, epochs: int, score: float | None) -> None:
        """Remember how far it is."""
        first, _ = self._shares.get(cell, (epoch / epochs, 0.0))
        self._shares[cell] = first, epoch / epochs
        if score is not None:
            self._talk.detail(f"{cell}: epoch {epoch}/{epochs}, validation score {score:.3f}")

    def end(self, cell: Cell, failure: Failure | None) -> None:
        """Say how it ended, and what is left."""
        self.ended += 1
        self.failures += failure is not None
        self._shares.pop(cell, None)
        seconds = self._clock() - self._begun.pop(cell)
        how = "done" if failure is None else f"FAILED: {failure.message}"
        standing = f"{self.ended} of {self.cells} ended{self.outlook}"
        self.say(f"{cell}: {how}, {show_duration(seconds)}; {standing}")

    def stop(self, running: int) -> None:
        """Say what is waited for."""
        self.say(f"interrupted: {running} running; each finishes its step and is saved")

    def say(self, text: str) -> None:
        """Write a line."""
        self._talk.say(text)

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


class BarStudyProgress(LineStudyProgress):
    """A bar over all runs, and one for each that is training; lines above them for those that end.

    Args:
        console: to draw on.
        talk: whether it is to say more.
    """

    def __init__(self, console: Console, talk: Talk) -> None:
        super().__init__(talk)
        self._console = console
        self._bars: dict[Cell, TaskID] = {}
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"), console=console, transient=True,
        )
        self._all = self.bar.add_task("all", total=None, unit="runs")

    def start(self, cells: int, finished: int) -> None:
        """Set the length of the bar."""
        super().start(cells, finished)
        self._draw()

    def begin(self, cell: Cell) -> None:
        """Give the run a bar."""
        self._begun[cell] = self._clock()
        self._bars[cell] = self.bar.add_task(str(cell), total=None, unit="preparing")

    def epoch(self, cell: Cell, epoch: int, epochs: int, score: float | None) -> None:
        """Move its bar."""
        super().epoch(cell, epoch, epochs, score)
        found = "" if score is None else f", validation score {score:.3f}"
        self.bar.update(
            self._bars[cell], completed=epoch, total=epochs, unit=f"epochs, at most{found}"
        )
        self._draw()

    def end(self, cell: Cell, failure: Failure | None) -> None:
        """Take its bar away."""
        self.bar.remove_task(self._bars.pop(cell))
        super().end(cell, failure)
        self._draw()

    def say(self, text: str) -> None:
        """Write a line above the bars."""
        self._console.print(text)

    def _draw(self) -> None:
        self.bar.update(
            self._all, completed=self.ended, total=self.cells, unit=f"runs{self.outlook}"
        )

