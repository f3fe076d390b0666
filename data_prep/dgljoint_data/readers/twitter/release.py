"""The files of the Twitter15/16 tree release: labels, texts, trees, events."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.beside import SOURCE_DEPTH, count_unread, entries, folders, packed
from dgljoint_data.readers.common.decode import decode
from dgljoint_data.readers.twitter.rvnn_files import RESOURCE, label_files, of_edition, why_no_rows

LABELS = "label.txt"
TEXTS = "source_tweets.txt"
TREES = "tree"
LABEL_NAMES = ("false", "true", "unverified", "non-rumor")

_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_FIRST_SNOWFLAKE = 30_000_000_000  # ids were running numbers until November 2010
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_TWEET_ID = re.compile(r"[0-9]{1,19}")
# As other copies of the release spell the classes.
_SPELLINGS = {"news": "non-rumor", "nonrumor": "non-rumor", "non-rumour": "non-rumor"}
_UNPACK = "unpack the whole release: label.txt, tree/ and source_tweets.txt are in one folder"
_UNPACK += ", or of the RvNN form: data.TD_RvNN.vol_5000.txt and its label file"


def posted_at(tweet: int) -> int:
    """Return the Unix second a tweet id encodes; 0 for an id from before ids encoded the time."""
    return ((tweet >> 22) + _SNOWFLAKE_EPOCH_MS) // 1000 if tweet >= _FIRST_SNOWFLAKE else 0


@dataclass(frozen=True, slots=True)
class TreeRelease:
    """Where the parts of the release are.

    Attributes:
        folder: that holds them.
        labels: the file of labels.
        trees: the folder of trees.
        texts: the file of source texts; ``None`` where there is none.
    """

    folder: Path
    labels: Path
    trees: Path
    texts: Path | None

    def tree_files(self, report: ReadReport | None = None) -> dict[str, Path]:
        """Return the tree files by thread, in the order of their names.

        Args:
            report: where what else is in the folder is counted and named.
        """
        found: dict[str, Path] = {}
        other = []
        for path in entries(self.trees):
            named = path.suffix.lower() == ".txt" and _TWEET_ID.fullmatch(path.stem)
            if named and path.stem not in found:
                found[path.stem] = path
            elif path.is_dir():
                other += [below for below in entries(path) if below.suffix.lower() == ".txt"]
            else:
                other.append(path)
        if report is not None:
            count_unread(other, self.folder, "other files among the trees", report)
        return found


def find_release(source: Path | None, edition: str | None = None) -> TreeRelease:
    """Return the release in ``source`` or in the only folder below that holds one.

    Args:
        source: the folder.
        edition: that is wanted, to choose among folders that are named after theirs.

    Raises:
        DataError: there is none, there are several, or the release is not complete.
    """
    if source is None:
        raise DataError("this reader needs the folder of the release", hint=_UNPACK)
    if not source.is_dir():
        what = "is no folder" if source.exists() else "does not exist"
        raise DataError(f"{source} {what}; expected the folder of the release", hint=_UNPACK)
    if release := _release_in(source):
        return release
    inside = other_releases(source, source)
    own = of_edition(inside, source, edition) if edition else None
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
        folder for folder in folders(source, SOURCE_DEPTH)
        if folder != read and _release_in(folder) is not None
    ]


def _incomplete(source: Path) -> DataError:
    try:
        empty = " (the folder is empty)" if not any(source.iterdir()) else ""
    except OSError as error:
        return DataError(f"{source} cannot be read: {error.strerror}")
    # The folder above a release that lacks a part will do, too.
    partial = [folder for folder in (source, *folders(source, SOURCE_DEPTH)) if _parts(folder)]
    folder = partial[0] if partial else source
    missing = [name for name in (LABELS, TREES) if name not in _parts(folder)]
    if not partial and (labels := [*label_files(source), *label_files(source / RESOURCE)]):
        return DataError(
            f"{source} holds {labels[0].name} of the RvNN form, but no file of its rows"
            f"{why_no_rows(source)}{packed(source)}",
            hint=_UNPACK,
        )
    return DataError(
        f"{folder} lacks {' and '.join(missing)}{empty}{packed(source)}", hint=_UNPACK
    )


def _release_in(folder: Path) -> TreeRelease | None:
    parts = _parts(folder)
    if LABELS not in parts or TREES not in parts:
        return None
    return TreeRelease(folder, parts[LABELS], parts[TREES], parts.get(TEXTS))


def _parts(folder: Path) -> dict[str, Path]:
    """Return the parts of a release in a folder, by their published names, in any spelling."""
    found: dict[str, Path] = {}
    for path in entries(folder):
        name = path.name.lower()
        if (name in (LABELS, TEXTS) and path.is_file()) or (name == TREES and path.is_dir()):
            found.setdefault(name, path)
    return found


def read_lines(path: Path) -> list[str]:
    """Read a text file; bytes that are no UTF-8 become U+FFFD.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return [line.removesuffix("\r") for line in text.split("\n")]


def read_labels(
    path: Path, known: tuple[str, ...], report: ReadReport
) -> tuple[dict[str, str], set[str]]:
    """Read ``label:tweet id`` lines: the label of each thread, in the order of the file.

    A line that is repeated counts as a repair; a thread with two labels, an unknown label, or a
    line of another form is refused.

    Returns:
        the labels by thread, and the threads that were refused.
    """
    def split(line: str) -> tuple[str, str]:
        label, _, thread = line.rpartition(":")
        return label, thread

    found, refused = _labels(path, split, known, report)
    return {thread: label for thread, (label, _) in found.items()}, refused


def read_rvnn_labels(
    path: Path, known: tuple[str, ...], report: ReadReport
) -> tuple[dict[str, tuple[str, int]], set[str]]:
    """Read the labels of the RvNN label file: label and line of each thread, in its order.

    Lines are judged like those of :func:`read_labels`, and so is what is returned.
    """
    def split(line: str) -> tuple[str, str]:
        label, _, thread = [*line.split("\t"), "", ""][:3]
        return label, thread

    return _labels(path, split, known, report)


def _labels(
    path: Path, split: Callable[[str], tuple[str, str]], known: tuple[str, ...], report: ReadReport
) -> tuple[dict[str, tuple[str, int]], set[str]]:
    name = path.name
    labels: dict[str, tuple[str, int]] = {}
    refused: set[str] = set()
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        spelt, thread = (part.strip() for part in split(line))
        label = _SPELLINGS.get(spelt.lower(), spelt.lower())
        if not label or not _TWEET_ID.fullmatch(thread):
            report.refuse("not a label line", name, line=number, detail=repr(line[:60]))
        elif thread in refused:
            continue
        elif label not in known:
            detail = f"{spelt!r}; known: {', '.join(known)}"
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
    return labels, refused


def read_texts(path: Path | None, report: ReadReport) -> dict[str, str]:
    """Read ``tweet id<TAB>text`` lines: the text of each source post; none without a file."""
    texts: dict[str, str] = {}
    if path is None:
        return texts
    try:
        lines = read_lines(path)
    except DataError as error:
        report.repair("file of source texts that cannot be read", error.message)
        return texts
    for number, line in enumerate(lines, start=1):
        thread, tab, text = line.partition("\t")
        where = f"{path.name}:{number}"
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
