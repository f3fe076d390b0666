"""Word counts of the RvNN release for the posts of the tree release, where they can be matched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dgljoint.data.cascade import Cascade, SparseBlock
from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.digest import digest_files
from dgljoint_data.readers.twitter.rvnn import FEATURE, build_tree, read_rows, word_counts
from dgljoint_data.readers.twitter.rvnn_files import find_data
from dgljoint_data.readers.twitter.rvnn_match import match_rows, reply_tree

WITHOUT_SOURCE = "RvNN tree without a source (its words are not used)"


def find_text_from(place: Path) -> Path:
    """Return the file under ``place`` that holds the word counts.

    Raises:
        DataError: there is none.
    """
    file = find_data(place)
    if file is None:
        what = "holds no file of RvNN rows" if place.is_dir() else "is no folder"
        raise DataError(
            f"{place} {what}: no words can be joined from it",
            hint="--text-from takes the folder of the RvNN release",
        )
    return file


def digest_text_from(place: Path) -> str:
    """Return a digest of the word counts under ``place``."""
    file = find_text_from(place)
    return digest_files([file], file.parent)


class PublishedWords:
    """Joins word counts to cascades; how rows are matched is said in :mod:`._rvnn_match`.

    What becomes of the rows is counted, once every cascade was joined, so that::

        rvnn_posts = rvnn_posts_matched + rvnn_posts_unmatched + rvnn_posts_of_no_thread
        rvnn_trees = rvnn_trees_of_a_thread + rvnn_trees_of_no_thread

    Args:
        place: of the release.
        report: filled while joining.

    Raises:
        DataError: there is no release, or it cannot be read.
    """

    def __init__(self, place: Path, report: ReadReport) -> None:
        self._place = place
        self._report = report
        file, self._trees = read_rows(find_text_from(place), report)
        self._file = file.name
        report.count("rvnn_trees", len(self._trees))
        report.count("rvnn_posts", sum(map(len, self._trees.values())))
        for name in ("rvnn_trees_of_the_same_shape", "replies", "replies_matched"):
            report.count(name, 0)  # there may be no tree with a source

    def join(self, cascade: Cascade, *, whole: bool) -> Cascade:
        """Return the cascade with its words as a feature; posts without a row have an empty one.

        Args:
            cascade: its tweets are known by ``post_id``.
            whole: whether every tweet of its tree file is in it.
        """
        rows = self._trees.pop(cascade.id, None)
        tree = build_tree(rows, self._file, self._report) if rows is not None else None
        count = self._report.count
        count("threads_without_rvnn_tree", int(rows is None))
        count("rvnn_trees_of_a_thread", int(rows is not None))
        if tree is None or rows is None:
            if rows is not None:
                count("rvnn_posts_unmatched", len(rows))
                self._report.repair(WITHOUT_SOURCE, cascade.id)
            return replace(cascade, features={FEATURE: _select(None, {}, len(cascade))})
        words = word_counts([rows[index] for index in tree.index], self._file, self._report)
        post, parent = reply_tree(cascade.parent, np.array(list(map(int, cascade.post_id))))
        matching = match_rows(parent, tree.parent.tolist(), words, whole=whole and tree.whole)
        row_of = {int(post[tweet]): row for tweet, row in matching.row_of.items()}
        count("rvnn_trees_of_the_same_shape", int(matching.same_shape))
        count("rvnn_posts_matched", len(row_of))
        count("rvnn_posts_unmatched", len(rows) - len(row_of))
        count("replies", len(post) - 1)
        count("replies_matched", len(row_of) - 1)
        return replace(cascade, features={FEATURE: _select(words, row_of, len(cascade))})

    def close(self) -> None:
        """Account for the trees of no thread, and say how much was matched.

        Raises:
            DataError: no tree was of a thread.
        """
        counts = self._report.counts
        if not counts.get("rvnn_trees_of_a_thread"):
            raise DataError(
                f"no tree of {find_text_from(self._place)} is of a thread that was read",
                hint="--text-from takes the RvNN release of the same edition",
            )
        self._report.count("rvnn_trees_of_no_thread", len(self._trees))
        self._report.count("rvnn_posts_of_no_thread", sum(map(len, self._trees.values())))
        self._report.note(
            f"published words: {counts['rvnn_trees_of_a_thread']:,} threads have them for their "
            f"source post; of {counts['replies']:,} replies in these threads "
            f"{counts['replies_matched']:,} could be matched to a row for certain, in the "
            f"{counts['rvnn_trees_of_the_same_shape']:,} whose trees have the same shape in both "
            "releases"
        )


def _select(words: SparseBlock | None, row_of: dict[int, int], posts: int) -> SparseBlock:
    """Lay out the rows of N posts; one without a row is empty."""
    lengths = np.zeros(posts, np.int64)
    if words is None:
        empty = np.empty(0, np.int32), np.empty(0, np.float32)
        return SparseBlock(np.zeros(posts + 1, np.int64), *empty)
    taken = [slice(*words.indptr[row : row + 2].tolist()) for _, row in sorted(row_of.items())]
    lengths[sorted(row_of)] = [each.stop - each.start for each in taken]
    return SparseBlock(
        indptr=np.concatenate(([0], lengths.cumsum())),
        indices=np.concatenate([words.indices[each] for each in taken]),
        values=np.concatenate([words.values[each] for each in taken]),
    )
