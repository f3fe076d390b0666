"""Ctrl-C and SIGTERM both end a command, after it has removed what it left half-written."""

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

# A second Ctrl-C of an impatient user would stop the clean-up.
_CLEAN_UP_SECONDS = 5.0
_SECONDS_PER_LOOK = 0.5


@contextmanager
def interruptible(output: Path) -> Iterator[None]:
    """Turn both signals into an error that names the ``output`` that was not written.

    Raises:
        InterruptedRunError: a signal arrived.
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
    """Raise KeyboardInterrupt for SIGTERM too, and for neither signal during the clean-up.

    A timer raises it again where it was lost: code that C calls may raise in vain, as when NumPy
    asks for attributes and ignores every error.
    """
    ignore_until = 0.0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal ignore_until
        now = time.monotonic()
        if now >= ignore_until:
            ignore_until = now + _CLEAN_UP_SECONDS
            signal.setitimer(signal.ITIMER_REAL, _SECONDS_PER_LOOK, _SECONDS_PER_LOOK)
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
