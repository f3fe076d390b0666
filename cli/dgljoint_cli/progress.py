"""How training is watched: a live view on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from dgljoint.training import Callback, EpochRecord
from dgljoint_cli.console import Talk


@contextmanager
def watching(talk: Talk) -> Iterator[Callback]:
    """Give the :class:`~dgljoint.Callback` that suits where stderr goes; silent with ``-q``."""
    if talk.quiet:
        yield Callback()
    elif sys.stderr.isatty():
        view = LiveProgress(Console(stderr=True, markup=False, highlight=False, emoji=False))
        with view.live:
            yield view
    else:
        yield LineProgress(talk)


class LineProgress(Callback):
    """One plain line an epoch; learning rate, gradient norm and raw losses with ``-v``."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._epochs = 0

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Remember the number of epochs for the lines to come."""
        self._epochs = epochs
        if resumed_from:
            self._talk.say(f"resuming after epoch {resumed_from} of {epochs}")

    def epoch(self, record: EpochRecord) -> None:
        """Write the epoch's line."""
        self._talk.say(
            f"epoch {record.epoch}/{self._epochs}  loss {_figures(record.losses)}  "
            f"weight {_figures(record.weights)}  validation {_figures(record.validation)}  "
            f"{record.seconds:.1f} s{'  best' if record.best else ''}"
        )
        self._talk.detail(
            f"  learning rate {record.learning_rate:.2e}, "
            f"gradient norm {record.gradient_norm:.3g}"
        )

    def message(self, text: str) -> None:
        """Pass it on."""
        self._talk.say(text)


class LiveProgress(Callback):
    """A bar over all steps with the newest losses, weights and validation figures under it."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps, at most"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("preparing", total=None)
        self._lines: dict[str, str] = {}
        self._epochs = 0
        self._steps = 0
        self.live = Live(console=console, get_renderable=self._render, refresh_per_second=5)

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Set the bar's length."""
        self._epochs, self._steps = epochs, steps
        # reset, so that what a resumed run had done does not enter the estimate of its speed
        self._bar.reset(self._task, total=epochs * steps, completed=resumed_from * steps)
        self._bar.update(self._task, description=f"epoch {resumed_from + 1}/{epochs}")

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        """Advance the bar."""
        self._lines["losses"] = _figures(losses)
        self._bar.update(
            self._task,
            completed=(epoch - 1) * self._steps + step,
            description=f"epoch {epoch}/{self._epochs}",
        )

    def epoch(self, record: EpochRecord) -> None:
        """Show what the epoch came to."""
        self._lines["losses"] = _figures(record.losses)
        self._lines["weights"] = _figures(record.weights)
        self._lines["validation"] = _figures(record.validation)
        if record.best:
            self._lines["best"] = f"epoch {record.epoch}: {_figures(record.validation)}"

    def message(self, text: str) -> None:
        """Write it above the bar."""
        self.live.console.print(text)

    def _render(self) -> RenderableType:
        lines = (f"{name:<10} {figures}" for name, figures in self._lines.items())
        return Group(self._bar, *(Text(line, no_wrap=True) for line in lines))


def _figures(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in values.items())
