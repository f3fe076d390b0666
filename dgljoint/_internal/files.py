"""Files that appear whole under their final name or not at all, and folders one process holds."""

import errno
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dgljoint.errors import RunFailedError, UsageError

_TEMPORARY = re.compile(r"\..+\.\d+\.tmp")
_SECONDS_BETWEEN_TRIES = 0.05
_LOCKS = Path("/proc/locks")
# "3: FLOCK  ADVISORY  WRITE 27725 fe:00:2837198 0 EOF"; one that waits has an arrow.
_HELD = re.compile(r"^\d+: FLOCK +\w+ +WRITE +-?\d+ +([0-9a-f]+):([0-9a-f]+):(\d+) ", re.MULTILINE)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path next to ``path``; rename it on success, remove it on any failure.

    A link is kept, and the file it leads to is replaced. A file that exists keeps its mode.
    """
    target = Path(os.path.realpath(path))
    with writing(path):
        special = target.exists() and not (target.is_file() or target.is_dir())
    if special:
        # Renaming would put a file in the place of a device.
        raise RunFailedError(f"cannot write {path}: it is no regular file", hint="name a file")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")  # see _TEMPORARY
    try:
        yield temporary
        with writing(path):
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            if target.is_file():
                shutil.copymode(target, temporary)
            temporary.replace(target)
    finally:
        with suppress(OSError):  # where its folder is gone, so is the file
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a new folder next to ``path``; rename it on success, remove it on any failure.

    ``path`` is an empty folder or does not exist; folders above it are made.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with writing(path):
            temporary.mkdir(parents=True)
            yield temporary
            temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove from ``folder`` the temporary files of killed processes.

    Call it where nobody else writes: a process that is still at work loses its file.
    """
    with writing(folder):
        for path in folder.glob(".*.tmp"):
            if is_leftover(path):
                path.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Return whether ``path`` has the name of a temporary path of :func:`replacing`."""
    return _TEMPORARY.fullmatch(path.name) is not None


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file at once."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file at once."""
    with replacing(path) as temporary, writing(path):
        temporary.write_bytes(content)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a refusal of the file system under ``path`` into a :class:`RunFailedError`."""
    try:
        yield
    except Exception as error:  # HDF5 raises several classes; bugs are raised again
        number = _error_number(error)
        if number is None and not isinstance(error, OSError):
            raise
        full = number in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else os.strerror(number) if number else str(error)
        raise RunFailedError(
            f"cannot write {path}: {reason}",
            hint="free some space or choose another place" if full else "choose another place",
        ) from error


def _error_number(error: Exception) -> int | None:
    """Return the system's number of an error; HDF5 gives it inside its own text only."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = re.search(r"\berrno = (\d+)", str(error))
    return int(found[1]) if found else None


@contextmanager
def locked(folder: Path, wait_seconds: float = 0.0) -> Iterator[int]:
    """Make ``folder`` if needed and keep every other process out of it.

    The system releases the lock of a process that is killed. A file system without locks is used
    without one. Yields the descriptor that holds the folder, also for a process that inherits it.
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
    """Return device and inode of all folders that processes of this machine hold.

    It takes no lock itself; where the system does not list its locks, the answer is empty.
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
            time.sleep(_SECONDS_BETWEEN_TRIES)
        except OSError:
            return  # some file systems have no locks
        else:
            return
