"""How many runs are watched: bars on a terminal, a line a run elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from dgljoint.training.cells import Cell, Failure, StudyProgress
from dgljoint.training.lines import LineStudyProgress
from dgljoint_cli.console import Drawn, Talk, suited


def watching_study(talk: Talk) -> AbstractContextManager[StudyProgress]:
    """Give the :class:`StudyProgress` that suits where stderr goes; silent with ``-q``."""

    def drawn(console: Console) -> Drawn[StudyProgress]:
        view = BarStudyProgress(console, talk)
        return view, view.bar

    return suited(
        talk, StudyProgress, lambda own: LineStudyProgress(own.info, own.detail), drawn
    )


class BarStudyProgress(LineStudyProgress):
    """A bar over all runs, and one for each that is training; lines above them for those that end.

    Args:
        console: to draw on.
        talk: whether it is to say more.
    """

    def __init__(self, console: Console, talk: Talk) -> None:
        super().__init__(console.print, talk.detail)
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

    def _draw(self) -> None:
        self.bar.update(
            self._all, completed=self.ended, total=self.cells, unit=f"runs{self.outlook}"
        )

