"""The memory of a process while something runs in it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SECONDS_A_LOOK = 0.02


class Memory:
    """The most memory that was the process's own while it was watched.

    Mapped files do not count: the system takes their pages back when it wants them.
    """

    peak_megabytes = 0.0

    def look(self) -> None:
        """Look at it now."""
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if found := re.search(r"RssAnon:\s+(\d+) kB", status):
            self.peak_megabytes = max(self.peak_megabytes, int(found[1]) / 1000)


@contextmanager
def watched_memory() -> Iterator[Memory]:
    """Watch the memory of this process, from a thread."""
    memory, done = Memory(), threading.Event()

    def watch() -> None:
        while not done.wait(_SECONDS_A_LOOK):
            memory.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.look()
        done.set()
        thread.join()
