"""Cascades from BiGCN's form of the Weibo threads: the words of every post, no texts or times.

::

    weibotree.txt         thread<TAB>index of the parent or None<TAB>index<TAB>1:1 3:1 164:1
    weibo_id_label.txt    3495745049431351 1

A row is one of ``rvnn``; copies with other columns are told apart as there. The
file is of some hundred megabytes: it is gone through once to see where each thread's rows are, and
these are read thread by thread.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import POSTS_DROPPED, THREADS_MET, ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.beside import entries
from dgljoint_data.readers.common.digest import digest_files
from dgljoint_data.readers.twitter.release import read_lines
from dgljoint_data.readers.twitter.rvnn import (
    COLUMNS,
    FEATURE,
    NOT_A_ROW,
    FormSample,
    RowFile,
    build_tree,
    take_rows,
    thread_of,
    word_counts,
)
from dgljoint_data.workers import Spread

TREES = "weibotree.txt"
LABELS = "weibo_id_label.txt"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LABEL_LINE = re.compile(r"\s*([0-9]{1,19})[\s,:]+(\S+)\s*")
_CLASSES = {"1": "rumor", "0": "non-rumor"}
_NO_TIMES = (
    "this form carries no times: every delay is 0, no post is later than another, and so the "
    "cascade task has no targets; the threads of 2016 (Weibo.txt and Weibo/) have times and texts"
)


@dataclass(frozen=True, slots=True)
class BigcnRelease:
    """Where the release is.

    Attributes:
        trees: the file of rows.
        labels: the file of labels.
    """

    trees: Path
    labels: Path


@dataclass(frozen=True, slots=True)
class _Thread:
    """A labelled thread: where its rows are, as first line, start and end of each stretch."""

    id: str
    label: str
    line: int
    stretches: Sequence[int]


def bigcn_release(folder: Path) -> BigcnRelease | None:
    """Return the release that a folder holds."""
    found = {path.name.lower(): path for path in entries(folder) if path.is_file()}
    return BigcnRelease(found[TREES], found[LABELS]) if {TREES, LABELS} <= found.keys() else None


class BigcnReader:
    """Reads one release; see :class:`dgljoint_data.readers.weibo.WeiboReader`."""

    def __init__(self, release: BigcnRelease) -> None:
        self._release = release
        self.folder = release.labels.parent

    def fingerprint(self) -> str:
        """Return a digest of both files."""
        return digest_files([self._release.trees, self._release.labels], self.folder)

    def read_in_parts(self, report: ReadReport, spread: Spread) -> Iterator[Cascade]:
        """Yield the threads in the order of the labels, their rows read by ``spread``."""
        labels, refused = _read_labels(self._release.labels, report)
        report.count(THREADS_MET, len(labels) + len(report.quarantine))
        file, places = _index(self._release.trees, report)
        threads = [
            _Thread(thread, label, line, places.pop(thread, array("q")))
            for thread, (label, line) in labels.items()
        ]
        name = self._release.labels.name
        for cascade, found in spread(partial(_read_thread, self._release.trees, file, name),
                                     threads):
            report.absorb(found)
            if cascade is not None:
                yield cascade
        _leave_out(self._release.trees, file, places, refused, name, report)
        if not report.counts.get("posts_with_delay"):
            report.note(_NO_TIMES)


def _read_labels(
    path: Path, report: ReadReport
) -> tuple[dict[str, tuple[str, int]], set[str]]:
    """Read ``thread label`` lines: label and line of each thread, and the threads refused."""
    labels: dict[str, tuple[str, int]] = {}
    refused: set[str] = set()
    for number, line in enumerate(read_lines(path), start=1):
        match = _LABEL_LINE.fullmatch(line)
        if not line.strip() or (match and match[1] in refused):
            continue
        if match is None:
            report.refuse("not a label line", path.name, line=number, detail=repr(line[:60]))
            continue
        thread, label = match[1], _CLASSES.get(match[2])
        before = labels.get(thread)
        if label is None:
            detail = f"{match[2]!r}; known: 0, 1"
            report.refuse("unknown label", path.name, line=number, detail=detail)
        elif before is not None and before[0] != label:
            report.refuse("several labels for one thread", path.name, line=number, detail=thread)
        elif before is not None:
            report.repair("duplicate label line", f"{path.name}:{number}")
            continue
        else:
            labels[thread] = (label, number)
            continue
        refused.add(thread)
        labels.pop(thread, None)
    return labels, refused


def _index(path: Path, report: ReadReport) -> tuple[RowFile, dict[str, array[int]]]:
    """Go through the file of rows once: its forms, and where the rows of each thread are.

    Raises:
        DataError: the file cannot be read.
    """
    places: dict[str, array[int]] = {}
    sample = FormSample()
    number = offset = 0
    before = None
    line = b""
    try:
        with path.open("rb") as file:
            if file.peek(3).startswith(_BYTE_ORDER_MARK):
                offset = len(file.read(len(_BYTE_ORDER_MARK)))
            for number, line in enumerate(file, start=1):
                sample.add(line)
                thread = thread_of(line)
                end = offset + len(line)
                if thread is None:
                    if line.strip():
                        report.count("rvnn_rows")
                        report.repair(NOT_A_ROW, f"{path.name}:{number}")
                else:
                    at = places.setdefault(thread.decode(), array("q"))
                    if thread == before:
                        at[-1] = end
                    else:
                        at.extend((number, offset, end))
                before, offset = thread, end
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    cut = number if line.strip() and not line.endswith(b"\n") else 0
    return RowFile(path.name, sample.forms(), cut), places


def _lines(path: Path, stretches: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for first, start, end in zip(*[iter(stretches)] * 3, strict=True):
                file.seek(start)
                yield from enumerate(file.read(end - start).split(b"\n"), start=first)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _read_thread(
    path: Path, file: RowFile, labels: str, thread: _Thread
) -> tuple[Cascade | None, ReadReport]:
    """Return the cascade of a thread, if it has one, and what was odd."""
    report = ReadReport()
    rows = take_rows(_lines(path, thread.stretches), file, report).get(thread.id)
    if rows is None:
        report.refuse("label without a tree", labels, line=thread.line, detail=thread.id)
        return None, report
    report.count("distinct_posts", len(rows))
    tree = build_tree(rows, file.name, report)
    if tree is None:
        first = min(row.line for row in rows.values())
        report.refuse("tree without a source", file.name, line=first, detail=thread.id)
        report.count(f"{POSTS_DROPPED}of_refused_trees", len(rows))
        return None, report
    for reason, number in tree.lost.items():
        report.count(POSTS_DROPPED + reason.replace(" ", "_"), number)
    report.count("posts_with_delay", int((tree.delay_seconds > 0).sum()))
    posts = len(tree.index)
    words = word_counts([rows[index] for index in tree.index], file.name, report)
    kind = np.full(posts, Kind.REPLY, np.uint8)
    kind[0] = Kind.SOURCE
    return Cascade(
        id=thread.id,
        event="",
        label=thread.label,
        posted_at=0,
        post_id=[f"{thread.id}-{index}" for index in tree.index],
        parent=tree.parent,
        user=np.zeros(posts, np.int64),
        delay_seconds=tree.delay_seconds,
        kind=kind,
        text=[""] * posts,
        features={FEATURE: words},
    ), report


def _leave_out(
    path: Path, file: RowFile, places: Mapping[str, array[int]], refused: Set[str], labels: str,
    report: ReadReport,
) -> None:
    """Count the trees that have no label; one refusal each would drown the others.

    Those whose label was refused are in the report already, all but their posts.
    """
    unlabelled = [thread for thread in places if thread not in refused]
    for threads, why in (
        (unlabelled, "of_trees_without_a_label"), (refused & places.keys(), "of_refused_trees")
    ):
        posts = sum(
            len(take_rows(_lines(path, places[thread]), file, report).get(thread, {}))
            for thread in threads
        )
        if posts:
            report.count("distinct_posts", posts)
            report.count(POSTS_DROPPED + why, posts)
    if unlabelled:
        report.count("trees_without_a_label", len(unlabelled))
        report.note(
            f"{len(unlabelled):,} trees of {file.name} have no label in {labels} and were left "
            f"out, {unlabelled[0]} for one"
        )


__all__ = ["COLUMNS", "FEATURE", "BigcnReader", "BigcnRelease", "bigcn_release"]
