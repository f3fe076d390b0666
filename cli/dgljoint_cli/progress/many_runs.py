"""How many runs are watched: bars on a terminal, one line per run elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from dgljoint.runs.many.job import Job
from dgljoint.runs.many.runner import RunsProgress
from dgljoint.runs.records import Key, RunRecord
from dgljoint.training.lines import LineRunsProgress
from dgljoint_cli.console import Drawn, Talk, suited


def watching_runs(talk: Talk) -> AbstractContextManager[RunsProgress]:
    """Give the :class:`RunsProgress` that suits stderr; a silent one with ``-q``."""

    def drawn(console: Console) -> Drawn[RunsProgress]:
        view = BarRunsProgress(console, talk)
        return view, view.bar

    return suited(talk, RunsProgress, lambda own: LineRunsProgress(own.info, own.detail), drawn)


class BarRunsProgress(LineRunsProgress):
    """A bar over all runs and one for each that is training; lines above them for ended runs."""

    def __init__(self, console: Console, talk: Talk) -> None:
        super().__init__(console.print, talk.detail)
        self._bars: dict[Key, TaskID] = {}
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"), console=console, transient=True,
        )
        self._all = self.bar.add_task("all", total=None, unit="runs")

    def start(self, left: int, done: int, jobs: int) -> None:
        """Set the length of the bar."""
        super().start(left, done, jobs)
        self._draw()

    def begin(self, job: Job) -> None:
        """Give the run a bar."""
        self._bars[job.key] = self.bar.add_task(str(job.key), total=None, unit="preparing")

    def epoch(self, job: Job, epoch: int, epochs: int, score: float | None) -> None:
        """Move its bar."""
        super().epoch(job, epoch, epochs, score)
        found = "" if score is None else f", validation score {score:.3f}"
        self.bar.update(
            self._bars[job.key], completed=epoch, total=epochs, unit=f"epochs, at most{found}"
        )
        self._draw()

    def end(self, record: RunRecord) -> None:
        """Take its bar away."""
        if record.key in self._bars:
            self.bar.remove_task(self._bars.pop(record.key))
        super().end(record)
        self._draw()

    def _draw(self) -> None:
        self.bar.update(
            self._all, completed=self.ended, total=self.runs, unit=f"runs{self.outlook}"
        )
