"""Cascades from the RvNN release of Twitter15/16 alone: the words of every post."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from dgljoint.data.cascade import Cascade, Kind, SparseBlock
from dgljoint.data.reading import POSTS_DROPPED, THREADS_MET, ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.beside import count_unread
from dgljoint_data.readers.common.digest import digest_files
from dgljoint_data.readers.twitter.release import (
    LABEL_NAMES,
    posted_at,
    read_events,
    read_rvnn_labels,
)
from dgljoint_data.readers.twitter.rvnn import (
    COLUMNS,
    FEATURE,
    Rows,
    RvnnTree,
    build_tree,
    have_times,
    read_rows,
    word_counts,
)
from dgljoint_data.readers.twitter.rvnn_files import (
    DATA,
    EDITIONS,
    RESOURCE,
    Named,
    editions_named,
    event_file,
    find_data,
    find_labels,
    label_files,
    other_data,
)

NO_TIMES = (
    "this form carries no times: every delay is 0, no post is later than another, and so the "
    "cascade task has no targets; --text-from joins its words with the times of the tree release"
)
STANCE = (
    "rows have a column after the words, in such copies a stance given by a model; it is not stored"
)
WITHOUT_TREE = "label without a tree"
_UNPACK = f"unpack the whole release: {DATA} and the label file are in one folder or in {RESOURCE}/"


class TwitterRvnnReader:
    """Reads one edition of the release.

    Threads come in the order of the label file, the posts of one in the order of their time, depth
    and index. Every row is accounted for in ``counts`` of the report::

        rvnn_rows      = distinct_posts + the repairs that drop a row
        distinct_posts = posts stored + the posts_dropped_* counts

    A tree without a label is counted and no more: the published file holds both editions.

    Args:
        edition: ``"15"`` or ``"16"``: which label file is read.
        named: the files that are meant, where they cannot be told from others.
    """

    label_names: tuple[str, ...] = LABEL_NAMES
    feature_columns: Mapping[str, int] = {FEATURE: COLUMNS}

    def __init__(self, edition: str, named: Named | None = None) -> None:
        self._edition = edition
        self._named = named or Named()

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the word counts and the label file.

        Raises:
            DataError: the release is not complete or cannot be read.
        """
        data, labels = self._find(source)
        return digest_files([data, labels], data.parent)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the threads of ``source`` that have a label.

        Raises:
            DataError: the release is incomplete, of the other edition, or has no readable thread.
        """
        data, label_file = self._find(source)
        name = label_file.name
        labels, refused = read_rvnn_labels(label_file, self.label_names, report)
        events = read_events(label_file, report)
        report.count(THREADS_MET, len(labels) + len(report.quarantine))
        file, trees = read_rows(data, report)
        if not have_times(trees.values()):
            report.note(NO_TIMES)
        if "rows_with_stance" in report.counts:
            report.note(STANCE)
        report.count("distinct_posts", sum(map(len, trees.values())))
        met = len(trees)
        sizes = []
        for thread, (label, line) in labels.items():
            rows = trees.pop(thread, None)
            if rows is None:
                report.refuse(WITHOUT_TREE, name, line=line, detail=thread)
                continue
            tree = build_tree(rows, file.name, report)
            if tree is None:
                first = min(row.line for row in rows.values())
                report.refuse("tree without a source", file.name, line=first, detail=thread)
                report.count(f"{POSTS_DROPPED}of_refused_trees", len(rows))
                continue
            _count(tree, rows, report)
            words = word_counts([rows[index] for index in tree.index], file.name, report)
            yield self._cascade(thread, events.get(thread, ""), label, tree, words, report)
            sizes.append(len(rows))
        if not sizes:
            why = _why_none(met > 0, file.name, name, report)
            raise DataError(f"{data.parent} holds no readable thread: {why}")
        # Refused for their labels: the report has each of these threads already.
        known = [trees.pop(thread) for thread in refused & trees.keys()]
        if known:
            report.count(f"{POSTS_DROPPED}of_refused_trees", sum(map(len, known)))
        _leave_out(trees, file.name, name, report)
        _name_others(source or data.parent, data, label_file, report)
        report.counts |= {
            "distinct_posts_per_thread_min": min(sizes),
            "distinct_posts_per_thread_median": statistics.median_low(sizes),
            "distinct_posts_per_thread_mean": round(statistics.fmean(sizes)),
            "distinct_posts_per_thread_max": max(sizes),
        }

    def _find(self, source: Path | None) -> tuple[Path, Path]:
        """Return the file of rows and the label file."""
        data = find_data(source, self._named.data, self._edition)
        if data is None:
            raise DataError(f"{source} holds no file of RvNN rows", hint=_UNPACK)
        folder = data.parent
        if labels := find_labels(folder, self._edition, self._named.labels):
            return data, labels
        for edition in editions_named(folder):
            raise DataError(
                f"{folder} is Twitter{edition}, expected Twitter{self._edition}: its label file "
                "is of that edition",
                hint=f"use the reader twitter{edition}",
            )
        raise DataError(
            f"{folder} lacks {event_file(self._edition)}, or any other file of label, event and "
            "thread separated by tabs",
            hint=_UNPACK,
        )

    def _cascade(
        self, thread: str, event: str, label: str, tree: RvnnTree, words: SparseBlock,
        report: ReadReport,
    ) -> Cascade:
        posts = len(tree.index)
        report.count("word_counts", len(words.indices))
        report.count("word_counts_beyond_the_vocabulary", int((words.indices >= COLUMNS).sum()))
        report.count("posts_without_words", int((np.diff(words.indptr) == 0).sum()))
        kind = np.full(posts, Kind.REPLY, np.uint8)
        kind[0] = Kind.SOURCE
        return Cascade(
            id=thread,
            event=event,
            label=label,
            posted_at=posted_at(int(thread)),
            post_id=[f"{thread}-{index}" for index in tree.index],
            parent=tree.parent,
            user=np.zeros(posts, np.int64),
            delay_seconds=tree.delay_seconds,
            kind=kind,
            text=[""] * posts,
            features={FEATURE: words},
        )


def _count(tree: RvnnTree, rows: Rows, report: ReadReport) -> None:
    report.count("threads")
    report.count("threads_of_one_post", int(len(rows) == 1))
    report.count("threads_source_is_not_index_1", int(tree.index[0] != 1))
    report.count("posts_of_depth_1", int((tree.parent == 0).sum()))
    for reason, number in tree.lost.items():
        report.count(POSTS_DROPPED + reason.replace(" ", "_"), number)


def _name_others(source: Path, data: Path, labels: Path, report: ReadReport) -> None:
    """Count and name the files of this form that are not read."""
    count_unread(other_data(source, data), source, "other files of RvNN rows", report)
    published = {event_file(edition) for edition in EDITIONS}
    others = [
        path for path in label_files(data.parent)
        if path != labels and path.name not in published
    ]
    count_unread(others, source, "other label files", report)


def _why_none(any_tree: bool, data: str, labels: str, report: ReadReport) -> str:
    """Name the first thing that was wrong, if not a thread was read."""
    problems = {} if any_tree else dict(report.repairs)
    problems |= report.refusals
    problems.pop(WITHOUT_TREE, None)
    for reason, tally in problems.items():
        return f"{reason} ({tally.examples[0]})"
    return f"no tree of {data} is in {labels}"


def _leave_out(trees: dict[str, Rows], data: str, name: str, report: ReadReport) -> None:
    """Count the trees that are of no labelled thread; one refusal each would drown the others."""
    if not trees:
        return
    report.count("trees_without_a_label", len(trees))
    report.count(f"{POSTS_DROPPED}of_trees_without_a_label", sum(map(len, trees.values())))
    report.note(
        f"{len(trees):,} trees of {data} have no label in {name} and were left out, "
        f"{next(iter(trees))} for one"
    )
