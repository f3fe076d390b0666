"""Which view of a long job suits where stderr goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeVar

from dgljoint_cli.console import Talk

if TYPE_CHECKING:
    from rich.console import Console

ViewT = TypeVar("ViewT")
Drawn = tuple[ViewT, AbstractContextManager[object]]
"""A view, and what draws it while it is entered."""


@contextmanager
def suited(
    talk: Talk, silent: Callable[[], ViewT], lines: Callable[[Talk], ViewT],
    drawn: Callable[[Console], Drawn[ViewT]],
) -> Iterator[ViewT]:
    """Give a silent view with ``-q``, one that is drawn on a terminal, lines elsewhere."""
    if talk.quiet:
        yield silent()
    elif sys.stderr.isatty():
        from rich.console import Console

        view, drawing = drawn(Console(stderr=True, markup=False, highlight=False, emoji=False))
        with drawing:
            yield view
    else:
        yield lines(talk)
