"""Files and folders of raw data: found, counted, named, decoded and identified by their content."""

import codecs
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint.errors import DataError

BYTE_ORDER_MARK = codecs.BOM_UTF8

_PACKED = frozenset((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"))
_DEPTH = 3  # folders below the one given that are searched; releases are packed no deeper
_MOST = 50_000  # entries; a folder of more is no release of a few files
_NAMED = 3
_DIGEST_SIZE = 16
# Byte order marks of UTF-16, with a line end after each.
_MARKS = ((codecs.BOM_UTF16_LE, b"\n\0"), (codecs.BOM_UTF16_BE, b"\0\n"))


def given_folder(source: Path | None, hint: str, what: str = "the folder of the release") -> Path:
    """Return the folder that was given. Raise DataError if none was, or it is no folder."""
    if source is None:
        raise DataError(f"this reader needs {what}", hint=hint)
    if not source.is_dir():
        problem = "is no folder" if source.exists() else "does not exist"
        raise DataError(f"{source} {problem}; expected {what}", hint=hint)
    return source


def given(source: Path | None, hint: str) -> Path:
    """Return the file or folder that was given. Raise DataError if none was, or it is not there."""
    if source is None:
        raise DataError("this reader needs a file or a folder", hint=hint)
    if not source.exists():
        raise DataError(f"{source} does not exist", hint=hint)
    return source


def entries(folder: Path) -> list[Path]:
    """List a folder by name, without hidden files; nothing if it cannot be read."""
    with suppress(OSError):
        # By name: comparing paths takes ten times as long.
        found = sorted(folder.iterdir(), key=lambda path: path.name)
        return [path for path in found if not path.name.startswith(".") and path.name != "__MACOSX"]
    return []


def packed(folder: Path) -> str:
    """Name the archives in a folder, which may contain what is missing; ``""`` for none."""
    found = [path.name for path in entries(folder) if path.suffix.lower() in _PACKED]
    more = ", ..." if len(found) > _NAMED else ""
    return f"; packed, to be unpacked first: {', '.join(found[:_NAMED])}{more}" if found else ""


def _levels(folder: Path) -> Iterator[list[Path]]:
    level, left = [folder], _MOST
    for _ in range(_DEPTH + 1):
        found = [path for place in level for path in entries(place)]
        left -= len(found)
        if left < 0:
            return
        yield found
        level = [path for path in found if path.is_dir()]


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those below it, not too deep."""
    for level in _levels(folder):
        yield from filter(Path.is_file, level)


def folders(folder: Path) -> Iterator[Path]:
    """Yield the folders below a folder, the upper ones first, not too deep."""
    for level in islice(_levels(folder), _DEPTH):
        yield from filter(Path.is_dir, level)


def count_unread(paths: Sequence[Path], source: Path, what: str, report: ReadReport) -> None:
    """Count and name files of the format (``what``, in the plural) that are not read."""
    if not paths:
        return
    report.count(f"{what.replace(' ', '_')}_not_read", len(paths))
    names = ", ".join(str(path.relative_to(source)) for path in paths[:_NAMED])
    if len(paths) == 1:
        one = what.replace("files", "file", 1).replace("releases", "release")
        report.note(f"1 {one} was not read: {names}")
    else:
        more = ", ..." if len(paths) > _NAMED else ""
        report.note(f"{len(paths):,} {what} were not read: {names}{more}")


def readable(name: str) -> str:
    """Return a file name that can be stored and printed: bytes that are no UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", errors="replace")


def decode(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark; bytes that are neither become U+FFFD."""
    if _is_utf16(data):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def as_utf8(data: bytes) -> bytes:
    """Return bytes in UTF-16 with a byte order mark in UTF-8, any others as they are."""
    return decode(data).encode() if _is_utf16(data) else data


def _is_utf16(data: bytes) -> bool:
    # By more than chance: a line end as well.
    return any(data.startswith(mark) and (end in data or b"\n" not in data) for mark, end in _MARKS)


def read_bytes(path: Path) -> bytes:
    """Read a file. Raise DataError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file, ended by LF or CRLF. Raise DataError if it cannot be read."""
    return [line.removesuffix("\r") for line in decode(read_bytes(path)).split("\n")]


def filled_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the place in the report and the text of the lines that are not blank."""
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            yield f"{path.name}:{number}", line


def digest_text(text: str) -> str:
    """Return a digest of a text."""
    return blake2b(text.encode(), digest_size=_DIGEST_SIZE).hexdigest()


def digest_files(paths: Iterable[Path], folder: Path) -> str:
    """Digest the names under ``folder``, sizes and content of files, unreadable ones as such."""
    digest = blake2b(digest_size=_DIGEST_SIZE)
    for path in sorted(paths):
        try:
            data = path.read_bytes()
        except OSError:
            data = b"unreadable"
        name = f"{path.relative_to(folder)} {len(data)}\n"
        digest.update(name.encode(errors="surrogateescape"))  # a name may have any bytes
        digest.update(data)
    return digest.hexdigest()


def digest_source(source: Path) -> str:
    """Return a digest of a file, or of all files under a folder."""
    if source.is_dir():
        return digest_files(filter(Path.is_file, source.rglob("*")), source)
    return digest_files([source], source.parent)


def read_labels(
    path: Path, split: Callable[[str], tuple[str, str]], known: Mapping[str, str],
    report: ReadReport, *, bad: str = "not a label line", again: str = "duplicate label line",
) -> tuple[dict[str, tuple[str, int]], set[str]]:
    """Read a file of one label per line: class and line of each thread, and the threads refused.

    A repeated line is a repair (``again``); a thread of two labels, an unknown label, or a bad line
    (``split`` returns two empty texts) is refused.
    """
    labels: dict[str, tuple[str, int]] = {}
    refused: set[str] = set()
    for number, line in enumerate(read_lines(path), start=1):
        label, thread = split(line)
        if not line.strip() or thread in refused:
            continue
        before = labels.get(thread)
        if not label or not thread:
            report.refuse(bad, path.name, line=number, detail=repr(line[:60].strip()))
        elif label not in known:
            detail = f"{label!r}; known: {', '.join(known)}"
            report.refuse("unknown label", path.name, line=number, detail=detail)
            refused.add(thread)
        elif before is None:
            labels[thread] = (known[label], number)
        elif before[0] == known[label]:
            report.repair(again, f"{path.name}:{number}")
        else:
            report.refuse("several labels for one thread", path.name, line=number, detail=thread)
            refused.add(thread)
        if thread in refused:
            labels.pop(thread, None)
    report.count(THREADS_MET, len(labels) + len(report.quarantine))
    return labels, refused
