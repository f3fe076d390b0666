"""What lies in a release's folder beside the files that are read: found, counted and named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import filterfalse
from pathlib import Path

from dgljoint.data.reading import ReadReport

# Folders below the one that is given which are looked into; releases are packed no deeper.
SOURCE_DEPTH = 3

PACKED = frozenset((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"))

_MOST = 50_000  # entries; a folder of more is no release of a few files
_NAMED = 3


def hidden(path: Path) -> bool:
    """Say whether a system put a file there, not who made the release."""
    return path.name.startswith(".") or path.name == "__MACOSX"


def entries(folder: Path) -> list[Path]:
    """List what lies in a folder, by name, hidden files aside; nothing if it cannot be read."""
    with suppress(OSError):
        # By name: comparing paths takes ten times as long.
        return sorted(filterfalse(hidden, folder.iterdir()), key=lambda path: path.name)
    return []


def packed(folder: Path) -> str:
    """Name the archives in a folder, which may hold what is looked for; ``""`` for none."""
    found = [path.name for path in entries(folder) if path.suffix.lower() in PACKED]
    more = ", ..." if len(found) > _NAMED else ""
    return f"; packed, to be unpacked first: {', '.join(found[:_NAMED])}{more}" if found else ""


def walk(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the files of a folder and of those below it, down to ``depth`` folders."""
    left = _MOST
    level = [folder]
    for _ in range(depth + 1):
        below = []
        for place in level:
            for path in entries(place):
                left -= 1
                if left < 0:
                    return
                if path.is_dir():
                    below.append(path)
                elif path.is_file():
                    yield path
        level = below


def folders(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders below a folder, the upper ones first, down to ``depth``."""
    left = _MOST
    level = [folder]
    for _ in range(depth):
        below = []
        for place in level:
            found = entries(place)
            left -= len(found)
            if left < 0:
                return
            below += [path for path in found if path.is_dir()]
        yield from below
        level = below


def count_unread(paths: Sequence[Path], source: Path, what: str, report: ReadReport) -> None:
    """Count and name files of the format that are not read.

    Args:
        paths: of them.
        source: that was given; names start from it.
        what: they are, in the plural, as in "files of RvNN rows".
        report: filled.
    """
    if not paths:
        return
    report.count(f"{what.replace(' ', '_')}_not_read", len(paths))
    names = ", ".join(str(path.relative_to(source)) for path in paths[:_NAMED])
    more = ", ..." if len(paths) > _NAMED else ""
    if len(paths) == 1:
        one = what.replace("files", "file", 1).replace("releases", "release")
        report.note(f"1 {one} was not read: {names}")
    else:
        report.note(f"{len(paths):,} {what} were not read: {names}{more}")
