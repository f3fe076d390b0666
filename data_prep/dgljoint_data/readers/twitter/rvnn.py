"""The word counts of the RvNN release of Twitter15/16: one file, one row per post.

A row is tab-separated::

    tweet id   parent index or None   index   parent count   longest text   word:count word:count

Indices count from 1 within a tree; the row whose parent is ``None`` is the source post, often not
of index 1. Rows of a tree come in any order, and so do the words of a row. The parent count is
that of the tree, ``None`` included, and repeats on every row. Words are columns of a vocabulary of
5,000 that was never published; some copies have higher ones. There are no times, users or texts.
Copies with other columns, some of them with a delay, are told by ``rvnn_form``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import SparseBlock
from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.arrange import arrange
from dgljoint_data.readers.common.decode import as_utf8
from dgljoint_data.readers.twitter.rvnn_form import COMMON, Form, find_form, minutes

FEATURE = "published_words"
COLUMNS = 5_000

NOT_A_ROW = "not a row of a tree"
UNKNOWN_FORM = "row of a form that is not known"
WITHOUT_DELAY = "row without a delay in minutes (its parent's time is taken)"
MOVED = "post dated before its parent (given its parent's time)"
REPEATED = "several rows for one post (the first is kept)"
WITHOUT_WORDS = "row cut before its words (kept without)"
CUT = "last line without a line end (its words may be cut)"
ANOTHER_COUNT = "tree of another number of parents than its rows say (it may be cut)"
NOT_A_WORD = "not a word count"
REPEATED_WORD = "word counted twice in a row (added up)"

_BOM = b"\xef\xbb\xbf"
_ROOT = -1
_NO_DELAY = float("-inf")  # before every post, so that it gets its parent's time
_START = re.compile(rb"(\d{1,19})\t(none|\d{1,9})\t(\d{1,9})\t", re.IGNORECASE)
_COUNT = re.compile(rb"\d{1,9}")
_SAMPLE = 5_000  # rows of one number of columns that tell what these hold
_WORD = re.compile(rb"\d{1,5}:[1-9]\d{0,5}")
# Possessive: a field of nothing but spaces must not be tried in every division of them.
_WORDS = re.compile(rb"\s*+(?:%b\s++)*+(?:%b)?+" % (_WORD.pattern, _WORD.pattern))
_BASE = 100_000  # beyond any word that _WORD lets through


class Row(NamedTuple):
    """One row as it is in the file.

    Attributes:
        line: its number, from 1.
        parent: index of it; -1 for the source.
        parents: that the tree has; 0 where the form does not say.
        minutes: since the source; minus infinity where none can be read, 0 where the form has none.
        words: its ``column:count`` pairs.
    """

    line: int
    parent: int
    parents: int
    minutes: float
    words: bytes


Rows = dict[int, Row]


@dataclass(frozen=True, slots=True)
class RowFile:
    """What is known of a file of rows before they are taken apart.

    Attributes:
        name: of the file.
        forms: what the rows of each number of columns hold, or why that cannot be told.
        last: number of the last line if it has no line end, so that it may be cut; else 0.
    """

    name: str
    forms: Mapping[int, Form | str]
    last: int

    @property
    def worded(self) -> bool:
        """Whether some rows have words."""
        known = [form for form in self.forms.values() if isinstance(form, Form)]
        return any(form.words is not None for form in known)


Trees = dict[str, Rows]


@dataclass(frozen=True, slots=True, eq=False)
class RvnnTree:
    """What hangs below the source post of one tree: N posts, parents first.

    Attributes:
        index: of each post, as published; the source's first.
        parent: (N,) int32 position of the parent, -1 for the source.
        delay_seconds: (N,) float64 since the source; 0 in a file without times.
        lost: number of posts that hang elsewhere, by reason.
        whole: whether no row is known to be missing or wrong.
    """

    index: list[int]
    parent: NDArray[np.int32]
    delay_seconds: NDArray[np.float64]
    lost: dict[str, int]
    whole: bool


def read_rows(path: Path, report: ReadReport) -> tuple[RowFile, Trees]:
    """Read the rows of every tree, by thread and index, both in the order they are first met.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        data = as_utf8(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    lines = data.removeprefix(_BOM).split(b"\n")
    sample = FormSample()
    for line in lines:
        sample.add(line)
    file = RowFile(path.name, sample.forms(), len(lines) if lines[-1].strip() else 0)
    return file, take_rows(enumerate(lines, start=1), file, report)


class FormSample:
    """Rows of a file that tell its forms: those of each number of columns have one of their own.

    A row that was cut has fewer columns than the others.
    """

    def __init__(self) -> None:
        self._rows: defaultdict[int, list[Sequence[bytes]]] = defaultdict(list)

    def add(self, line: bytes) -> None:
        """Take a line into the sample, while that is small."""
        columns = line.count(b"\t") + 1
        if columns > COMMON and len(self._rows[columns]) < _SAMPLE and _START.match(line):
            self._rows[columns].append(line.rstrip(b"\r\n").split(b"\t"))

    def forms(self) -> dict[int, Form | str]:
        """Return the form of the rows of each number of columns, or why it cannot be told."""
        return {columns: find_form(rows) for columns, rows in self._rows.items() if rows}


def thread_of(line: bytes) -> bytes | None:
    """Return the thread that a line is a row of; ``None`` for what is no row."""
    match = _START.match(line)
    return match[1] if match else None


def take_rows(
    lines: Iterable[tuple[int, bytes]], file: RowFile, report: ReadReport
) -> Trees:
    """Take lines of a file apart, by thread and index.

    Args:
        lines: with their numbers, from 1.
        file: that they are of.
        report: filled.
    """
    trees: Trees = {}
    worded = file.worded
    stances = 0
    for number, line in lines:
        if not line.strip():
            continue
        where = f"{file.name}:{number}"
        report.count("rvnn_rows")
        form = file.forms.get(line.count(b"\t") + 1)
        match = _START.match(line)
        if match is not None and isinstance(form, str):
            report.repair(UNKNOWN_FORM, f"{where}: {form}")
            continue
        last = number == file.last
        row = None
        if match is not None and isinstance(form, Form):
            row = _row(line.rstrip(b"\r\n").split(b"\t"), form, number, cut=last)
        if match is None or not isinstance(form, Form) or row is None:
            report.repair(NOT_A_ROW, where)
            continue
        rows = trees.setdefault(match[1].decode(), {})
        if int(match[3]) in rows:
            report.repair(REPEATED, where)
            continue
        rows[int(match[3])] = row
        report.repair(WITHOUT_WORDS, where, int(form.words is None and (worded or last)))
        report.repair(CUT, where, int(form.words is not None and last))
        stances += form.stance is not None
    if stances:
        report.count("rows_with_stance", stances)
    return trees


def have_times(trees: Iterable[Rows]) -> bool:
    """Say whether any post of some trees is later than its source."""
    return any(row.minutes > 0 for rows in trees for row in rows.values())


def _row(fields: Sequence[bytes], form: Form, line: int, *, cut: bool) -> Row | None:
    """Take a row apart; ``None`` where a number of the tree is none.

    Args:
        fields: of it.
        form: says what they are.
        line: its number.
        cut: whether it may lack its end.
    """
    parents = b"0" if form.parents is None else fields[form.parents]
    length = b"0" if form.parents is None else fields[form.parents + 1]
    if not (_COUNT.fullmatch(parents) and _COUNT.fullmatch(length)):
        return None
    delay = 0.0 if form.delay is None else minutes(fields[form.delay])
    if cut and form.delay == len(fields) - 1:
        delay = None  # it may have lost its last digits
    return Row(
        line=line,
        parent=int(fields[1]) if fields[1].isdigit() else _ROOT,
        parents=int(parents),
        minutes=_NO_DELAY if delay is None else delay,
        words=b"" if form.words is None else fields[form.words],
    )


def build_tree(rows: Rows, name: str, report: ReadReport) -> RvnnTree | None:
    """Hang the posts of one tree below its source; ``None`` when no row is one.

    Of several sources the first listed is kept. A post without a way up to it is lost: whom it
    answers is not known. The posts come in the order of their time, depth and index, whatever the
    order of the rows.

    Args:
        rows: of the tree.
        name: of their file, for the report.
        report: filled.
    """
    roots = [index for index, row in rows.items() if row.parent == _ROOT]
    if not roots:
        return None
    index = sorted(rows)
    place = {number: position for position, number in enumerate(index)}
    parent = [place.get(rows[number].parent, _ROOT) for number in index]
    first = rows[roots[0]]
    start = max(first.minutes, 0.0)
    # Only what is later than the source is a delay; what has none gets its parent's time.
    seconds = [60.0 * (rows[number].minutes - start) for number in index]
    seconds[place[roots[0]]] = 0.0
    arranged = arrange(parent, seconds, place[roots[0]])
    _report_times(rows, [index[position] for position in arranged.moved], name, report)
    lost = _losses(rows, {index[position] for position in arranged.post})
    for reason, numbers in lost.items():
        report.repair(f"post {reason}", f"{name}:{rows[numbers[0]].line}", len(numbers))
    agrees = first.parents in (0, len({row.parent for row in rows.values()}))
    if not agrees:
        report.repair(ANOTHER_COUNT, f"{name}:{first.line}")
    return RvnnTree(
        index=[index[position] for position in arranged.post],
        parent=arranged.parent,
        delay_seconds=arranged.seconds,
        lost={reason: len(numbers) for reason, numbers in lost.items()},
        whole=agrees and not lost,
    )


def _report_times(rows: Rows, moved: Sequence[int], name: str, report: ReadReport) -> None:
    without = [number for number in moved if rows[number].minutes == _NO_DELAY]
    for reason, numbers in (
        (WITHOUT_DELAY, without), (MOVED, [one for one in moved if one not in set(without)])
    ):
        if numbers:
            report.repair(reason, f"{name}:{rows[numbers[0]].line}", len(numbers))


def _losses(rows: Rows, reached: set[int]) -> dict[str, list[int]]:
    """Say why each post that is not reached is not: one reason each."""
    left = {index: row.parent for index, row in rows.items() if index not in reached}
    circling = _on_cycles(left)
    lost: dict[str, list[int]] = {}
    for index, above in left.items():
        if above == _ROOT:
            reason = "that is another source"
        elif above not in rows:
            reason = "whose parent is not there"
        elif index in circling:
            reason = "in a cycle"
        else:
            reason = "below a dropped post"
        lost.setdefault(reason, []).append(index)
    return lost


def _on_cycles(parent: Mapping[int, int]) -> set[int]:
    """Return the nodes that are their own ancestors, by peeling off those without children."""
    children = Counter(parent.values())
    bare = [node for node in parent if not children[node]]
    for node in bare:  # grows on the way
        above = parent[node]
        children[above] -= 1
        if above in parent and not children[above]:
            bare.append(above)
    # Whoever keeps a child to the end has descendants without end: it is its own.
    return set(parent).difference(bare)


def word_counts(rows: Sequence[Row], name: str, report: ReadReport) -> SparseBlock:
    """Parse the words of N rows of the file ``name`` into N sparse rows, each sorted by word."""
    row_of, words, counts = [], [], []
    for number, row in enumerate(rows):
        field = row.words
        if not _WORDS.fullmatch(field):
            pairs = field.split()
            good = [pair for pair in pairs if _WORD.fullmatch(pair)]
            report.repair(NOT_A_WORD, f"{name}:{row.line}", len(pairs) - len(good))
            field = b" ".join(good)
        numbers = list(map(int, field.replace(b":", b" ").split()))
        words += numbers[0::2]
        counts += numbers[1::2]
        row_of += [number] * (len(numbers) // 2)
    key = np.array(row_of, np.int64) * _BASE + np.array(words, np.int64)
    cells, place = np.unique(key, return_inverse=True)
    if len(cells) < len(key):
        report.repair(REPEATED_WORD, f"{name}:{rows[0].line}", len(key) - len(cells))
    values = np.bincount(place.reshape(-1), np.array(counts, np.float64), len(cells))
    lengths = np.bincount(cells // _BASE, minlength=len(rows))
    return SparseBlock(
        indptr=np.concatenate(([0], lengths.cumsum())).astype(np.int64),
        indices=(cells % _BASE).astype(np.int32),
        values=values.astype(np.float32),
    )
