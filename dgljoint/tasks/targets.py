"""Which posts are targets, which edges that hides, and which candidates compete.

The cascade task is parent attribution: a post arrives, and every strictly earlier post of its
cascade is a candidate. Posts are in order of time, so the candidates of a post are the first posts
of its cascade, and nothing here loops over posts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeColumns

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TargetPairs:
    """The hidden edges of some cascades, and the pairs of target and candidate to score."""

    hidden: NDArray[np.bool_]  # (N,) bool, posts whose incoming edge is hidden
    # (2, P) int64, target over candidate; all pairs of a target in a row, targets in their order
    pairs: Index
    is_parent: NDArray[np.bool_]  # (P,) bool, true for the candidate that is the parent

    def part(self, start: int, stop: int) -> "TargetPairs":
        """Return those of the cascades whose posts are ``start`` to ``stop``."""
        first, last = np.searchsorted(self.pairs[0], (start, stop))
        return TargetPairs(
            hidden=self.hidden[start:stop],
            pairs=self.pairs[:, first:last] - start,
            is_parent=self.is_parent[first:last],
        )


def training_pairs(
    columns: CascadeColumns, share: float, candidates: int, rng: np.random.Generator, *,
    scored: bool = True,
) -> "TargetPairs":
    """Make a random share of the posts targets, with at most ``candidates`` candidates each.

    A target with more earlier posts than that keeps its parent and one post drawn from each of
    ``candidates - 1`` equal stretches of the others: distinct, and spread over the whole past.
    Unless ``scored``, the same edges are hidden, as DropEdge would (Rong et al., 2020, arXiv
    1907.10903), and there are no pairs.
    """
    first, earlier = _earlier_posts(columns)
    hidden = _eligible(columns, first, earlier) & (rng.random(len(columns.parent)) < share)
    target = np.flatnonzero(hidden) if scored else np.empty(0, np.int64)
    count = np.minimum(earlier[target], candidates)
    row, position = _ragged(count)
    others = earlier[target] - 1
    parent = columns.parent[target] - first[target]
    # With few earlier posts: candidate number `position`. Otherwise a draw from stretch number
    # `position` of the others, with the parent in the last place.
    stretches = np.maximum(count - 1, 1)
    low = position * others[row] // stretches[row]
    high = (position + 1) * others[row] // stretches[row]
    drawn = low + (rng.random(len(row)) * (high - low)).astype(np.int64)
    drawn += drawn >= parent[row]
    drawn = np.where(position == count[row] - 1, parent[row], drawn)
    chosen = np.where(earlier[target][row] > candidates, drawn, position)
    return TargetPairs(
        hidden=hidden,
        pairs=np.stack((target[row], chosen + first[target][row])),
        is_parent=chosen == parent[row],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """T posts whose parent is predicted among all strictly earlier posts of their cascade.

    A target's candidates are consecutive posts, so two numbers name them all. Pairs grow with the
    square of a cascade: they are made where they are scored, some at a time.
    """

    hidden: NDArray[np.bool_]  # (N,) bool, posts whose incoming edge is hidden
    post: Index  # (T,) int64 the targets, ascending
    first: Index  # (T,) int64 their first candidates, the sources of their cascades
    end: Index  # (T,) int64 the posts after their last candidates; at least two after the first
    parent: Index  # (T,) int64 the candidates that are their parents

    def __len__(self) -> int:
        return len(self.post)

    def unpaired(self) -> TargetPairs:
        """Return the same hidden edges, with no pairs to score."""
        return TargetPairs(self.hidden, np.empty((2, 0), np.int64), np.empty(0, np.bool_))

    def paired(self) -> TargetPairs:
        """Return all pairs. They take memory by the square of a cascade."""
        row, position = _ragged(self.end - self.first)
        candidate = position + self.first[row]
        return TargetPairs(
            self.hidden, np.stack((self.post[row], candidate)), candidate == self.parent[row]
        )


def evaluation_targets(
    columns: CascadeColumns, observed_share: float, *, scored: bool = True
) -> Targets:
    """Observe each cascade's first posts by time, ``observed_share`` of them, rounded up.

    Every later one is a target, its edge hidden; unless ``scored``, the same edges are hidden and
    there is no target. A cascade without times is observed whole: nothing in it is later.
    """
    first, earlier = _earlier_posts(columns)
    sizes = np.diff(columns.post_ptr)
    observed = np.ceil(sizes * observed_share - 1e-9).astype(np.int64)
    observed = np.where(columns.timed, observed, sizes)
    hidden = np.arange(len(first)) - first >= np.repeat(observed, sizes)
    post = np.flatnonzero(hidden & _eligible(columns, first, earlier) & scored)
    start = first[post]
    return Targets(hidden, post, start, start + earlier[post], columns.parent[post])


def evaluation_pairs(columns: CascadeColumns, observed_share: float) -> TargetPairs:
    """Return all pairs of :func:`evaluation_targets`: for small cascades."""
    return evaluation_targets(columns, observed_share).paired()


def _earlier_posts(columns: CascadeColumns) -> tuple[Index, Index]:
    """Return, for each post, its cascade's first post and the number of strictly earlier posts."""
    sizes = np.diff(columns.post_ptr)
    first = np.repeat(columns.post_ptr[:-1], sizes)
    index = np.arange(len(first))
    new_moment = np.ones(len(first), bool)
    new_moment[1:] = np.diff(columns.delay_seconds) != 0
    new_moment |= index == first
    return first, np.maximum.accumulate(np.where(new_moment, index, 0)) - first


def _eligible(columns: CascadeColumns, first: Index, earlier: Index) -> NDArray[np.bool_]:
    """Return which posts can be targets: a parent strictly earlier, and a choice to make."""
    return (columns.parent >= 0) & (columns.parent - first < earlier) & (earlier >= 2)


def _ragged(sizes: Index) -> tuple[Index, Index]:
    """Return, for consecutive rows of the given sizes, each entry's row and place in it."""
    row = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.cumsum(sizes) - sizes
    return row, np.arange(len(row)) - starts[row]
