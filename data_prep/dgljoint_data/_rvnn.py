"""The word counts of the RvNN release of Twitter15/16: one file, a row a post.

A row is tab-separated::

    tweet id   parent index or None   index   parent count   longest text   word:count word:count

Indices count from 1 within a tree; the row whose parent is ``None`` is the source post, often not
of index 1. Rows of a tree stand in any order, and so do the words of a row. The parent count is
that of the tree, ``None`` included, and repeats on every row. Words are columns of a vocabulary of
5,000 that was never published; some copies have higher ones. There are no times, users or texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dgljoint.cascade import SparseBlock
from dgljoint.errors import DataError
from dgljoint.reading import ReadReport
from dgljoint_data._arrange import arrange

DATA = "data.TD_RvNN.vol_5000.txt"
RESOURCE = "resource"
FEATURE = "published_words"
COLUMNS = 5_000

NOT_A_ROW = "not a row of a tree"
REPEATED = "several rows for one post (the first is kept)"
WITHOUT_WORDS = "row cut before its words (kept without)"
CUT = "last line without a line end (its words may be cut)"
ANOTHER_COUNT = "tree of another number of parents than its rows say (it may be cut)"
NOT_A_WORD = "not a word count"
REPEATED_WORD = "word counted twice in a row (added up)"

_BOM = b"\xef\xbb\xbf"
_ROOT = -1
_ROW = re.compile(rb"(\d{1,19})\t(None|\d{1,9})\t(\d{1,9})\t(\d{1,9})\t(\d{1,9})(?:\t(.*))?", re.S)
_WORD = re.compile(rb"\d{1,5}:[1-9]\d{0,5}")
# Possessive: a field of nothing but spaces must not be tried in every division of them.
_WORDS = re.compile(rb"\s*+(?:%b\s++)*+(?:%b)?+" % (_WORD.pattern, _WORD.pattern))
_BASE = 100_000  # beyond any word that _WORD lets through


class Row(NamedTuple):
    """One row as it stands; ``parent`` is -1 for ``None``."""

    line: int
    parent: int
    parents: int
    words: bytes


Rows = dict[int, Row]


@dataclass(frozen=True, slots=True, eq=False)
class RvnnTree:
    """What hangs below the source post of one tree: N posts, parents first.

    Attributes:
        index: of each post, as published; the source's first.
        parent: (N,) int32 position of the parent, -1 for the source.
        lost: number of posts that hang elsewhere, by reason.
        whole: whether no row is known to be missing or wrong.
    """

    index: list[int]
    parent: NDArray[np.int32]
    lost: dict[str, int]
    whole: bool


def find_data(source: Path | None) -> Path | None:
    """Return the folder that holds the release: ``source`` or its ``resource``; else ``None``."""
    for folder in (source, source / RESOURCE) if source is not None else ():
        with suppress(OSError):  # what cannot be looked into is reported by who reads it
            if (folder / DATA).is_file():
                return folder
    return None


def read_rows(folder: Path, report: ReadReport) -> dict[str, Rows]:
    """Read the rows of every tree, by thread and index; both sorted by where they first stand.

    Raises:
        DataError: the file cannot be read.
    """
    path = folder / DATA
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    trees: dict[str, Rows] = {}
    lines = data.removeprefix(_BOM).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _ROW.fullmatch(line.rstrip(b"\r"))
        where = f"{DATA}:{number}"
        report.count("rvnn_rows")
        if match is None:
            report.repair(NOT_A_ROW, where)
            continue
        thread, parent, index, parents, _, words = match.groups()
        rows = trees.setdefault(thread.decode(), {})
        if int(index) in rows:
            report.repair(REPEATED, where)
            continue
        above = _ROOT if parent == b"None" else int(parent)
        rows[int(index)] = Row(number, above, int(parents), words or b"")
        if words is None:
            report.repair(WITHOUT_WORDS, where)
        elif number == len(lines):
            report.repair(CUT, where)
    return trees


def build_tree(rows: Rows, report: ReadReport) -> RvnnTree | None:
    """Hang the posts of one tree below its source; ``None`` when no row is one.

    Of several sources the first listed is kept. A post without a way up to it is lost: whom it
    answers is not known. The posts come in the order of their depth and index, whatever the order
    of the rows.
    """
    roots = [index for index, row in rows.items() if row.parent == _ROOT]
    if not roots:
        return None
    index = sorted(rows)
    place = {number: position for position, number in enumerate(index)}
    parent = [place.get(rows[number].parent, _ROOT) for number in index]
    arranged = arrange(parent, [0.0] * len(index), place[roots[0]])
    lost = _losses(rows, {index[position] for position in arranged.post})
    for reason, numbers in lost.items():
        report.repair(f"post {reason}", f"{DATA}:{rows[numbers[0]].line}", len(numbers))
    first = rows[roots[0]]
    agrees = first.parents == len({row.parent for row in rows.values()})
    if not agrees:
        report.repair(ANOTHER_COUNT, f"{DATA}:{first.line}")
    return RvnnTree(
        index=[index[position] for position in arranged.post],
        parent=arranged.parent,
        lost={reason: len(numbers) for reason, numbers in lost.items()},
        whole=agrees and not lost,
    )


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


def word_counts(rows: Sequence[Row], report: ReadReport) -> SparseBlock:
    """Parse the words of N rows into N sparse rows, each sorted by word."""
    row_of, words, counts = [], [], []
    for number, row in enumerate(rows):
        field = row.words
        if not _WORDS.fullmatch(field):
            pairs = field.split()
            good = [pair for pair in pairs if _WORD.fullmatch(pair)]
            report.repair(NOT_A_WORD, f"{DATA}:{row.line}", len(pairs) - len(good))
            field = b" ".join(good)
        numbers = list(map(int, field.replace(b":", b" ").split()))
        words += numbers[0::2]
        counts += numbers[1::2]
        row_of += [number] * (len(numbers) // 2)
    key = np.array(row_of, np.int64) * _BASE + np.array(words, np.int64)
    cells, place = np.unique(key, return_inverse=True)
    if len(cells) < len(key):
        report.repair(REPEATED_WORD, f"{DATA}:{rows[0].line}", len(key) - len(cells))
    values = np.bincount(place.reshape(-1), np.array(counts, np.float64), len(cells))
    lengths = np.bincount(cells // _BASE, minlength=len(rows))
    return SparseBlock(
        indptr=np.concatenate(([0], lengths.cumsum())).astype(np.int64),
        indices=(cells % _BASE).astype(np.int32),
        values=values.astype(np.float32),
    )
