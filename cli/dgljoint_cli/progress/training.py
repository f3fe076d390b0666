"""How training is watched: a live view on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dgljoint.training import Callback
from dgljoint.training.lines import LineProgress
from dgljoint_cli.console import Talk
from dgljoint_cli.progress.watching import Drawn, suited

if TYPE_CHECKING:
    from rich.console import Console


def watching(talk: Talk) -> AbstractContextManager[Callback]:
    """Give the :class:`~dgljoint.Callback` that suits where stderr goes; silent with ``-q``."""

    def drawn(console: Console) -> Drawn[Callback]:
        from dgljoint_cli.progress.live_progress import LiveProgress

        view = LiveProgress(console)
        return view, view.live

    return suited(talk, Callback, lambda own: LineProgress(own.say, own.detail), drawn)
