"""Where the nodes of a forest are: what every feature of observed trees is made of."""

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


def places(parent: Index) -> tuple[Index, NDArray[np.float64], NDArray[np.float64]]:
    """Count the nodes of a forest (N,) above each node, right below it, and below it."""
    depth = (parent >= 0).astype(np.int64)
    ancestor = parent.copy()
    # In round k of each node: those less than 2^k below it, itself included.
    size = np.ones(len(parent))
    deeper = np.flatnonzero(parent >= 0)
    children: NDArray[np.float64] | None = None
    while len(deeper):
        above = ancestor[deeper]
        found = np.bincount(above, size[deeper], len(parent)).astype(np.float64, copy=False)
        children = found if children is None else children
        size += found
        depth[deeper] += depth[above]
        further = ancestor[above]
        ancestor[deeper] = further
        deeper = deeper[further >= 0]
    return depth, np.zeros_like(size) if children is None else children, size - 1
