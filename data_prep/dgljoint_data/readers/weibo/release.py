"""Where the files of the Weibo release of 2016 are, and what its list of threads says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.beside import count_unread, entries

LIST = "Weibo.txt"
THREADS = "Weibo"
LABELS = {b"1": "rumor", b"0": "non-rumor"}

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE = re.compile(rb"\s*eid\s*:\s*([0-9]{1,19})\s+label\s*:\s*(\S+)\s*", re.IGNORECASE)
_FILE = re.compile(r"([0-9]{1,19})\.json(?:\.gz)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MaRelease:
    """Where the release is.

    Attributes:
        index: the file that lists threads and labels.
        threads: the folder with one file per thread.
    """

    index: Path
    threads: Path

    def name(self, thread: str, file: Path | None) -> str:
        """Name the file of a thread, from the release's folder on, whether it is there or not."""
        return f"{self.threads.name}/{file.name if file else f'{thread}.json'}"

    def thread_files(self, report: ReadReport | None = None) -> dict[str, Path]:
        """Return the threads' files by thread, in the order of their names.

        Args:
            report: where files that are not read are counted and named.
        """
        found: dict[str, Path] = {}
        other = []
        for path in entries(self.threads):
            named = _FILE.fullmatch(path.name)
            if named and named[1] not in found and not path.is_dir():
                found[named[1]] = path
            else:
                other += (path.is_dir() and entries(path)) or [path]
        if report is not None:
            count_unread(other, self.index.parent, "other files among the threads", report)
        return found


def ma_release(folder: Path) -> MaRelease | None:
    """Return the release that a folder holds; copies of it write the names in any case."""
    # The published spelling goes first where there are two.
    by_spelling = sorted(entries(folder), key=lambda path: path.name not in (LIST, THREADS))
    files = [path for path in by_spelling if path.name.lower() == LIST.lower()]
    folders = [path for path in by_spelling if path.name.lower() == THREADS.lower()]
    index = next(filter(Path.is_file, files), None)
    threads = next(filter(Path.is_dir, folders), None)
    return MaRelease(index, threads) if index and threads else None


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
