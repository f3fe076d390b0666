"""The files that lie beside the trees of the Twitter15/16 release: labels, texts, events."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from dgljoint.errors import DataError
from dgljoint.reading import ReadReport

LABELS = "label.txt"
TEXTS = "source_tweets.txt"
TREES = "tree"
LABEL_NAMES = ("false", "true", "unverified", "non-rumor")
EDITIONS = ("15", "16")

_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_FIRST_SNOWFLAKE = 30_000_000_000  # ids were running numbers until November 2010
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_TWEET_ID = re.compile(r"[0-9]{1,19}")
_UNPACK = "unpack the whole release: label.txt, source_tweets.txt and tree/ stand in one folder"
_UNPACK += ", or of the RvNN form: data.TD_RvNN.vol_5000.txt and its label file"


def event_file(edition: str) -> str:
    """Name the label file of the RvNN release, which says the event of each thread."""
    return f"Twitter{edition}_label_All.txt"


def editions_named(folder: Path) -> list[str]:
    """Return the editions whose label file of the RvNN release lies in a folder."""
    return [edition for edition in EDITIONS if (folder / event_file(edition)).is_file()]


def posted_at(tweet: int) -> int:
    """Return the Unix second a tweet id encodes; 0 for an id from before ids encoded the time."""
    return ((tweet >> 22) + _SNOWFLAKE_EPOCH_MS) // 1000 if tweet >= _FIRST_SNOWFLAKE else 0


def find_release(source: Path | None) -> Path:
    """Return the folder that holds the release: ``source`` or its only such subfolder.

    Raises:
        DataError: there is none, or the release is not complete.
    """
    if source is None:
        raise DataError("this reader needs the folder of the release", hint=_UNPACK)
    if not source.is_dir():
        what = "is no folder" if source.exists() else "does not exist"
        raise DataError(f"{source} {what}; expected the folder of the release", hint=_UNPACK)
    try:
        folder = _only_release(source)
        missing = [name for name in (LABELS, TEXTS, TREES) if name not in _parts(folder)]
        empty = " (the folder is empty)" if not any(folder.iterdir()) else ""
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
    if missing:
        raise DataError(f"{folder} lacks {', '.join(missing)}{empty}", hint=_UNPACK)
    return folder


def _only_release(source: Path) -> Path:
    if _parts(source):
        return source
    inside = [child for child in sorted(source.iterdir()) if child.is_dir() and _parts(child)]
    if len(inside) > 1:
        names = ", ".join(child.name for child in inside)
        raise DataError(f"{source} holds several releases: {names}", hint="name one of them")
    return inside[0] if inside else source


def _parts(folder: Path) -> set[str]:
    files = {name for name in (LABELS, TEXTS) if (folder / name).is_file()}
    return files | ({TREES} if (folder / TREES).is_dir() else set())


def read_lines(path: Path) -> list[str]:
    """Read a text file; bytes that are no UTF-8 become U+FFFD.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return [line.removesuffix("\r") for line in text.split("\n")]


def read_labels(folder: Path, known: tuple[str, ...], report: ReadReport) -> dict[str, str]:
    """Read ``label:tweet id`` lines: the label of each thread, in the order of the file.

    A line that is repeated counts as a repair; a thread with two labels, an unknown label, or a
    line of another form is refused.
    """
    def split(line: str) -> tuple[str, str]:
        label, _, thread = line.rpartition(":")
        return label, thread

    found = _labels(folder / LABELS, split, known, report)
    return {thread: label for thread, (label, _) in found.items()}


def read_rvnn_labels(
    path: Path, known: tuple[str, ...], report: ReadReport
) -> dict[str, tuple[str, int]]:
    """Read the labels of the RvNN label file: label and line of each thread, in its order.

    Lines are judged like those of :func:`read_labels`.
    """
    def split(line: str) -> tuple[str, str]:
        label, _, thread = [*line.split("\t"), "", ""][:3]
        return label, thread

    return _labels(path, split, known, report)


def _labels(
    path: Path, split: Callable[[str], tuple[str, str]], known: tuple[str, ...], report: ReadReport
) -> dict[str, tuple[str, int]]:
    name = path.name
    labels: dict[str, tuple[str, int]] = {}
    refused: set[str] = set()
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        label, thread = (part.strip() for part in split(line))
        if not label or not _TWEET_ID.fullmatch(thread):
            report.refuse("not a label line", name, line=number, detail=repr(line[:60]))
        elif thread in refused:
            continue
        elif label not in known:
            detail = f"{label!r}; known: {', '.join(known)}"
            report.refuse("unknown label", name, line=number, detail=detail)
            refused.add(thread)
            labels.pop(thread, None)
        elif thread not in labels:
            labels[thread] = (label, number)
        elif labels[thread][0] != label:
            report.refuse("several labels for one thread", name, line=number, detail=thread)
            refused.add(thread)
            del labels[thread]
        else:
            report.repair("duplicate label line", f"{name}:{number}")
    return labels


def read_texts(folder: Path, report: ReadReport) -> dict[str, str]:
    """Read ``tweet id<TAB>text`` lines: the text of each source post."""
    texts: dict[str, str] = {}
    for number, line in enumerate(read_lines(folder / TEXTS), start=1):
        thread, tab, text = line.partition("\t")
        where = f"{TEXTS}:{number}"
        if not line.strip():
            continue
        if not tab or not _TWEET_ID.fullmatch(thread):
            report.repair("not a text line", where)
            continue
        if _REPLACEMENT in text:
            report.repair("source text with bytes that are no UTF-8", where)
        if texts.setdefault(thread, text) != text:
            report.repair("several texts for one source post (the first is kept)", where)
    return texts


def read_events(path: Path, report: ReadReport) -> dict[str, str]:
    """Read the RvNN label file, ``label<TAB>event<TAB>tweet id...``: the event of each thread."""
    events: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        _, event, thread = [*line.split("\t"), "", "", ""][:3]
        if not event or not _TWEET_ID.fullmatch(thread):
            report.repair("not an event line", where)
        elif events.setdefault(thread, event) != event:
            report.repair("several events for one thread (the first is kept)", where)
    return events
