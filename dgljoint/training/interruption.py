"""The first Ctrl-C asks the run to stop at the next step; the second stops it at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class StopRequest:
    """A context in which Ctrl-C sets :attr:`asked`; the handler before it is put back after."""

    def __init__(self) -> None:
        self.asked = False
        self._before: signal._HANDLER = None

    def __enter__(self) -> Self:
        # Only the main thread may set handlers; a run elsewhere is stopped by its owner.
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
