"""Ctrl-C and SIGTERM stop a run: between two steps at first, at once when asked again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A context in which both signals raise ``KeyboardInterrupt``; handlers are put back after.

    Inside :meth:`between_steps` the first one sets :attr:`asked` and no more.
    """

    def __init__(self) -> None:
        self.asked = False
        self._patient = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        # Only the main thread may set handlers; a run elsewhere is stopped by its owner.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def between_steps(self) -> Iterator[None]:
        """Promise to look at :attr:`asked` after each step."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked or not self._patient:
            raise KeyboardInterrupt
        self.asked = True
