"""One process a folder: a lock that the system takes back when its holders die."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dgljoint._internal.files import writing
from dgljoint.errors import RunFailedError, UsageError

_SECONDS_A_LOOK = 0.05
_LOCKS = Path("/proc/locks")
# "3: FLOCK  ADVISORY  WRITE 27725 fe:00:2837198 0 EOF"; one that waits has an arrow.
_HELD = re.compile(r"^\d+: FLOCK +\w+ +WRITE +-?\d+ +([0-9a-f]+):([0-9a-f]+):(\d+) ", re.MULTILINE)


@contextmanager
def locked(folder: Path, wait_seconds: float = 0.0) -> Iterator[int]:
    """Make ``folder`` where there is none and keep every other process out of it.

    A process that is killed leaves no lock behind. Where the file system knows none, the folder is
    used without one.

    Args:
        folder: to be held.
        wait_seconds: how long to wait for whoever holds it.

    Yields:
        The descriptor that holds it; a process that inherits it holds the folder, too.

    Raises:
        UsageError: it is no folder.
        RunFailedError: another process holds it, or the file system refuses.
    """
    with writing(folder):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is no folder", hint="choose another --out")
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY)
    try:
        _lock(held, folder, time.monotonic() + wait_seconds)
        yield held
    finally:
        os.close(held)


def held_folders() -> frozenset[tuple[int, int]]:
    """Return device and inode of all that processes of this machine hold by :func:`locked`.

    To look is not to touch: whoever wants to lock a folder is not kept from it. Where the system
    does not list its locks, nothing is said to be held.
    """
    try:
        listed = _LOCKS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    return frozenset(
        (os.makedev(int(major, 16), int(minor, 16)), int(inode))
        for major, minor, inode in _HELD.findall(listed)
    )


def _lock(held: int, folder: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise RunFailedError(
                    f"another process is training in {folder}",
                    hint="wait for its end, or choose another --out",
                ) from None
            time.sleep(_SECONDS_A_LOOK)
        except OSError:
            return  # some file systems have no locks
        else:
            return
