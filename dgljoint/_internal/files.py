"""Files that appear whole under their final name or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dgljoint.errors import RunFailedError

_TEMPORARY = re.compile(r"\..+\.\d+\.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it on success, remove it on any failure.

    A link stays one, and the file it leads to is replaced. A file that was there keeps its mode.

    Raises:
        RunFailedError: the file system refuses the renaming, in words.
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
        # Where its folder is gone, so is the file.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside ``path``; rename it on success, remove it on any failure.

    Args:
        path: not there, or an empty folder; folders above it are made.

    Raises:
        RunFailedError: the file system refuses, while the block writes or after it.
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
    """Remove from ``folder`` the temporary files of processes that were killed while writing.

    Call it where nobody else writes: who is still at work loses its file.

    Raises:
        RunFailedError: the file system refuses.
    """
    with writing(folder):
        for path in folder.glob(".*.tmp"):
            if is_leftover(path):
                path.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Say whether ``path`` is named as what :func:`replacing` gives."""
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
    """Turn a refusal of the file system under ``path`` into a message."""
    try:
        yield
    except Exception as error:  # HDF5 raises several classes; bugs go on
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
    """Return what the system called the error.

    HDF5 hands it on inside its own text alone.
    """
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = re.search(r"\berrno = (\d+)", str(error))
    return int(found[1]) if found else None
