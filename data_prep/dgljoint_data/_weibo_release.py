"""Where the files of the Weibo release lie, and what its list of threads says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dgljoint.errors import DataError
from dgljoint.reading import THREADS_MET, ReadReport

LIST = "Weibo.txt"
THREADS = "Weibo"
LABELS = {b"1": "rumor", b"0": "non-rumor"}

_SUFFIX = ".json"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE = re.compile(rb"\s*eid\s*:\s*([0-9]{1,19})\s+label\s*:\s*(\S+)\s*", re.IGNORECASE)
_THREAD_ID = re.compile("[0-9]{1,19}")
_UNPACK = f"unpack the whole release: {LIST} and the folder {THREADS}/ stand in one folder"


@dataclass(frozen=True, slots=True)
class Release:
    """Where the release lies.

    Attributes:
        index: the file that lists threads and labels.
        threads: the folder with a file a thread.
    """

    index: Path
    threads: Path

    def file(self, thread: str) -> Path:
        """Return the file of a thread."""
        return self.threads / f"{thread}{_SUFFIX}"

    def name(self, thread: str) -> str:
        """Name the file of a thread, from the release's folder on."""
        return f"{self.threads.name}/{thread}{_SUFFIX}"

    def thread_files(self, report: ReadReport | None = None) -> list[Path]:
        """List the files named after a thread, by name.

        Args:
            report: where other files are counted.

        Raises:
            DataError: the folder cannot be read.
        """
        entries = _entries(self.threads)
        found = [
            path for path in entries
            if path.suffix == _SUFFIX and _THREAD_ID.fullmatch(path.stem) and path.is_file()
        ]
        if report is not None and len(found) < len(entries):
            report.count("other_files_skipped", len(entries) - len(found))
        return found


def find_release(source: Path | None) -> Release:
    """Find the release in ``source`` or in its only subfolder that holds one.

    Raises:
        DataError: there is none, several, or one that is not complete.
    """
    if source is None:
        raise DataError("this reader needs the folder of the release", hint=_UNPACK)
    if not source.is_dir():
        what = "is no folder" if source.exists() else "does not exist"
        raise DataError(f"{source} {what}; expected the folder of the release", hint=_UNPACK)
    entries = _entries(source)
    found = [_parts(entries)]
    if found == [(None, None)]:
        inside = [_parts(_entries(child)) for child in entries if child.is_dir()]
        found = [parts for parts in inside if None not in parts] or found
    if len(found) > 1:
        names = ", ".join(parts[0].parent.name for parts in found if parts[0])
        raise DataError(f"{source} holds several releases: {names}", hint="name one of them")
    [(list_file, threads)] = found
    if list_file is None or threads is None:
        missing = [] if list_file else [LIST]
        missing += [] if threads else [f"{THREADS}/"]
        raise DataError(f"{source} lacks {' and '.join(missing)}", hint=_UNPACK)
    return Release(list_file, threads)


def _parts(entries: Iterable[Path]) -> tuple[Path | None, Path | None]:
    """Pick the list and the folder of threads; copies of the release write them in any case."""
    # The published spelling goes first where there are two.
    by_spelling = sorted(entries, key=lambda path: path.name not in (LIST, THREADS))
    files = [path for path in by_spelling if path.name.lower() == LIST.lower()]
    folders = [path for path in by_spelling if path.name.lower() == THREADS.lower()]
    return (
        next(filter(Path.is_file, files), None),
        next(filter(Path.is_dir, folders), None),
    )


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Listed:
    """A thread that the list names.

    Attributes:
        label: its class.
        line: its number, from 1.
        offset: of the line in the file.
    """

    label: str
    line: int
    offset: int


@dataclass(slots=True)
class ThreadList:
    """The threads that are to be read, by id, and those that the list itself rules out."""

    listed: dict[str, Listed] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


def read_list(path: Path, report: ReadReport) -> ThreadList:
    """Read ``eid:<thread> label:<0|1> <post> <post> ...`` lines, separated by tabs or spaces.

    A repeated line counts as a repair; a thread with two labels, an unknown label, or a line of
    another form is refused. The ids of posts are left in the file: there are millions.

    Raises:
        DataError: the file cannot be read.
    """
    threads = ThreadList()
    for number, (offset, line) in enumerate(_lines(path), start=1):
        if line.strip():
            _take(line, Listed("", number, offset), threads, path.name, report)
    return threads


def _take(line: bytes, place: Listed, threads: ThreadList, name: str, report: ReadReport) -> None:
    match = _LINE.match(line)
    if match is None:
        report.count(THREADS_MET)
        start = line[:60].decode(errors="replace").strip()
        report.refuse("not a line of a thread", name, line=place.line, detail=repr(start))
        return
    thread, label = match[1].decode(), LABELS.get(match[2])
    if thread in threads.refused:
        return
    before = threads.listed.get(thread)
    if before is None:
        report.count(THREADS_MET)
    if before is not None and before.label == label:
        report.repair("thread listed twice (the first line is kept)", f"{name}:{place.line}")
    elif label is None or before is not None:
        threads.listed.pop(thread, None)
        threads.refused.add(thread)
        if label is None:
            found = match[2][:20].decode(errors="replace")
            detail = f"{found!r}; known: 0, 1"
            report.refuse("unknown label", name, line=place.line, detail=detail)
        else:
            report.refuse("several labels for one thread", name, line=place.line, detail=thread)
    else:
        threads.listed[thread] = Listed(label, place.line, place.offset)


def listed_posts(path: Path, place: Listed) -> set[str]:
    """Read the ids of the posts that the list gives for a thread.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(place.offset)
            line = file.readline()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    match = _LINE.match(line)
    ids = line[match.end():] if match else b""
    return set(ids.decode(errors="replace").split())


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            offset = len(_BYTE_ORDER_MARK) if file.peek(3).startswith(_BYTE_ORDER_MARK) else 0
            file.seek(offset)
            for line in file:
                yield offset, line
                offset += len(line)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
