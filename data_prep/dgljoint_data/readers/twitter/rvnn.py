"""The word counts of the RvNN release of Twitter15/16: one file, one row per post.

    tweet id   parent index or None   index   parent count   longest text   word:count word:count

Rows of a tree are in any order; that of the source, whose parent is ``None``, is often not of index
1. The parent count is that of the tree, ``None`` included. Words are columns of a vocabulary of
5,000 that was never published; some copies have higher ones. There are no times, users or texts.
``rvnn_form`` recognises copies with other columns, some of them with a delay.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Cascade, Kind, SparseBlock
from dgljoint.data.reading import POSTS_DROPPED, ReadReport
from dgljoint_data.readers.common.posts import MOVED, arrange
from dgljoint_data.readers.common.raw import BYTE_ORDER_MARK, as_utf8, read_bytes
from dgljoint_data.readers.twitter.rvnn_form import ROW_START, Form, FormSample, minutes

FEATURE = "published_words"
COLUMNS = 5_000

NOT_A_ROW = "not a row of a tree"
UNKNOWN_FORM = "row of a form that is not known"
WITHOUT_DELAY = "row without a delay in minutes (its parent's time is taken)"
REPEATED = "several rows for one post (the first is kept)"
WITHOUT_WORDS = "row cut before its words (kept without)"
CUT = "last line without a line end (its words may be cut)"
ANOTHER_COUNT = "tree of another number of parents than its rows give (it may be cut)"
NOT_A_WORD = "not a word count"
REPEATED_WORD = "word counted twice in a row (added up)"

_ROOT = -1
_NO_DELAY = float("-inf")  # before every post, so that it gets its parent's time
_COUNT = re.compile(rb"\d{1,9}")
_WORD = re.compile(rb"\d{1,5}:[1-9]\d{0,5}")
# Possessive: a field of nothing but spaces must not be tried in every division of them.
_WORDS = re.compile(rb"\s*+(?:%b\s++)*+(?:%b)?+" % (_WORD.pattern, _WORD.pattern))
_BASE = 100_000  # beyond any word that _WORD accepts


class Row(NamedTuple):
    """One row as it is in the file, by number from 1; ``parent`` is an index, -1 for the source.

    ``minutes`` are minus infinity where none can be read; ``words`` are ``column:count`` pairs.
    """

    line: int
    parent: int
    parents: int
    minutes: float
    words: bytes


Rows = dict[int, Row]
Trees = dict[str, Rows]


@dataclass(frozen=True, slots=True)
class RowFile:
    """What rows of each number of columns contain, or why not; ``last``: a line that may be cut."""

    name: str
    forms: Mapping[int, Form | str]
    last: int

    @property
    def worded(self) -> bool:
        """Whether some rows have words."""
        known = [form for form in self.forms.values() if isinstance(form, Form)]
        return any(form.words is not None for form in known)


@dataclass(frozen=True, slots=True, eq=False)
class RvnnTree:
    """The N posts that are connected to the source of one tree, parents first, by ``index``.

    ``parent`` (N,) are positions, -1 for the source; ``delay_seconds`` (N,) is 0 in a file without
    times. ``lost`` counts the other posts by reason; if ``whole``, no row is known to be missing.
    """

    index: list[int]
    parent: NDArray[np.int32]
    delay_seconds: NDArray[np.float64]
    lost: dict[str, int]
    whole: bool


def read_rows(path: Path, report: ReadReport) -> tuple[RowFile, Trees]:
    """Read the rows of every tree, by thread and index, both in the order they are first met."""
    lines = as_utf8(read_bytes(path)).removeprefix(BYTE_ORDER_MARK).split(b"\n")
    sample = FormSample()
    for line in lines:
        sample.add(line)
    file = RowFile(path.name, sample.forms(), len(lines) if lines[-1].strip() else 0)
    return file, take_rows(enumerate(lines, start=1), file, report)


def take_rows(lines: Iterable[tuple[int, bytes]], file: RowFile, report: ReadReport) -> Trees:
    """Parse numbered lines of a file, by thread and index."""
    trees: Trees = {}
    worded = file.worded
    stances = 0
    for number, line in lines:
        if not line.strip():
            continue
        where = f"{file.name}:{number}"
        report.count("rvnn_rows")
        match = ROW_START.match(line)
        form = file.forms.get(line.count(b"\t") + 1) if match else None
        if isinstance(form, str):
            report.repair(UNKNOWN_FORM, f"{where}: {form}")
            continue
        last = number == file.last
        fields = line.rstrip(b"\r\n").split(b"\t")
        row = None if form is None else _row(fields, form, number, cut=last)
        if match is None or form is None or row is None:
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


def _row(fields: Sequence[bytes], form: Form, line: int, *, cut: bool) -> Row | None:
    """Parse a row that may lack its end; ``None`` where a number of the tree is none."""
    parents = b"0" if form.parents is None else fields[form.parents]
    length = b"0" if form.parents is None else fields[form.parents + 1]
    if not (_COUNT.fullmatch(parents) and _COUNT.fullmatch(length)):
        return None
    delay = 0.0 if form.delay is None else minutes(fields[form.delay])
    if cut and form.delay == len(fields) - 1:
        delay = None  # it may have lost its last digits
    return Row(
        line=line, parent=int(fields[1]) if fields[1].isdigit() else _ROOT, parents=int(parents),
        minutes=_NO_DELAY if delay is None else delay,
        words=b"" if form.words is None else fields[form.words],
    )


def build_tree(rows: Rows, name: str, report: ReadReport) -> RvnnTree | None:
    """Connect the posts of one tree to its first source; ``None`` when no row is one.

    They are in the order of time, depth and index, whatever the order of the rows.
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
    moved = [rows[index[position]] for position in arranged.moved]
    lost = _losses(rows, {index[position] for position in arranged.post})
    agrees = first.parents in (0, len({row.parent for row in rows.values()}))
    for reason, odd in {
        WITHOUT_DELAY: [row for row in moved if row.minutes == _NO_DELAY],
        MOVED: [row for row in moved if row.minutes != _NO_DELAY],
        **{f"post {reason}": found for reason, found in lost.items()},
        ANOTHER_COUNT: [] if agrees else [first],
    }.items():
        if odd:
            report.repair(reason, f"{name}:{odd[0].line}", len(odd))
    return RvnnTree(
        index=[index[position] for position in arranged.post], parent=arranged.parent,
        delay_seconds=arranged.seconds, lost={reason: len(found) for reason, found in lost.items()},
        whole=agrees and not lost,
    )


def _losses(rows: Rows, reached: set[int]) -> dict[str, list[Row]]:
    """Return the rows of the posts that are not reached, by the one reason for each."""
    left = {index: row.parent for index, row in rows.items() if index not in reached}
    circling = _on_cycles(left)
    lost: dict[str, list[Row]] = {}
    for index, above in left.items():
        if above == _ROOT:
            reason = "that is another source"
        elif above not in rows:
            reason = "whose parent is not there"
        elif index in circling:
            reason = "in a cycle"
        else:
            reason = "below a dropped post"
        lost.setdefault(reason, []).append(rows[index])
    return lost


def _on_cycles(parent: Mapping[int, int]) -> set[int]:
    """Return the nodes that are their own ancestors, by removing those without children."""
    children = Counter(parent.values())
    bare = [node for node in parent if not children[node]]
    for node in bare:  # grows
        above = parent[node]
        children[above] -= 1
        if above in parent and not children[above]:
            bare.append(above)
    # A node that keeps a child to the end has descendants without end: it is its own.
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
        indices=(cells % _BASE).astype(np.int32), values=values.astype(np.float32),
    )


def make_cascade(
    thread: str, label: str, rows: Rows, name: str, report: ReadReport, *,
    event: str = "", posted_at: int = 0,
) -> Cascade | None:
    """Return the cascade of the rows of a thread, from the file ``name``; else refuse it."""
    tree = build_tree(rows, name, report)
    if tree is None:
        first = min(row.line for row in rows.values())
        report.refuse("tree without a source", name, line=first, detail=thread)
        report.count(f"{POSTS_DROPPED}of_refused_trees", len(rows))
        return None
    words = word_counts([rows[index] for index in tree.index], name, report)
    for count, number in {
        "threads": 1,
        "threads_of_one_post": int(len(rows) == 1),
        "threads_source_is_not_index_1": int(tree.index[0] != 1),
        "posts_of_depth_1": int((tree.parent == 0).sum()),
        "word_counts": len(words.indices),
        "word_counts_beyond_the_vocabulary": int((words.indices >= COLUMNS).sum()),
        "posts_without_words": int((np.diff(words.indptr) == 0).sum()),
        **{POSTS_DROPPED + why.replace(" ", "_"): lost for why, lost in tree.lost.items()},
    }.items():
        report.count(count, number)
    posts = len(tree.index)
    kind = np.full(posts, Kind.REPLY, np.uint8)
    kind[0] = Kind.SOURCE
    return Cascade(
        id=thread, event=event, label=label, posted_at=posted_at,
        post_id=[f"{thread}-{index}" for index in tree.index], parent=tree.parent,
        user=np.zeros(posts, np.int64), delay_seconds=tree.delay_seconds, kind=kind,
        text=[""] * posts, features={FEATURE: words},
    )


def leave_out(
    posts: Mapping[str, int], refused: Iterable[str], data: str, labels: str, report: ReadReport
) -> None:
    """Count the trees of no thread, posts by thread; those ``refused`` are reported already."""
    known = posts.keys() & set(refused)
    unlabelled = [thread for thread in posts if thread not in known]
    if known:
        report.count(f"{POSTS_DROPPED}of_refused_trees", sum(posts[thread] for thread in known))
    if unlabelled:
        lost = sum(posts[thread] for thread in unlabelled)
        report.count(f"{POSTS_DROPPED}of_trees_without_a_label", lost)
        report.count("trees_without_a_label", len(unlabelled))
        report.note(
            f"{len(unlabelled):,} trees of {data} have no label in {labels} and were left out, "
            f"{unlabelled[0]} for one"
        )
