"""Find the files of the RvNN form by what stands in them, whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dgljoint.errors import DataError
from dgljoint_data.readers.common.beside import SOURCE_DEPTH, hidden, walk

DATA = "data.TD_RvNN.vol_5000.txt"
RESOURCE = "resource"
EDITIONS = ("15", "16")

_START = 1 << 14  # bytes that are looked at: several rows, and the longest one published is of 1 kB
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ROW = re.compile(rb"\d{1,19}\t(?:none|\d{1,9})\t\d{1,9}\t", re.IGNORECASE)
_LABEL = re.compile(rb"[^\t:\d][^\t:]*\t[^\t]+\t\d{1,19}(?:\t.*)?")
_EDITION = re.compile(r"(?:twitter|tweet|(?<![a-z])t)[-_ ]?(?:20)?(1[56])(?!\d)", re.IGNORECASE)
# Never of this form, and there can be thousands.
_OTHER = frozenset(
    (".json", ".jsonl", ".ndjson", ".gz", ".zip", ".xz", ".h5", ".npz", ".npy", ".pkl", ".pt",
     ".py", ".pdf", ".png", ".md")
)


def event_file(edition: str) -> str:
    """Return the published name of the label file, which says the event of each thread."""
    return f"Twitter{edition}_label_All.txt"


@dataclass(frozen=True, slots=True)
class Named:
    """Files that the user named, by name or by path from the folder on; ``""`` for none."""

    data: str = ""
    labels: str = ""


def edition_of(name: str) -> str | None:
    """Return the edition that a file's or folder's name tells, if it does."""
    found = _EDITION.search(name)
    return found[1] if found else None


def find_data(source: Path | None, named: str = "", edition: str | None = None) -> Path | None:
    """Return the file of rows in ``source``, in its ``resource``, or in another folder below.

    Args:
        source: the folder.
        named: the file, if the user named it.
        edition: that is wanted, to choose among folders that are named after theirs.

    Raises:
        DataError: there are several, or the one that is named is not there.
    """
    if source is None:
        return None
    if named:
        return _named_file(source, named, "data_file")
    for folder in (source, source / RESOURCE):
        if _is_file(folder / DATA):
            return folder / DATA
    for folder in (source, source / RESOURCE):
        if found := [path for path in _texts(folder) if holds_rows(path)]:
            return _only(found, source, "files of RvNN rows", "data_file")
    found = other_data(source, None)
    published = [path for path in found if path.name == DATA] or found
    own = of_edition(published, source, edition) if edition else None
    return own or (
        _only(published, source, "files of RvNN rows", "data_file") if published else None
    )


def of_edition(places: Sequence[Path], source: Path, edition: str) -> Path | None:
    """Return the only one of some places that is named after an edition, if all are after one."""
    named = [edition_of(str(place.relative_to(source))) for place in places]
    own = [place for place, its in zip(places, named, strict=True) if its == edition]
    return own[0] if len(own) == 1 and None not in named else None


def other_data(source: Path, read: Path | None) -> list[Path]:
    """List the files of rows under ``source`` but the one that is read."""
    return [path for path in walk(source, SOURCE_DEPTH) if path != read and holds_rows(path)]


def find_labels(folder: Path, edition: str, named: str = "") -> Path | None:
    """Return the label file of an edition in a folder, by its name or by what stands in it.

    Raises:
        DataError: there are several, or the one that is named is not there.
    """
    if named:
        return _named_file(folder, named, "label_file")
    if _is_file(folder / event_file(edition)):
        return folder / event_file(edition)
    found = [
        path for path in label_files(folder) if edition_of(path.name) in (None, edition)
    ]
    own = [path for path in found if edition_of(path.name) == edition]
    return _only(own or found, folder, "label files", "label_file") if found else None


def label_files(folder: Path) -> list[Path]:
    """List the label files in a folder: lines of label, event and thread, separated by tabs."""
    return [path for path in _texts(folder) if holds_labels(path)]


def editions_named(folder: Path) -> list[str]:
    """Return the editions that a folder's label files are of, as far as their names tell."""
    return sorted({edition for path in label_files(folder) if (edition := edition_of(path.name))})


def holds_rows(path: Path) -> bool:
    """Say whether a file begins with a row of a tree, or with a line of headings and a row."""
    # Files that are named after a thread are trees of the other form.
    if path.suffix.lower() in _OTHER or path.stem.isdecimal():
        return False
    return any(map(_ROW.match, islice(_first_lines(path), 2)))


def why_no_rows(source: Path) -> str:
    """Say how a file begins that is named like one of rows, but holds none; "" without such."""
    for path in (*_texts(source), *_texts(source / RESOURCE)):
        if "rvnn" in path.name.lower():
            start = next(_first_lines(path), b"")[:60].decode(errors="replace")
            return (
                f": {path.name} begins with {start!r}, expected thread, parent's index or None, "
                "index, ... and words, separated by tabs"
            )
    return ""


def holds_labels(path: Path) -> bool:
    """Say whether most of a file's first lines are a label, an event and a thread."""
    if path.suffix.lower() in _OTHER or path.stem.isdecimal():
        return False
    lines = list(_first_lines(path))
    return 2 * sum(map(bool, map(_LABEL.fullmatch, lines))) > len(lines)


def _first_lines(path: Path) -> Iterator[bytes]:
    with suppress(OSError), path.open("rb") as file:  # reported by who reads it
        start = file.read(_START).removeprefix(_BYTE_ORDER_MARK)
        lines = start.split(b"\n")
        for line in lines[:-1] if len(start) == _START else lines:
            if line.strip():
                yield line.rstrip(b"\r")


def _texts(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(path for path in folder.iterdir() if not hidden(path) and path.is_file())
    return []


def _is_file(path: Path) -> bool:
    with suppress(OSError):
        return path.is_file()
    return False


def _named_file(folder: Path, name: str, option: str) -> Path:
    if not _is_file(folder / name):
        raise DataError(
            f"{folder} holds no file {name}",
            hint=f"{option} is a file's name or its path from {folder} on",
        )
    return folder / name


def _only(found: Sequence[Path], folder: Path, what: str, option: str) -> Path:
    if len(found) == 1:
        return found[0]
    names = [str(path.relative_to(folder)) for path in found]
    raise DataError(
        f"{folder} holds several {what}: {', '.join(names)}",
        hint=f"name one: {option}={names[0]}",
    )
