"""Which row of the RvNN release is which post of the tree release.

The rows name neither tweets nor times: all that both releases tell of a reply is its place. The
tree of replies in the one (retweets set aside: they have no text of their own) is compared with
the tree of rows in the other, which was crawled at another time and mostly holds more. Nothing is
guessed:

- the row of the source post is the source post's, whatever hangs below it;
- where both trees have one and the same shape, a post whose place no other post shares has the
  row of that place; posts that could be exchanged without changing the tree, such as two replies
  to the source that nobody answered, get their rows only if the words of these are equal;
- where the shapes differ, which posts are missing is unknown, and so is what every other row is.
  Nor can it be told from where the smaller tree fits into the larger one: of the published trees
  of unequal size that are no stars, one in twelve does not fit at all.

Two places of a tree can be exchanged when their parents are one or can be, and the subtrees below
them have the same shape: a canonical number for each shape from the leaves up (Aho, Hopcroft &
Ullman), then one for each place from the source down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import SparseBlock


@dataclass(frozen=True, slots=True)
class Matching:
    """Rows and the posts they belong to.

    Attributes:
        row_of: row by post.
        same_shape: whether the two trees have the same shape.
    """

    row_of: dict[int, int]
    same_shape: bool


def match_rows(
    post_parent: Sequence[int], row_parent: Sequence[int], words: SparseBlock, *, whole: bool
) -> Matching:
    """Match the rows of one tree to the posts that have a text of their own.

    Args:
        post_parent: the parent of each post, -1 for the source, which stands first; parents
            precede.
        row_parent: likewise of each of the rows.
        words: of each of the rows.
        whole: whether both trees hold all that was published; if not, only the source is matched.
    """
    row_of = {0: 0}
    if not whole or len(post_parent) != len(row_parent):
        return Matching(row_of, same_shape=False)
    numbers: dict[Hashable, int] = {}
    post_place, row_place = (_places(tree, numbers) for tree in (post_parent, row_parent))
    if sorted(post_place) != sorted(row_place):
        return Matching(row_of, same_shape=False)
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for row, place in enumerate(row_place):
        rows[place].append(row)
    posts: defaultdict[int, list[int]] = defaultdict(list)
    for post, place in enumerate(post_place):
        posts[place].append(post)
    for place, at in rows.items():
        if len({_words_of(words, row) for row in at}) == 1:
            row_of |= zip(posts[place], at, strict=True)
    return Matching(row_of, same_shape=True)


def reply_tree(
    parent: NDArray[np.int32], tweet: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[int]]:
    """Set retweets aside: a reply to a retweet answers the tweet.

    Args:
        parent: (N,) parents of posts in time order, -1 for the source.
        tweet: (N,) their tweet ids; a retweet has that of an earlier post.

    Returns:
        (T,) the first post of each tweet, in time order, and the number of each one's parent
        among them, -1 for the source.
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
    """Number the places of a tree; those that can be exchanged have one number.

    Args:
        parent: of each node, -1 for the first; parents precede.
        numbers: grows; equal numbers mean equal places in all trees that share it.
    """
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


def _words_of(words: SparseBlock, row: int) -> tuple[bytes, bytes]:
    start, end = words.indptr[row], words.indptr[row + 1]
    return words.indices[start:end].tobytes(), words.values[start:end].tobytes()
