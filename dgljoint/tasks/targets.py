"""Which posts are asked for their parent, which edges that hides, which candidates compete.

The cascade task is parent attribution: a post arrives, and every strictly earlier post of its
cascade is a candidate. Posts stand in time order, so the candidates of a post are a prefix of its
cascade and nothing here loops over posts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeColumns

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked of some cascades.

    Attributes:
        pending: (N,) bool, posts whose incoming edge is hidden.
        pairs: (2, P) int64, target over candidate; a target's pairs stand together,
            targets in their order.
        answer: (P,) bool, true for the candidate that is the parent.
    """

    pending: NDArray[np.bool_]
    pairs: Index
    answer: NDArray[np.bool_]

    def part(self, start: int, stop: int) -> Question:
        """Return what is asked of the cascades whose posts are those from ``start`` to ``stop``."""
        first, last = np.searchsorted(self.pairs[0], (start, stop))
        return Question(
            pending=self.pending[start:stop],
            pairs=self.pairs[:, first:last] - start,
            answer=self.answer[first:last],
        )


def training_question(
    columns: CascadeColumns, share: float, candidates: int, rng: np.random.Generator, *,
    scored: bool = True,
) -> Question:
    """Ask for a random share of the posts, with at most ``candidates`` candidates each.

    A target with more earlier posts than that keeps its parent and one post drawn from each of
    ``candidates - 1`` equal stretches of the others: distinct, and spread over the whole past.

    Args:
        columns: the cascades.
        share: chance of an eligible post to become a target.
        candidates: at least 2.
        rng: source of the draw.
        scored: whether anybody scores the pairs; otherwise the same edges are hidden, as DropEdge
            would (Rong et al., 2020, arXiv 1907.10903), and nothing is asked.
    """
    first, earlier = _earlier_posts(columns)
    pending = _eligible(columns, first, earlier) & (rng.random(len(columns.parent)) < share)
    target = np.flatnonzero(pending) if scored else np.empty(0, np.int64)
    count = np.minimum(earlier[target], candidates)
    row, position = _ragged(count)
    others = earlier[target] - 1
    parent = columns.parent[target] - first[target]
    # Whole prefix: candidate number `position`. Otherwise stretch number `position` of the
    # others, with the parent in the last place.
    stretches = np.maximum(count - 1, 1)
    low = position * others[row] // stretches[row]
    high = (position + 1) * others[row] // stretches[row]
    drawn = low + (rng.random(len(row)) * (high - low)).astype(np.int64)
    drawn += drawn >= parent[row]
    drawn = np.where(position == count[row] - 1, parent[row], drawn)
    chosen = np.where(earlier[target][row] > candidates, drawn, position)
    return Question(
        pending=pending,
        pairs=np.stack((target[row], chosen + first[target][row])),
        answer=chosen == parent[row],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """T posts that are asked for their parent among all strictly earlier posts of their cascade.

    A target's candidates are consecutive posts, so two numbers name them all. Pairs grow with the
    square of a cascade: they are made where they are scored, some at a time.

    Attributes:
        pending: (N,) bool, posts whose incoming edge is hidden.
        post: (T,) int64 the targets, ascending.
        first: (T,) int64 their first candidates, the sources of their cascades.
        end: (T,) int64 the posts after their last candidates; at least two after the first.
        parent: (T,) int64 the candidates that are their parents.
    """

    pending: NDArray[np.bool_]
    post: Index
    first: Index
    end: Index
    parent: Index

    def __len__(self) -> int:
        return len(self.post)

    def unpaired(self) -> Question:
        """Return the question that hides the same edges, with no pairs to score."""
        return Question(self.pending, np.empty((2, 0), np.int64), np.empty(0, np.bool_))

    def paired(self) -> Question:
        """Return the question with all pairs. They take memory by the square of a cascade."""
        row, position = _ragged(self.end - self.first)
        candidate = position + self.first[row]
        return Question(
            self.pending, np.stack((self.post[row], candidate)), candidate == self.parent[row]
        )


def evaluation_targets(
    columns: CascadeColumns, observed_share: float, *, scored: bool = True
) -> Targets:
    """Observe each cascade's first posts by time; ask for every later one.

    A cascade without times is observed whole: nothing in it is later than anything else.

    Args:
        columns: the cascades.
        observed_share: share of the posts observed, rounded up; all later edges are hidden.
        scored: whether anybody ranks candidates; otherwise the same edges are hidden, and nothing
            is asked.
    """
    first, earlier = _earlier_posts(columns)
    sizes = np.diff(columns.post_ptr)
    observed = np.ceil(sizes * observed_share - 1e-9).astype(np.int64)
    observed = np.where(columns.timed, observed, sizes)
    pending = np.arange(len(first)) - first >= np.repeat(observed, sizes)
    post = np.flatnonzero(pending & _eligible(columns, first, earlier) & scored)
    start = first[post]
    return Targets(pending, post, start, start + earlier[post], columns.parent[post])


def evaluation_question(columns: CascadeColumns, observed_share: float) -> Question:
    """Return what :func:`evaluation_targets` asks, with all pairs: for small cascades."""
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
    """Say which posts can be asked for: a parent strictly earlier, and a choice to make."""
    return (columns.parent >= 0) & (columns.parent - first < earlier) & (earlier >= 2)


def _ragged(sizes: Index) -> tuple[Index, Index]:
    """Return, for rows of the given sizes laid end to end, each entry's row and place in it."""
    row = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.cumsum(sizes) - sizes
    return row, np.arange(len(row)) - starts[row]
