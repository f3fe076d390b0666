"""Identify raw input by its content."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

_SIZE = 16


def digest_text(text: str) -> str:
    """Return a digest of a text."""
    return blake2b(text.encode(), digest_size=_SIZE).hexdigest()


def digest_files(paths: Iterable[Path], folder: Path) -> str:
    """Return a digest of the names under ``folder``, sizes and content of some files.

    One that cannot be read counts as such: whether that matters, its reader says.
    """
    digest = blake2b(digest_size=_SIZE)
    for path in sorted(paths):
        try:
            data = path.read_bytes()
        except OSError:
            data = b"unreadable"
        name = f"{path.relative_to(folder)} {len(data)}\n"
        digest.update(name.encode(errors="surrogateescape"))  # a file may have any bytes for a name
        digest.update(data)
    return digest.hexdigest()


def digest_source(source: Path) -> str:
    """Return a digest of a file, or of all files under a folder."""
    if source.is_dir():
        return digest_files(filter(Path.is_file, source.rglob("*")), source)
    return digest_files([source], source.parent)
