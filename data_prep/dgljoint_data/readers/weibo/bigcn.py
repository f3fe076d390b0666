"""Cascades from BiGCN's form of the Weibo threads: the words of every post, no texts or times.

``weibotree.txt`` has rows as ``twitter.rvnn`` reads them, some hundred megabytes: it is read once
to find where each thread's rows are, and these are then read thread by thread.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.raw import BYTE_ORDER_MARK, digest_files, entries, read_labels
from dgljoint_data.readers.twitter import rvnn
from dgljoint_data.readers.twitter.readers import WITHOUT_TREE
from dgljoint_data.readers.twitter.rvnn_form import ROW_START, FormSample
from dgljoint_data.workers import Spread, read_each

TREES = "weibotree.txt"
LABELS = "weibo_id_label.txt"

_LABEL_LINE = re.compile(r"\s*([0-9]{1,19})[\s,:]+(\S+)\s*")
_CLASSES = {"0": "non-rumor", "1": "rumor"}
_NO_TIMES = (
    "this form carries no times: every delay is 0, no post is later than another, and so the "
    "cascade task has no targets; the threads of 2016 (Weibo.txt and Weibo/) have times and texts"
)


class _Thread(NamedTuple):
    """A labelled thread: where its rows are, as first line, start and end of each stretch."""

    id: str
    label: str
    line: int
    stretches: Sequence[int]


class BigcnReader:
    """Reads a file of rows and one of labels."""

    def __init__(self, trees: Path, labels: Path) -> None:
        self.folder = labels.parent
        self._trees = trees
        self._labels = labels

    @staticmethod
    def find(folder: Path) -> BigcnReader | None:
        """Return the reader of a release in a folder."""
        found = {path.name.lower(): path for path in entries(folder) if path.is_file()}
        return BigcnReader(found[TREES], found[LABELS]) if {TREES, LABELS} <= found.keys() else None

    def fingerprint(self) -> str:
        """Return a digest of both files."""
        return digest_files([self._trees, self._labels], self.folder)

    def read_in_parts(self, report: ReadReport, spread: Spread) -> Iterator[Cascade]:
        """Yield the threads in the order of the labels, their rows read by ``spread``."""
        labels, refused = read_labels(self._labels, _split, _CLASSES, report)
        file, places = _index(self._trees, report)
        threads = [
            _Thread(thread, label, line, places.pop(thread, array("q")))
            for thread, (label, line) in labels.items()
        ]
        yield from read_each(spread, partial(self._read_thread, file), threads, report)
        posts = {
            thread: len(rvnn.take_rows(_lines(self._trees, at), file, report).get(thread, {}))
            for thread, at in places.items()
        }
        report.count("distinct_posts", sum(posts.values()))
        rvnn.leave_out(posts, refused, file.name, self._labels.name, report)
        if not report.counts.get("posts_with_delay"):
            report.note(_NO_TIMES)

    def _read_thread(
        self, file: rvnn.RowFile, thread: _Thread, report: ReadReport
    ) -> Cascade | None:
        lines = _lines(self._trees, thread.stretches)
        rows = rvnn.take_rows(lines, file, report).get(thread.id)
        if rows is None:
            report.refuse(WITHOUT_TREE, self._labels.name, line=thread.line, detail=thread.id)
            return None
        report.count("distinct_posts", len(rows))
        cascade = rvnn.make_cascade(thread.id, thread.label, rows, file.name, report)
        if cascade is not None:
            report.count("posts_with_delay", int((cascade.delay_seconds > 0).sum()))
        return cascade


def _split(line: str) -> tuple[str, str]:
    match = _LABEL_LINE.fullmatch(line)
    return (match[2], match[1]) if match else ("", "")


def _index(path: Path, report: ReadReport) -> tuple[rvnn.RowFile, dict[str, array[int]]]:
    """Go through the file of rows once: its forms, and where the rows of each thread are."""
    places: dict[str, array[int]] = {}
    sample = FormSample()
    number = offset = 0
    before = None
    line = b""
    try:
        with path.open("rb") as file:
            if file.peek(3).startswith(BYTE_ORDER_MARK):
                offset = len(file.read(len(BYTE_ORDER_MARK)))
            for number, line in enumerate(file, start=1):
                sample.add(line)
                match = ROW_START.match(line)
                end = offset + len(line)
                if match is None:
                    if line.strip():
                        report.count("rvnn_rows")
                        report.repair(rvnn.NOT_A_ROW, f"{path.name}:{number}")
                else:
                    at = places.setdefault(match[1].decode(), array("q"))
                    if match[1] == before:
                        at[-1] = end
                    else:
                        at.extend((number, offset, end))
                before, offset = match and match[1], end
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    cut = number if line.strip() and not line.endswith(b"\n") else 0
    return rvnn.RowFile(path.name, sample.forms(), cut), places


def _lines(path: Path, stretches: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for first, start, end in zip(*[iter(stretches)] * 3, strict=True):
                file.seek(start)
                yield from enumerate(file.read(end - start).split(b"\n"), start=first)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
