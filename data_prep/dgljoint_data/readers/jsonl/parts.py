"""The files of JSON Lines, compressed or not, cut into parts that are read in parallel."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dgljoint.errors import DataError
from dgljoint_data.readers.common import raw
from dgljoint_data.readers.common.values import GZIP, UTF16

HINT = "give a .jsonl or .ndjson file, perhaps .gz, or a folder of them, one cascade per line"

_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_PART = 1 << 18  # bytes: some hundred cascades, so that a part's work outweighs sending it
_START = 1 << 10


class Block(NamedTuple):
    """Whole lines of a file, perhaps the first."""

    path: Path
    data: bytes
    first: bool

    def lines(self) -> list[bytes]:
        """Return the lines without their ends."""
        return self.data.removesuffix(b"\n").split(b"\n")


class Unread(NamedTuple):
    """A file, or the rest of one, that cannot be read."""

    path: Path
    reason: str
    detail: str
    first: bool = True


Part = Block | Unread


def find_files(source: Path | None) -> list[Path]:
    """Return the file given, or those in the folder given, by name."""
    source = raw.given(source, HINT)
    if not source.is_dir():
        return [source]
    found = [path for path in raw.entries(source) if is_ours(path)]
    if not found:
        deeper = other_files(source, found)
        where = f"; the nearest is {deeper[0].relative_to(source)}" if deeper else ""
        where += raw.packed(source)
        raise DataError(f"{source} holds no .jsonl or .ndjson file{where}", hint=HINT)
    return found


def other_files(source: Path, read: Sequence[Path]) -> list[Path]:
    """List the files of JSON Lines under a folder that are not read."""
    return [path for path in raw.walk(source) if is_ours(path) and path not in read]


def is_ours(path: Path) -> bool:
    """Return whether a file has the name of one of JSON Lines."""
    return path.name.lower().endswith(_SUFFIXES) and path.is_file()


def holds_array(path: Path) -> bool:
    """Return whether a file of JSON is one array."""
    try:
        with path.open("rb") as file:
            start = file.read(_START) if path.suffix.lower() == ".json" else b""
    except OSError:
        return False
    return start.removeprefix(raw.BYTE_ORDER_MARK).lstrip().startswith(b"[")


def cut(files: Iterable[Path]) -> Iterator[Part]:
    """Cut files into parts, in their order; what cannot be read is a part of its own."""
    for path in files:
        first = True
        try:
            with path.open("rb") as file:
                packed = file.peek(len(GZIP)).startswith(GZIP)
                whole = gzip.GzipFile(fileobj=file) if packed else file
                while data := whole.read(_PART) + whole.readline():
                    if first:
                        if problem := _problem(path, data[:_START]):
                            yield problem
                            break
                        data = data.removeprefix(raw.BYTE_ORDER_MARK)
                    yield Block(path, data, first)
                    first = False
        except (OSError, EOFError, zlib.error) as error:
            reason = "file that cannot be read" if first else "file that cannot be read to its end"
            detail = getattr(error, "strerror", None) or str(error)
            yield Unread(path, reason, detail, first)


def _problem(path: Path, start: bytes) -> Unread | None:
    if start.startswith(UTF16):
        name = path.name
        detail = f"expected UTF-8; mended by: iconv -f utf-16 -t utf-8 {name} > utf8.{name}"
        return Unread(path, "file in UTF-16", detail)
    text = start.removeprefix(raw.BYTE_ORDER_MARK).lstrip()
    line, _, rest = text.partition(b"\n")
    if text.startswith(b"["):
        detail = f"mended by: jq -c '.[]' {path.name} > {path.stem}.jsonl"
        reason = "file that is one JSON array, expected one cascade per line"
        return Unread(path, reason, detail)
    if line.strip() == b"{" and rest.strip():
        detail = f"mended by: jq -c . {path.name} > {path.stem}.jsonl"
        return Unread(path, "file with objects over several lines, expected one per line", detail)
    return None
