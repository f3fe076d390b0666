"""How the run of a suite is watched: a bar on a terminal, a line a cell elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from dgljoint._internal.text import show_duration
from dgljoint_bench.results.records import DONE, MODEL, CellRecord, Key
from dgljoint_bench.running.outlook import Outlook
from dgljoint_bench.running.runner import SuiteProgress
from dgljoint_cli.console import Drawn, Talk, suited

_SHOWN = ("accuracy", "mrr")


def watching_suite(talk: Talk) -> AbstractContextManager[SuiteProgress]:
    """Give the :class:`SuiteProgress` that suits where stderr goes; silent with ``-q``."""

    def drawn(console: Console) -> Drawn[SuiteProgress]:
        view = BarSuiteProgress(console, talk)
        return view, view.bar

    return suited(talk, SuiteProgress, LineSuiteProgress, drawn)


class LineSuiteProgress(SuiteProgress):
    """A plain line when a cell ends.

    Args:
        talk: to write with.
    """

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._left: set[Key] = set()
        self._outlook = Outlook()
        self._jobs = 1
        self.cells = 0

    def start(self, left: Iterable[Key], recorded: Iterable[CellRecord], jobs: int) -> None:
        """Remember what there is to do."""
        self._left, self._jobs = set(left), jobs
        self._outlook = Outlook(recorded)
        self.cells = len(self._left)
        self.say(f"{self.cells} cells to run, {jobs} at a time")

    def end(self, cell: CellRecord) -> None:
        """Say what the cell came to, and what is left."""
        self._left.discard(cell.key)
        self._outlook.learn(cell)
        self.say(f"{cell.key}: {_came_to(cell)}; {self.standing}")

    def stop(self, running: int) -> None:
        """Say what is waited for."""
        self.say(f"interrupted: {running} running; each finishes its step and is saved")

    def say(self, text: str) -> None:
        """Write a line."""
        self._talk.info(text)

    @property
    def ended(self) -> int:
        """Number of cells that ended."""
        return self.cells - len(self._left)

    @property
    def standing(self) -> str:
        """How many have ended, and how long the others will take."""
        left = self._outlook.seconds_left(self._left, self._jobs)
        outlook = f", about {show_duration(left)} left" if left else ""
        return f"{self.ended} of {self.cells} ended{outlook}"


class BarSuiteProgress(LineSuiteProgress):
    """A bar over all cells; lines above it for those that end.

    Args:
        console: to draw on.
        talk: whether it is to say more.
    """

    def __init__(self, console: Console, talk: Talk) -> None:
        super().__init__(talk)
        self._console = console
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[standing]}"), console=console, transient=True,
        )
        self._all = self.bar.add_task("cells", total=None, standing="")

    def start(self, left: Iterable[Key], recorded: Iterable[CellRecord], jobs: int) -> None:
        """Set the length of the bar."""
        super().start(left, recorded, jobs)
        self.bar.update(self._all, total=self.cells, standing=self.standing)

    def end(self, cell: CellRecord) -> None:
        """Move the bar."""
        super().end(cell)
        self.bar.update(self._all, completed=self.ended, standing=self.standing)

    def say(self, text: str) -> None:
        """Write a line above the bar."""
        self._console.print(text)


def _came_to(cell: CellRecord) -> str:
    if cell.state != DONE:
        return f"FAILED: {cell.message}"
    figures = cell.figures.get(MODEL, {})
    said = [f"{name} {figures[name]:.3f}" for name in _SHOWN if name in figures]
    if cell.seconds is not None:
        said.append(show_duration(cell.seconds))
    if cell.peak_megabytes is not None:
        said.append(f"{cell.peak_megabytes:,.0f} MB")
    return ", ".join(["done", *said])
