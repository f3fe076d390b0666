"""Ctrl-C and SIGTERM end a command alike, and let it tidy up."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from dgljoint.errors import InterruptedRunError

# A second Ctrl-C of an impatient user would stop the removing of files half-way.
_SECONDS_TO_TIDY = 5.0
_SECONDS_A_LOOK = 0.5


@contextmanager
def interruptible(output: Path) -> Iterator[None]:
    """Turn both signals into an error that says that ``output`` was not written.

    Raises:
        InterruptedRunError: a signal came.
    """
    try:
        with terminable():
            yield
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"interrupted: {output} was not written", hint="run the same command again"
        ) from None


@contextmanager
def terminable() -> Iterator[None]:
    """Raise KeyboardInterrupt for SIGTERM too, and for neither signal while it is tidied up.

    It is raised again where it was lost: what C code calls may raise in vain, as NumPy looks for
    attributes and forgets every error.
    """
    tidy_until = 0.0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal tidy_until
        now = time.monotonic()
        if now >= tidy_until:
            tidy_until = now + _SECONDS_TO_TIDY
            signal.setitimer(signal.ITIMER_REAL, _SECONDS_A_LOOK, _SECONDS_A_LOOK)
            raise KeyboardInterrupt

    def look(number: int, frame: FrameType | None) -> None:
        error = sys.exception()
        while error is not None and not isinstance(error, KeyboardInterrupt):
            error = error.__context__
        if error is None:
            raise KeyboardInterrupt

    # Only the main thread may set handlers; what runs elsewhere is stopped by its owner.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGALRM: look}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
