"""The observed trees of a batch: where a post is, how far apart two posts are."""

from functools import cached_property

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch


def observed_parents(batch: CascadeBatch) -> Tensor:
    """Return the (N,) int64 observed parent of every post; -1 where there is none."""
    parent, child = batch.edges
    return torch.full_like(batch.cascade_of, -1).index_copy(0, child, parent)


def climb(parent: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nodes above each node of a forest, and its root, in log2 of the depth rounds."""
    depth = (parent >= 0).long()
    above = torch.where(parent >= 0, parent, torch.arange(len(parent), device=parent.device))
    # `depth` counts the nodes up to `above`, which is twice as far up after each round.
    while bool((further := depth[above]).any()):
        depth = depth + further
        above = above[above]
    return depth, above


class Forest:
    """The trees that the observed edges make; a post after the cut is one of its own."""

    def __init__(self, batch: CascadeBatch) -> None:
        parent = observed_parents(batch)
        self.depth, self.root = climb(parent)
        # N is above the roots and above itself.
        self._parent = nn.functional.pad(parent, (0, 1), value=-1)
        self._parent[self._parent < 0] = len(parent)
        self._largest = max(bucket.posts.shape[1] for bucket in batch.buckets)
        # The ancestors 1, 2, 4, ... edges up, while anybody has one.
        self._ancestors = []
        ancestor = self._parent
        while bool((ancestor < len(parent)).any()):
            self._ancestors.append(ancestor)
            ancestor = ancestor[ancestor]

    def distance(self, one: Tensor, other: Tensor, furthest: int) -> Tensor:
        """Count the edges between posts of one cascade.

        The path leads over the deepest common ancestor. In an order of the posts where every
        subtree is consecutive, after its root, that is right above the shallowest post after
        the first of the two and up to the second (Bender and Farach-Colton, 2000, "The LCA
        Problem Revisited"): the minimum of a range, from a table of N log N minima.

        Args:
            one: (R, Q) posts.
            other: (R, K) posts of the same cascades.
            furthest: what a greater distance is returned as.

        Returns:
            (R, Q, K) int64; ``furthest`` + 1 where no observed path leads from one to the other.
        """
        left, right = self._place[one].unsqueeze(2), self._place[other].unsqueeze(1)
        low, high = torch.minimum(left, right), torch.maximum(left, right)
        span = high - low
        level = self._level[span]
        rows = level * len(self.depth)
        shallowest = torch.minimum(
            self._minima[rows + torch.minimum(low + 1, high)],
            self._minima[rows + high - (1 << level) + 1],
        )
        depth = self.depth[one].unsqueeze(2) + self.depth[other].unsqueeze(1)
        distance = (depth - 2 * (shallowest - 1)).clamp(max=furthest)
        # A root between the two: they are not of one tree.
        return distance.masked_fill(shallowest == 0, furthest + 1).masked_fill(span == 0, 0)

    @cached_property
    def _place(self) -> Tensor:
        """(N,) int64: places in which parents come before, and subtrees are consecutive."""
        size = torch.ones_like(self._parent)
        for ancestor in self._ancestors:
            size = size.index_add(0, ancestor, size)
        # Siblings, and roots, are consecutive, each with its subtree after it.
        order = self._parent[:-1].argsort(stable=True)
        family, size = self._parent[order], size[order]
        before = size.cumsum(0) - size
        eldest = torch.searchsorted(family, family)
        offset = torch.zeros_like(self._parent)
        offset[order] = before - before[eldest] + (family < len(order)).long()
        return self._sum_to_root(offset)[:-1]

    @cached_property
    def _minima(self) -> Tensor:
        """(levels * N,): at k * N + p the least depth in the places p to p + 2^k - 1."""
        levels = [torch.empty_like(self.depth).index_copy(0, self._place, self.depth)]
        width = 1
        while 2 * width < self._largest:
            last = levels[-1]
            shifted = torch.cat((last[width:], last.new_zeros(min(width, len(last)))))
            levels.append(torch.minimum(last, shifted))
            width *= 2
        return torch.cat(levels)

    @cached_property
    def _level(self) -> Tensor:
        """(L,): floor(log2) of every span there is within a cascade; 0 of 0."""
        span = torch.arange(self._largest, device=self.depth.device)
        return (torch.frexp(span.double()).exponent.long() - 1).clamp(min=0)

    def _sum_to_root(self, value: Tensor) -> Tensor:
        """Sum over each post and all above it. Shapes: (N+1,), the last of it 0, to the same."""
        for ancestor in self._ancestors:
            value = value + value[ancestor]
        return value
