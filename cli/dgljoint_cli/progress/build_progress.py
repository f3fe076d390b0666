"""How a build is watched: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from dgljoint_cli.console import Drawn, Talk, suited
from dgljoint_data.workers import Watch

_SECONDS_A_LINE = 20.0
_SECONDS_A_LOOK = 0.1
_BAR = 30


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


class _CountedProgress(Progress):
    """Bars, each with its numbers on a line of their own, since next to it they would be cut."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield from (Text(task.fields["numbers"]) for task in self.tasks)


class BarWatch(_CountingWatch):
    """A bar with the time left where it is known how much there is."""

    def __init__(self, console: Console) -> None:
        super().__init__(_SECONDS_A_LOOK)
        self.bar = _CountedProgress(
            TextColumn("{task.description}"), BarColumn(_BAR), TextColumn("elapsed"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=console,
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
