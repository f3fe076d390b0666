"""What long jobs show: bars and tables on a terminal, lines elsewhere."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from rich import progress
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from dgljoint._internal.tables import figure
from dgljoint.runs.many.job import Job
from dgljoint.runs.many.runner import RunsProgress
from dgljoint.runs.records import Key, RunRecord
from dgljoint.training import Callback, EpochRecord
from dgljoint.training.lines import LineProgress, LineRunsProgress
from dgljoint_cli.console import Drawn, Talk, suited
from dgljoint_cli.views.rendering import Table
from dgljoint_data.workers import Watch

_TICKS = "▁▂▃▄▅▆▇█"
_CURVE = 16  # epochs
_BAR = 16  # so that the line has 80 columns
_BUILD_BAR = 30
_SECONDS_A_LINE = 20.0
_SECONDS_A_LOOK = 0.1
_LEAST_SECONDS = 3.0  # a bar that fills faster only flickers


class LiveProgress(Callback):
    """Bars over the run and, where it takes long, over the epoch; losses, weights, validation.

    ``live`` is entered for as long as the run takes.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"), progress.BarColumn(_BAR),
            progress.TextColumn("elapsed"), progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[left]}"), progress.TimeRemainingColumn(),
            console=console,
        )
        self._run = self._bar.add_task("preparing", total=None, left="left, at most")
        self._epoch = self._bar.add_task("", total=None, left="left", visible=False)
        self._clock = clock
        self._epochs = self._steps = 0
        self._epoch_started: float | None = None
        self._losses: dict[str, float] = {}
        self._records: list[EpochRecord] = []
        self._best: EpochRecord | None = None
        self.live = Live(console=console, get_renderable=self._render, refresh_per_second=5)

    def phase(self, name: str) -> None:
        """Show its name in place of the epoch."""
        self._bar.update(self._run, description=name.partition(":")[0])

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Set the bars' lengths."""
        self._epochs, self._steps = epochs, steps
        # reset: the epochs before a resume must not count for the speed
        self._bar.reset(self._run, total=epochs * steps, completed=resumed_from * steps)
        self._bar.update(self._run, description=self._title(resumed_from + 1))

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        """Advance the bars."""
        self._losses = losses
        # Where posts limit a batch, an epoch may take more steps than the first one.
        done = min(step, self._steps)
        title = self._title(epoch)
        if step >= self._steps:
            title += ", validating"
        completed = (epoch - 1) * self._steps + done
        self._bar.update(self._run, completed=completed, description=title)
        now = self._clock()
        if self._epoch_started is None:
            self._epoch_started = now
            self._bar.reset(self._epoch, total=self._steps, completed=done, visible=False)
        elif done > 1:
            seconds = (now - self._epoch_started) / (done - 1) * self._steps
            self._bar.update(
                self._epoch, completed=done, description=f"step {step}/{self._steps}",
                visible=seconds >= _LEAST_SECONDS,
            )

    def epoch(self, record: EpochRecord) -> None:
        """Show the metrics of the epoch."""
        self._records.append(record)
        self._losses = {}
        if record.best:
            self._best = record
        self._epoch_started = None
        self._bar.update(self._run, description=self._title(record.epoch))
        self._bar.update(self._epoch, visible=False)

    def message(self, text: str) -> None:
        """Write it above the bars."""
        self.live.console.print(text)

    def _title(self, epoch: int) -> str:
        return f"epoch {epoch}/{self._epochs}"

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = [self._bar]
        if self._losses or self._records:
            tables = [self._loss_table()]
            if self._records:
                tables.append(self._validation_table())
            # side by side where there is room
            parts += ["", Columns(tables, padding=(0, 4))]
        if self._records:
            parts.append(Text(self._last_line()))
        return Group(*parts)

    def _loss_table(self) -> Table:
        """Show the losses of the newest step and the last epoch, their weights and their curves."""
        last = self._records[-1] if self._records else None
        made = Table("loss", "step", "epoch", "weight", numbers=True)
        made.add_column("curve")
        for name in last.losses if last else self._losses:
            values = (self._losses, last.losses, last.weights) if last else (self._losses, {}, {})
            drawn = curve([record.losses.get(name) for record in self._records])
            made.add_row(name, *(figure(value.get(name)) for value in values), drawn)
        return made

    def _validation_table(self) -> Table:
        """Show the validation metrics of the last and the best epoch, and their curves."""
        last, best = self._records[-1], self._best
        made = Table("validation", "last", f"epoch {best.epoch}" if best else "best", numbers=True)
        made.add_column("curve")
        for name, value in last.validation.items():
            made.add_row(
                name, figure(value), figure(best.validation.get(name) if best else None),
                curve([record.validation.get(name) for record in self._records]),
                style="bold" if name == "score" else None,
            )
        return made

    def _last_line(self) -> str:
        last = self._records[-1]
        parts = [
            f"{last.seconds:.1f} s per epoch",
            f"learning rate {last.learning_rate:.1e}",
            f"gradient norm {last.gradient_norm:.3g}",
            *(f"{name} {value:.3f}" for name, value in last.diagnostics.items()),
        ]
        if self._best:
            ago = last.epoch - self._best.epoch
            parts.insert(0, f"best epoch {self._best.epoch}" + (f", {ago} ago" if ago else ""))
        return " · ".join(parts)


def curve(values: Sequence[float | None]) -> str:
    """Draw the last values as ticks from the lowest to the highest of them."""
    found = [x for x in values[-_CURVE:] if x is not None and math.isfinite(x)]
    if len(found) < 2:
        return ""
    low, high = min(found), max(found)
    scale = (len(_TICKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_TICKS[round((value - low) * scale)] for value in found)


def watching(talk: Talk) -> AbstractContextManager[Callback]:
    """Give the :class:`~dgljoint.Callback` that suits stderr; silent with ``-q``."""

    def drawn(console: Console) -> Drawn[Callback]:
        view = LiveProgress(console)
        return view, view.live

    return suited(talk, Callback, lambda own: LineProgress(own.info, own.detail), drawn)


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
        self._bars: dict[Key, progress.TaskID] = {}
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"), progress.BarColumn(),
            progress.MofNCompleteColumn(), progress.TextColumn("{task.fields[unit]}"),
            console=console, transient=True,
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


def watching_build(talk: Talk) -> AbstractContextManager[Watch]:
    """Give the :class:`Watch` that suits where stderr goes; silent with ``-q``."""

    def drawn(console: Console) -> Drawn[Watch]:
        watch = BarWatch(console)
        return watch, watch.bar

    return suited(talk, Watch, LineWatch, drawn)


class _CountingWatch(Watch):
    """Counts what is stored and read, and shows it every so many seconds."""

    def __init__(self, every: float) -> None:
        self.cascades = self.posts = self.parts = 0
        self.total: int | None = None
        self._every = every
        self._started = self._shown = time.monotonic()

    def begin(self, parts: int | None) -> None:
        self.total = parts
        self._started = time.monotonic()
        self.show()

    def part(self) -> None:
        self.parts += 1

    def cascade(self, posts: int) -> None:
        self.cascades += 1
        self.posts += posts
        if time.monotonic() - self._shown >= self._every:
            self._shown = time.monotonic()
            self.show()

    def show(self) -> None:
        raise NotImplementedError

    @property
    def numbers(self) -> str:
        rate = self.posts / max(time.monotonic() - self._started, 1e-9)
        return f"{self.cascades:,} cascades, {self.posts:,} posts, {rate:,.0f} posts/s"


class LineWatch(_CountingWatch):
    """Writes a plain line now and then: a short build writes none."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(_SECONDS_A_LINE)
        self._talk = talk

    def show(self) -> None:
        """Write the line."""
        if self.cascades:
            share = f" ({self.parts / self.total:.0%})" if self.total else ""
            self._talk.info(f"read: {self.numbers}{share}")


class _CountedProgress(progress.Progress):
    """Bars, each with its numbers on a line of their own, since next to it they would be cut."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield from (Text(task.fields["numbers"]) for task in self.tasks)


class BarWatch(_CountingWatch):
    """A bar with the time left where it is known how much there is."""

    def __init__(self, console: Console) -> None:
        super().__init__(_SECONDS_A_LOOK)
        self.bar = _CountedProgress(
            progress.TextColumn("{task.description}"), progress.BarColumn(_BUILD_BAR),
            progress.TextColumn("elapsed"), progress.TimeElapsedColumn(),
            progress.TextColumn("left"), progress.TimeRemainingColumn(), console=console,
            transient=True,
        )
        self._task = self.bar.add_task("preparing", total=None, numbers="")

    def show(self) -> None:
        """Move the bar."""
        self.bar.update(
            self._task, description="reading", total=self.total, completed=self.parts,
            numbers=self.numbers,
        )

    def finish(self) -> None:
        """Show that only writing is left."""
        self.show()
        self.bar.update(self._task, description="writing")
