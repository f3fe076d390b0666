"""Which posts are targets, which edges that hides, and which candidates compete.

The cascade task is parent attribution: a post arrives, and every strictly earlier post of its
cascade is a candidate. Posts are in order of time, so the candidates of a post are the first posts
of its cascade, and nothing here loops over posts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.observation import Observation
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

    def sampled(self, targets: int, candidates: int, rng: np.random.Generator) -> TargetPairs:
        """Draw at most ``targets`` of each cascade, with at most ``candidates`` candidates each.

        A target with more earlier posts than that keeps its parent and one post drawn from each of
        ``candidates - 1`` equal stretches of the others: distinct, and spread over the whole past.
        """
        drawn = _some_of_each(self.first, targets, rng)
        post, first, parent = self.post[drawn], self.first[drawn], self.parent[drawn]
        earlier, parent = self.end[drawn] - first, parent - first
        count = np.minimum(earlier, candidates)
        row, position = _ragged(count)
        others = earlier - 1
        # With few earlier posts: candidate number `position`. Otherwise a draw from stretch number
        # `position` of the others, with the parent in the last place.
        stretches = np.maximum(count - 1, 1)
        low = position * others[row] // stretches[row]
        high = (position + 1) * others[row] // stretches[row]
        other = low + (rng.random(len(row)) * (high - low)).astype(np.int64)
        other += other >= parent[row]
        other = np.where(position == count[row] - 1, parent[row], other)
        chosen = np.where(earlier[row] > candidates, other, position)
        pairs = np.stack((post[row], chosen + first[row]))
        return TargetPairs(self.hidden, pairs, chosen == parent[row])

    def paired(self) -> TargetPairs:
        """Return all pairs. They take memory by the square of a cascade."""
        row, position = _ragged(self.end - self.first)
        candidate = position + self.first[row]
        return TargetPairs(
            self.hidden, np.stack((self.post[row], candidate)), candidate == self.parent[row]
        )


def targets_after(columns: CascadeColumns, cut: Index, *, scored: bool = True) -> Targets:
    """Observe the first ``cut`` (B,) posts of each cascade: later edges are hidden.

    Later posts are targets where a parent is strictly earlier and there is a choice; unless
    ``scored`` there is no target. Training and evaluation ask alike: nothing that is observed is
    later than a target.
    """
    first, earlier = _earlier_posts(columns)
    hidden = np.arange(len(first)) - first >= np.repeat(cut, np.diff(columns.post_ptr))
    eligible = (columns.parent - first < earlier) & (earlier >= 2)
    post = np.flatnonzero(hidden & eligible & scored)
    start = first[post]
    return Targets(hidden, post, start, start + earlier[post], columns.parent[post])


def training_pairs(
    columns: CascadeColumns, observation: Observation, rng: np.random.Generator, *,
    targets: int, candidates: int, scored: bool = True,
) -> TargetPairs:
    """Cut each cascade where ``observation`` says, and draw some of its later posts as targets."""
    after = targets_after(columns, observation.cuts(columns, rng), scored=scored)
    return after.sampled(targets, candidates, rng)


def evaluation_targets(
    columns: CascadeColumns, observed_share: float, *, scored: bool = True
) -> Targets:
    """Observe each cascade's first posts by time, ``observed_share`` of them, rounded up."""
    cut = Observation.of_share(observed_share).cuts(columns)
    return targets_after(columns, cut, scored=scored)


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


def _some_of_each(group: Index, most: int, rng: np.random.Generator) -> Index:
    """Draw at most ``most`` entries of each group of ascending numbers; return their places."""
    order = np.lexsort((rng.random(len(group)), group))
    return np.sort(order[np.arange(len(group)) - np.searchsorted(group, group) < most])


def _ragged(sizes: Index) -> tuple[Index, Index]:
    """Return, for consecutive rows of the given sizes, each entry's row and place in it."""
    row = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.cumsum(sizes) - sizes
    return row, np.arange(len(row)) - starts[row]
