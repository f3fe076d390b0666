"""Word counts of the RvNN release for the posts of the tree release, where they can be matched.

All that both releases have of a reply is its place in the tree without retweets. Where both trees
have the same shape, posts that share a place get their rows only if the words of these are equal.
Shapes are numbered from the leaves up (Aho, Hopcroft & Ullman), places from the source down.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Cascade, SparseBlock
from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.raw import digest_files
from dgljoint_data.readers.twitter.releases import find_data
from dgljoint_data.readers.twitter.rvnn import FEATURE, build_tree, read_rows, word_counts

WITHOUT_SOURCE = "RvNN tree without a source (its words are not used)"


def match_rows(
    post_parent: Sequence[int], row_parent: Sequence[int], words: SparseBlock, *, whole: bool
) -> tuple[dict[int, int], bool]:
    """Return the row of each matched post with a text, and whether the trees have the same shape.

    Parents precede and are numbers; unless both trees are ``whole``, only the source is matched.
    """
    row_of = {0: 0}
    if not whole or len(post_parent) != len(row_parent):
        return row_of, False
    numbers: dict[Hashable, int] = {}
    post_place, row_place = (_places(tree, numbers) for tree in (post_parent, row_parent))
    if sorted(post_place) != sorted(row_place):
        return row_of, False
    posts, rows = (_by_place(places) for places in (post_place, row_place))
    for place, at in rows.items():
        if len({_words_of(words, row) for row in at}) == 1:
            row_of |= zip(posts[place], at, strict=True)
    return row_of, True


def reply_tree(
    parent: NDArray[np.int32], tweet: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[int]]:
    """Remove retweets: return the first post of each tweet, (T,), and parents among these.

    A reply to a retweet answers the tweet. The N posts are in time order, -1 is the source's
    parent.
    """
    _, first, number = np.unique(tweet, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    post = first[order]
    above = rank[number.reshape(-1)[parent[post]]]
    above[0] = -1
    return post, above.tolist()


def _places(parent: Sequence[int], numbers: dict[Hashable, int]) -> list[int]:
    """Number the places of a tree by ``numbers``, which grows; exchangeable places share one."""
    def number(what: Hashable) -> int:
        return numbers.setdefault(what, len(numbers))

    below: list[list[int]] = [[] for _ in parent]
    shape = [0] * len(parent)
    for node in range(len(parent) - 1, -1, -1):
        shape[node] = number(("shape", *sorted(below[node])))
        if node:
            below[parent[node]].append(shape[node])
    place = [number(("place", -1, shape[0]))]
    for node in range(1, len(parent)):
        place.append(number(("place", place[parent[node]], shape[node])))
    return place


def _by_place(places: Sequence[int]) -> dict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for node, place in enumerate(places):
        found[place].append(node)
    return found


def _words_of(words: SparseBlock, row: int) -> tuple[bytes, bytes]:
    start, end = words.indptr[row], words.indptr[row + 1]
    return words.indices[start:end].tobytes(), words.values[start:end].tobytes()


def find_text_from(place: Path) -> Path:
    """Return the file of word counts under a folder. Raise DataError if there is none."""
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
    """Joins word counts to cascades; each row and tree is counted.

    ``rvnn_posts`` are those ``_matched``, ``_unmatched`` and ``_of_no_thread``.
    """

    def __init__(self, place: Path, report: ReadReport) -> None:
        self._report = report
        self._path = find_text_from(place)
        _, self._trees = read_rows(self._path, report)
        report.count("rvnn_trees", len(self._trees))
        report.count("rvnn_posts", sum(map(len, self._trees.values())))
        for name in ("rvnn_trees_of_the_same_shape", "replies", "replies_matched"):
            report.count(name, 0)  # there may be no tree with a source

    def join(self, cascade: Cascade, *, whole: bool) -> Cascade:
        """Return the cascade with its words; ``whole``: all tweets of its tree file are in it."""
        name = self._path.name
        rows = self._trees.pop(cascade.id, None)
        tree = build_tree(rows, name, self._report) if rows is not None else None
        count = self._report.count
        count("threads_without_rvnn_tree", int(rows is None))
        count("rvnn_trees_of_a_thread", int(rows is not None))
        if tree is None or rows is None:
            if rows is not None:
                count("rvnn_posts_unmatched", len(rows))
                self._report.repair(WITHOUT_SOURCE, cascade.id)
            none = SparseBlock(
                np.zeros(len(cascade) + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32)
            )
            return replace(cascade, features={FEATURE: none})
        words = word_counts([rows[index] for index in tree.index], name, self._report)
        post, parent = reply_tree(cascade.parent, np.array(list(map(int, cascade.post_id))))
        matched, same_shape = match_rows(
            parent, tree.parent.tolist(), words, whole=whole and tree.whole
        )
        row_of = {int(post[tweet]): row for tweet, row in matched.items()}
        count("rvnn_trees_of_the_same_shape", int(same_shape))
        count("rvnn_posts_matched", len(row_of))
        count("rvnn_posts_unmatched", len(rows) - len(row_of))
        count("replies", len(post) - 1)
        count("replies_matched", len(row_of) - 1)
        return replace(cascade, features={FEATURE: _select(words, row_of, len(cascade))})

    def close(self) -> None:
        """Account for the trees of no thread. Raise DataError if no tree was of a thread."""
        counts = self._report.counts
        if not counts.get("rvnn_trees_of_a_thread"):
            raise DataError(
                f"no tree of {self._path} is of a thread that was read",
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


def _select(words: SparseBlock, row_of: dict[int, int], posts: int) -> SparseBlock:
    """Return the rows of N posts, the source's among them; empty for those without any."""
    lengths = np.zeros(posts, np.int64)
    taken = [slice(*words.indptr[row : row + 2].tolist()) for _, row in sorted(row_of.items())]
    lengths[sorted(row_of)] = [each.stop - each.start for each in taken]
    return SparseBlock(
        indptr=np.concatenate(([0], lengths.cumsum())),
        indices=np.concatenate([words.indices[each] for each in taken]),
        values=np.concatenate([words.values[each] for each in taken]),
    )
