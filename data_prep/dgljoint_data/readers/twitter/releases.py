"""The files of Twitter15/16: the tree release, and the RvNN form recognised by its content."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common import raw
from dgljoint_data.readers.twitter.rvnn_form import ROW_START

LABEL_NAMES = ("false", "true", "unverified", "non-rumor")
EDITIONS = ("15", "16")
DATA = "data.TD_RvNN.vol_5000.txt"
RESOURCE = "resource"

_LABELS, _TEXTS, _TREES = "label.txt", "source_tweets.txt", "tree"
_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_FIRST_SNOWFLAKE = 30_000_000_000  # ids were running numbers until November 2010
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_TWEET_ID = re.compile(r"[0-9]{1,19}")
# As other copies of the release spell the classes.
_SPELLINGS = {"news": "non-rumor", "nonrumor": "non-rumor", "non-rumour": "non-rumor"}
_UNPACK = "unpack the whole release: label.txt, tree/ and source_tweets.txt are in one folder"
_UNPACK += ", or of the RvNN form: data.TD_RvNN.vol_5000.txt and its label file"
_START = 1 << 14  # bytes that are read: several rows, and the longest one published is of 1 kB
_LABEL_LINE = re.compile(rb"[^\t:\d][^\t:]*\t[^\t]+\t\d{1,19}(?:\t.*)?")
_EDITION = re.compile(r"(?:twitter|tweet|(?<![a-z])t)[-_ ]?(?:20)?(1[56])(?!\d)", re.IGNORECASE)
# Never of the RvNN form, and there can be thousands.
_OTHER = frozenset(
    (".json", ".jsonl", ".ndjson", ".gz", ".zip", ".xz", ".h5", ".npz", ".npy", ".pkl", ".pt",
     ".py", ".pdf", ".png", ".md")
)


def posted_at(tweet: int) -> int:
    """Return the Unix second a tweet id encodes; 0 for an id from before ids encoded the time."""
    return ((tweet >> 22) + _SNOWFLAKE_EPOCH_MS) // 1000 if tweet >= _FIRST_SNOWFLAKE else 0


def event_file(edition: str) -> str:
    """Return the published name of the label file, which gives the event of each thread."""
    return f"Twitter{edition}_label_All.txt"


@dataclass(frozen=True, slots=True)
class TreeRelease:
    """Where the parts of the tree release are; it may have no file of source texts."""

    folder: Path
    labels: Path
    trees: Path
    texts: Path | None

    def tree_files(self, report: ReadReport) -> dict[str, Path]:
        """Return the tree files by thread, by their names; what else is there is reported."""
        found: dict[str, Path] = {}
        other = []
        for path in raw.entries(self.trees):
            named = path.suffix.lower() == ".txt" and _TWEET_ID.fullmatch(path.stem)
            if named and path.stem not in found:
                found[path.stem] = path
            elif path.is_dir():
                other += [below for below in raw.entries(path) if below.suffix.lower() == ".txt"]
            else:
                other.append(path)
        raw.count_unread(other, self.folder, "other files among the trees", report)
        return found


def find_release(source: Path | None, edition: str | None = None) -> TreeRelease:
    """Return the release in ``source``, or in the only folder below that has one or is meant.

    Raise DataError if there is none, there are several, or the release is not complete.
    """
    source = raw.given_folder(source, _UNPACK)
    if release := _release_in(source):
        return release
    inside = other_releases(source, source)
    own = _of_edition(inside, source, edition) if edition else None
    if len(inside) > 1 and own is None:
        names = ", ".join(str(child.relative_to(source)) for child in inside)
        raise DataError(f"{source} holds several releases: {names}", hint="name one of them")
    release = _release_in(own or (inside or [source])[0])
    if release is None:
        raise _incomplete(source)
    return release


def other_releases(source: Path, read: Path) -> list[Path]:
    """List the folders of releases below ``source`` but the one that is read."""
    return [
        folder for folder in raw.folders(source)
        if folder != read and _release_in(folder) is not None
    ]


def is_tree_release(path: Path | None) -> bool:
    """Return whether a folder contains a tree release, or several."""
    if path is None or not path.is_dir():
        return False
    return _release_in(path) is not None or bool(other_releases(path, path))


def _incomplete(source: Path) -> DataError:
    try:
        empty = " (the folder is empty)" if not any(source.iterdir()) else ""
    except OSError as error:
        return DataError(f"{source} cannot be read: {error.strerror}")
    # The folder above a release that lacks a part will do, too.
    partial = [folder for folder in (source, *raw.folders(source)) if _parts(folder)]
    if not partial and (labels := [*label_files(source), *label_files(source / RESOURCE)]):
        return DataError(
            f"{source} holds {labels[0].name} of the RvNN form, but no file of its rows"
            f"{_why_no_rows(source)}{raw.packed(source)}",
            hint=_UNPACK,
        )
    folder = partial[0] if partial else source
    missing = [name for name in (_LABELS, _TREES) if name not in _parts(folder)]
    return DataError(
        f"{folder} lacks {' and '.join(missing)}{empty}{raw.packed(source)}", hint=_UNPACK
    )


def _release_in(folder: Path) -> TreeRelease | None:
    parts = _parts(folder)
    if _LABELS not in parts or _TREES not in parts:
        return None
    return TreeRelease(folder, parts[_LABELS], parts[_TREES], parts.get(_TEXTS))


def _parts(folder: Path) -> dict[str, Path]:
    """Return the parts of a release in a folder, by their published names, in any spelling."""
    found: dict[str, Path] = {}
    for path in raw.entries(folder):
        name = path.name.lower()
        if (name in (_LABELS, _TEXTS) and path.is_file()) or (name == _TREES and path.is_dir()):
            found.setdefault(name, path)
    return found


def read_classes(
    path: Path, report: ReadReport, *, tabs: bool
) -> tuple[dict[str, tuple[str, int]], set[str]]:
    """Read the class of each thread from lines ``label:id``, or ``label<TAB>event<TAB>id``."""
    def split(line: str) -> tuple[str, str]:
        if tabs:
            label, _, thread = [*line.split("\t"), "", ""][:3]
        else:
            label, _, thread = line.rpartition(":")
        label, thread = label.strip().lower(), thread.strip()
        known = _TWEET_ID.fullmatch(thread)
        return (_SPELLINGS.get(label, label), thread) if known else ("", "")

    return raw.read_labels(path, split, {name: name for name in LABEL_NAMES}, report)


def read_texts(path: Path | None, report: ReadReport) -> dict[str, str]:
    """Read ``tweet id<TAB>text`` lines: the text of each source post; none without a file."""
    texts: dict[str, str] = {}
    if path is None:
        return texts
    try:
        lines = list(raw.filled_lines(path))
    except DataError as error:
        report.repair("file of source texts that cannot be read", error.message)
        return texts
    for where, line in lines:
        thread, tab, text = line.partition("\t")
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
    for where, line in raw.filled_lines(path):
        _, event, thread = [*line.split("\t"), "", "", ""][:3]
        if not event or not _TWEET_ID.fullmatch(thread):
            report.repair("not an event line", where)
        elif events.setdefault(thread, event) != event:
            report.repair("several events for one thread (the first is kept)", where)
    return events


def edition_of(name: str) -> str | None:
    """Return the edition that the name of a file or folder contains, if it does."""
    found = _EDITION.search(name)
    return found[1] if found else None


def check_edition(folder: Path, edition: str) -> None:
    """Raise :class:`DataError` if the label files of a folder are of the other edition."""
    for other in editions_named(folder):
        raise DataError(
            f"{folder} is Twitter{other}, expected Twitter{edition}: its label file is of that "
            "edition",
            hint=f"use the reader twitter{other}",
        )


def find_data(source: Path | None, named: str = "", edition: str | None = None) -> Path | None:
    """Return the file of rows in ``source`` or below; DataError for several, or a wrong name."""
    if source is None:
        return None
    if named:
        return _named_file(source, named, "data_file")
    own = (source, source / RESOURCE)
    found = [folder / DATA for folder in own if (folder / DATA).is_file()][:1]
    for folder in own:
        found = found or [path for path in _texts(folder) if _holds_rows(path)]
    if not found:
        found = other_data(source, None)
        found = [path for path in found if path.name == DATA] or found
        if edition and (wanted := _of_edition(found, source, edition)):
            return wanted
    return _only(found, source, "files of RvNN rows", "data_file") if found else None


def _of_edition(places: Sequence[Path], source: Path, edition: str) -> Path | None:
    """Return the only one of some places that is named after an edition, if all are after one."""
    named = [edition_of(str(place.relative_to(source))) for place in places]
    own = [place for place, its in zip(places, named, strict=True) if its == edition]
    return own[0] if len(own) == 1 and None not in named else None


def other_data(source: Path, read: Path | None) -> list[Path]:
    """List the files of rows under ``source`` but the one that is read."""
    return [path for path in raw.walk(source) if path != read and _holds_rows(path)]


def find_labels(folder: Path, edition: str, named: str = "") -> Path | None:
    """Return the label file of an edition; DataError for several, or a wrong name."""
    if named:
        return _named_file(folder, named, "label_file")
    if (folder / event_file(edition)).is_file():
        return folder / event_file(edition)
    found = [path for path in label_files(folder) if edition_of(path.name) in (None, edition)]
    own = [path for path in found if edition_of(path.name) == edition]
    return _only(own or found, folder, "label files", "label_file") if found else None


def label_files(folder: Path) -> list[Path]:
    """List the label files in a folder: most of their first lines are label, event and thread."""
    found = []
    for path in _texts(folder):
        lines = list(_first_lines(path))
        if 2 * sum(map(bool, map(_LABEL_LINE.fullmatch, lines))) > len(lines):
            found.append(path)
    return found


def editions_named(folder: Path) -> list[str]:
    """Return the editions of a folder's label files, as far as their names contain them."""
    return sorted({edition for path in label_files(folder) if (edition := edition_of(path.name))})


def _holds_rows(path: Path) -> bool:
    return any(map(ROW_START.match, islice(_first_lines(path), 2)))


def _why_no_rows(source: Path) -> str:
    """Show how a file begins that is named like one of rows, but has none; "" without such."""
    for path in (*_texts(source), *_texts(source / RESOURCE)):
        if "rvnn" in path.name.lower():
            start = next(_first_lines(path), b"")[:60].decode(errors="replace")
            return (
                f": {path.name} begins with {start!r}, expected thread, parent's index or None, "
                "index, ... and words, separated by tabs"
            )
    return ""


def _first_lines(path: Path) -> Iterator[bytes]:
    # Files that are named after a thread are trees of the other form.
    if path.suffix.lower() in _OTHER or path.stem.isdecimal():
        return
    with suppress(OSError), path.open("rb") as file:  # reported when it is read
        start = file.read(_START).removeprefix(raw.BYTE_ORDER_MARK)
        lines = start.split(b"\n")
        for line in lines[:-1] if len(start) == _START else lines:
            if line.strip():
                yield line.rstrip(b"\r")


def _texts(folder: Path) -> list[Path]:
    return [path for path in raw.entries(folder) if path.is_file()]


def _named_file(folder: Path, name: str, option: str) -> Path:
    if not (folder / name).is_file():
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
        f"{folder} holds several {what}: {', '.join(names)}", hint=f"name one: {option}={names[0]}",
    )
