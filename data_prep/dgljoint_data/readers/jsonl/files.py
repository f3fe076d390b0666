"""The files of JSON Lines, compressed or not, cut into parts that are read in parallel."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from dgljoint.errors import DataError
from dgljoint_data.readers.common.files import (
    BYTE_ORDER_MARK,
    SOURCE_DEPTH,
    entries,
    given,
    packed,
    walk,
)
from dgljoint_data.readers.common.values import GZIP, UTF16

HINT = "give a .jsonl or .ndjson file, perhaps .gz, or a folder of them, one cascade per line"

_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_PART = 1 << 18  # bytes: some hundred cascades, so that a part's work outweighs sending it
_START = 1 << 10


class Stretch(NamedTuple):
    """The bytes of a file in which some of its lines start."""

    path: Path
    start: int
    end: int

    @property
    def first(self) -> bool:
        """Whether it is the first part of its file."""
        return self.start == 0


class Block(NamedTuple):
    """Lines out of a compressed file, which cannot be read from the middle."""

    path: Path
    data: bytes
    first: bool


class Unread(NamedTuple):
    """A file, or the rest of one, that cannot be read."""

    path: Path
    reason: str
    detail: str
    first: bool = True


Part = Stretch | Block | Unread


def find_files(source: Path | None) -> list[Path]:
    """Return the file given, or those in the folder given, by name.

    Raises:
        DataError: there is none.
    """
    source = given(source, HINT)
    if not source.is_dir():
        return [source]
    found = [path for path in entries(source) if is_ours(path)]
    if not found:
        deeper = other_files(source, found)
        where = f"; the nearest is {deeper[0].relative_to(source)}" if deeper else ""
        where += packed(source)
        raise DataError(f"{source} holds no .jsonl or .ndjson file{where}", hint=HINT)
    return found


def other_files(source: Path, read: Sequence[Path]) -> list[Path]:
    """List the files of JSON Lines under a folder that are not read."""
    return [path for path in walk(source, SOURCE_DEPTH) if is_ours(path) and path not in read]


def is_ours(path: Path) -> bool:
    """Return whether a file has the name of one of JSON Lines."""
    return path.name.lower().endswith(_SUFFIXES) and path.is_file()


def holds_array(path: Path) -> bool:
    """Return whether a file of JSON is one array."""
    try:
        start = _start(path) if path.suffix.lower() == ".json" else b""
    except OSError:
        return False
    return start.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"[")


def cut(files: Iterable[Path]) -> Iterator[Part]:
    """Cut files into parts, in their order; what cannot be read is a part of its own."""
    for path in files:
        try:
            start, size = _start(path), path.stat().st_size
        except OSError as error:
            yield Unread(path, "file that cannot be read", error.strerror or "")
            continue
        if start.startswith(GZIP):
            yield from _blocks(path)
        elif problem := _problem(path, start):
            yield problem
        else:
            for at in range(0, size, _PART):
                yield Stretch(path, at, min(at + _PART, size))


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START)


def _blocks(path: Path) -> Iterator[Part]:
    first = True
    try:
        with gzip.open(path, "rb") as file:
            while data := file.read(_PART) + file.readline():
                if first and (problem := _problem(path, data[:_START])):
                    yield problem
                    return
                yield Block(path, data, first)
                first = False
    except (OSError, EOFError, zlib.error) as error:
        reason = "file that cannot be read" if first else "file that cannot be read to its end"
        yield Unread(path, reason, str(error), first)


def _problem(path: Path, start: bytes) -> Unread | None:
    """Return why a whole file is no JSON Lines, by its first bytes."""
    if start.startswith(UTF16):
        name = path.name
        detail = f"expected UTF-8; mended by: iconv -f utf-16 -t utf-8 {name} > utf8.{name}"
        return Unread(path, "file in UTF-16", detail)
    text = start.removeprefix(BYTE_ORDER_MARK).lstrip()
    line, _, rest = text.partition(b"\n")
    if text.startswith(b"["):
        detail = f"mended by: jq -c '.[]' {path.name} > {path.stem}.jsonl"
        reason = "file that is one JSON array, expected one cascade per line"
        return Unread(path, reason, detail)
    if line.strip() == b"{" and rest.strip():
        detail = f"mended by: jq -c . {path.name} > {path.stem}.jsonl"
        return Unread(path, "file with objects over several lines, expected one per line", detail)
    return None


def lines_of(part: Stretch | Block) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that start in a part, with their numbers from its first, 1.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(part, Block):
        data = part.data.removeprefix(BYTE_ORDER_MARK) if part.first else part.data
        yield from enumerate(data.removesuffix(b"\n").split(b"\n"), start=1)
        return
    with part.path.open("rb") as file:
        yield from _lines(file, part)


def _lines(file: IO[bytes], part: Stretch) -> Iterator[tuple[int, bytes]]:
    start = part.start
    if start:
        file.seek(start - 1)
        start += len(file.readline()) - 1  # the rest of a line that starts before
    number = 0
    while start < part.end and (line := file.readline()):
        number += 1
        yield number, line if start else line.removeprefix(BYTE_ORDER_MARK)
        start += len(line)
