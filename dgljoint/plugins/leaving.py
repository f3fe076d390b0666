"""End a process in which plugins ran, whatever threads they left in it."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import NoReturn

from dgljoint.plugins.blame import place_in
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.tracing import active_trace

_SECONDS_TO_END = 2.0


def leave(code: int) -> NoReturn:
    """End the process with an exit code.

    Python waits for every thread that is no daemon, for ever if need be. One that has not ended
    soon is told of on stderr, with the plugin whose code it runs, and the process ends without it.
    """
    until = time.monotonic() + _SECONDS_TO_END
    threads = _others()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    left = [thread for thread in threads if thread.is_alive()]
    if not left:
        sys.exit(code)
    frames = sys._current_frames()
    for thread in left:
        frame = frames.get(thread.ident or 0)
        place = place_in(frame, installed_registry().at_work) if frame else None
        whose = f"{place.entry} left" if place else "there is still"
        where = f" in {place}" if place else ""
        sys.stderr.write(
            f"{whose} the thread '{thread.name}' running{where}: the process ends without it\n"
        )
    if (trace := active_trace()) is not None:
        trace.sum_up()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not `sys.exit`: it would wait.
    os._exit(code)


def _others() -> list[threading.Thread]:
    here = threading.current_thread()
    return [t for t in threading.enumerate() if t is not here and not t.daemon]
