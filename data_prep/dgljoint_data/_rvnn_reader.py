"""Cascades from the RvNN release of Twitter15/16 alone: words of every post, no times."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from dgljoint.cascade import Cascade, Kind
from dgljoint.errors import DataError
from dgljoint.reading import POSTS_DROPPED, THREADS_MET, ReadReport
from dgljoint_data._digest import digest_files
from dgljoint_data._release import (
    LABEL_NAMES,
    editions_named,
    event_file,
    posted_at,
    read_events,
    read_rvnn_labels,
)
from dgljoint_data._rvnn import (
    COLUMNS,
    DATA,
    FEATURE,
    RESOURCE,
    Rows,
    RvnnTree,
    build_tree,
    find_data,
    read_rows,
    word_counts,
)

NO_TIMES = (
    "this form carries no times: every delay is 0, no post is later than another, and so the "
    "cascade task has no targets; --text-from joins its words with the times of the tree release"
)
_UNPACK = f"unpack the whole release: {DATA} and the label file stand in {RESOURCE}/"


class TwitterRvnnReader:
    """Reads one edition of the release.

    Threads come in the order of the label file, the posts of one in the order of their depth and
    index. Every row is accounted for in ``counts`` of the report::

        rvnn_rows      = distinct_posts + the repairs that drop a row
        distinct_posts = posts stored + the posts_dropped_* counts

    A tree without a label is counted and no more: the published file holds both editions.

    Args:
        edition: ``"15"`` or ``"16"``: which label file is read.
    """

    label_names: tuple[str, ...] = LABEL_NAMES
    feature_columns: Mapping[str, int] = {FEATURE: COLUMNS}

    def __init__(self, edition: str) -> None:
        self._edition = edition

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the word counts and the label file.

        Raises:
            DataError: the release is not complete or cannot be read.
        """
        folder = self._find(source)
        return digest_files([folder / DATA, folder / event_file(self._edition)], folder)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the threads of ``source`` that have a label.

        Raises:
            DataError: the release is incomplete, of the other edition, or has no readable thread.
        """
        folder = self._find(source)
        name = event_file(self._edition)
        labels = read_rvnn_labels(folder / name, self.label_names, report)
        events = read_events(folder / name, report)
        report.count(THREADS_MET, len(labels) + len(report.quarantine))
        trees = read_rows(folder, report)
        report.note(NO_TIMES)
        report.count("distinct_posts", sum(map(len, trees.values())))
        sizes = []
        for thread, (label, line) in labels.items():
            rows = trees.pop(thread, None)
            if rows is None:
                report.refuse("label without a tree", name, line=line, detail=thread)
                continue
            tree = build_tree(rows, report)
            if tree is None:
                first = min(row.line for row in rows.values())
                report.refuse("tree without a source", DATA, line=first, detail=thread)
                report.count(f"{POSTS_DROPPED}of_refused_trees", len(rows))
                continue
            _count(tree, rows, report)
            yield self._cascade(thread, events.get(thread, ""), label, tree, rows, report)
            sizes.append(len(rows))
        if not sizes:
            raise DataError(f"{folder} holds no readable thread: no tree of {DATA} is in {name}")
        _leave_out(trees, name, report)
        report.counts |= {
            "distinct_posts_per_thread_min": min(sizes),
            "distinct_posts_per_thread_median": statistics.median_low(sizes),
            "distinct_posts_per_thread_mean": round(statistics.fmean(sizes)),
            "distinct_posts_per_thread_max": max(sizes),
        }

    def _find(self, source: Path | None) -> Path:
        folder = find_data(source)
        if folder is None:
            raise DataError(f"{source} lacks {DATA}", hint=_UNPACK)
        name = event_file(self._edition)
        if not (folder / name).is_file():
            for edition in editions_named(folder):
                raise DataError(
                    f"{folder} is Twitter{edition}, expected Twitter{self._edition}: "
                    f"it holds {event_file(edition)}",
                    hint=f"use the reader twitter{edition}",
                )
            raise DataError(f"{folder} lacks {name}", hint=_UNPACK)
        return folder

    def _cascade(
        self, thread: str, event: str, label: str, tree: RvnnTree, rows: Rows, report: ReadReport
    ) -> Cascade:
        words = word_counts([rows[index] for index in tree.index], report)
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
            delay_seconds=np.zeros(posts),
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


def _leave_out(trees: dict[str, Rows], name: str, report: ReadReport) -> None:
    """Count the trees that are of no labelled thread; one refusal each would drown the others."""
    if not trees:
        return
    report.count("trees_without_a_label", len(trees))
    report.count(f"{POSTS_DROPPED}of_trees_without_a_label", sum(map(len, trees.values())))
    report.note(
        f"{len(trees):,} trees of {DATA} have no label in {name} and were left out, "
        f"{next(iter(trees))} for one"
    )
