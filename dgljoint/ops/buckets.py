"""Cascades of many sizes as a few padded tables of posts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

# Smaller cascades share one table: padding them costs less than another table would.
_SMALLEST = 16
# Of larger cascades than this the pairs that padding adds cost more than three tables more.
_LARGE = 128


@dataclass(frozen=True, eq=False)
class Bucket:
    """R cascades of like sizes, padded to the L posts of the largest.

    Attributes:
        posts: (R, L) int64 the posts of each cascade; a row is filled up with its last one.
        real: (R, L) bool, false where a row is filled up.
    """

    posts: Tensor
    real: Tensor

    def pieces(self, most: int) -> Iterator[tuple[slice, slice]]:
        """Cut all pairs of posts of one cascade into pieces: some rows, some of their queries.

        Args:
            most: pairs of a piece, padding included; at least one query with all its keys.

        Yields:
            The rows, and the columns that are queries; keys are all L columns.
        """
        rows, length = self.posts.shape
        high = max(1, most // length**2)
        wide = length if high > 1 else min(length, max(1, most // length))
        for row in range(0, rows, high):
            for column in range(0, length, wide):
                yield slice(row, row + high), slice(column, column + wide)


def buckets(cascade_of: Tensor, cascades: int) -> tuple[Bucket, ...]:
    """Sort cascades by size into tables: an octave of sizes each, a quarter of one above 128.

    A row is no longer than 16 posts, or than twice its cascade, or than 5/4 of a large one.

    Args:
        cascade_of: (N,) int64 cascade of each post, ascending.
        cascades: B; each has at least one post.
    """
    device = cascade_of.device
    # On the CPU, so that a device is waited for once and not once a table.
    sizes = cascade_of.bincount(minlength=cascades).cpu()
    first = sizes.cumsum(0) - sizes
    # The exponent of n - 1 is the octave (2^(k-1), 2^k] of n, exactly; its mantissa, from 1/2 to
    # 1, says where in it.
    mantissa, octave = torch.frexp((sizes.clamp(min=_SMALLEST) - 1).double())
    quarter = torch.where(sizes > _LARGE, (8 * mantissa).long() - 4, 0)
    kind = 4 * octave + quarter
    tables = []
    for number in torch.unique(kind):
        rows = (kind == number).nonzero().squeeze(1)
        size = sizes[rows].unsqueeze(1)
        place = torch.arange(int(size.max()), device=size.device)
        posts = first[rows].unsqueeze(1) + torch.minimum(place, size - 1)
        tables.append(Bucket(posts.to(device), (place < size).to(device)))
    return tuple(tables)
