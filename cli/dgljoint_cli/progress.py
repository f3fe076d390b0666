"""How training is watched: a live view on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dgljoint.training import Callback, EpochRecord
from dgljoint_cli.console import Talk
from dgljoint_cli.watching import Drawn, suited

if TYPE_CHECKING:
    from rich.console import Console


def watching(talk: Talk) -> AbstractContextManager[Callback]:
    """Give the :class:`~dgljoint.Callback` that suits where stderr goes; silent with ``-q``."""

    def drawn(console: Console) -> Drawn[Callback]:
        from dgljoint_cli.live_progress import LiveProgress

        view = LiveProgress(console)
        return view, view.live

    return suited(talk, Callback, LineProgress, drawn)


class LineProgress(Callback):
    """One plain line an epoch; learning rate, gradient norm and diagnostics with ``-v``."""

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
            + (f", {_figures(record.diagnostics)}" if record.diagnostics else "")
        )

    def message(self, text: str) -> None:
        """Pass it on."""
        self._talk.say(text)


def _figures(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in values.items())
