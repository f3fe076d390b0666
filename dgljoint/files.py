"""Files that appear whole under their final name or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dgljoint.errors import RunFailedError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it on success, remove it on any failure.

    Raises:
        RunFailedError: the file system refuses the renaming, in words.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with writing(path):
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file at once."""
    with replacing(path) as temporary, writing(path):
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a refusal of the file system under ``path`` into a message."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        reason = "the disk is full" if full else (error.strerror or str(error))
        raise RunFailedError(
            f"cannot write {path}: {reason}",
            hint="free some space or choose another place" if full else "choose another place",
        ) from error
