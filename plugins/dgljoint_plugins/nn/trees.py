"""Where the posts of a batch stand in their trees."""

from __future__ import annotations

import torch
from torch import Tensor

from dgljoint.nn import CascadeBatch


def observed_parents(batch: CascadeBatch) -> Tensor:
    """Return the (N,) int64 observed parent of every post; -1 for sources and pending posts."""
    parent, child = batch.graph.edges()
    return torch.full_like(batch.cascade_of, -1).index_copy(0, child, parent)


def climb(parent: Tensor) -> tuple[Tensor, Tensor]:
    """Follow the parents of a forest up to its roots, in log2 of the depth rounds.

    Args:
        parent: (N,) int64, -1 for a root.

    Returns:
        (N,) int64 number of nodes above each node, and (N,) the root it hangs from.
    """
    depth = (parent >= 0).long()
    above = torch.where(parent >= 0, parent, torch.arange(len(parent), device=parent.device))
    # `depth` counts the nodes up to `above`, which is twice as far up after each round.
    while bool((further := depth[above]).any()):
        depth = depth + further
        above = above[above]
    return depth, above
