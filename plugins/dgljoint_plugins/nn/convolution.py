"""The normalised neighbourhood sum of Kipf & Welling (2017) along a cascade's edges."""

from __future__ import annotations

import torch
from torch import Tensor

from dgljoint.nn import CascadeBatch, SparseRows


def downwards(batch: CascadeBatch) -> SparseRows:
    """Return D^-1/2 (A + I) D^-1/2 from parents to children, D the in-degrees of A + I.

    Shapes: (N, N).
    """
    return _normalised(batch.edges, batch.parents)


def upwards(batch: CascadeBatch) -> SparseRows:
    """Return the matrix from children to parents, normalised by the in-degrees of that direction.

    Shapes: (N, N).
    """
    return _normalised(batch.edges.flip(0), batch.children)


def both_ways(batch: CascadeBatch) -> SparseRows:
    """Return the matrix of the tree as an undirected graph.

    Shapes: (N, N).
    """
    edges = torch.cat((batch.edges, batch.edges.flip(0)), dim=1)
    return _normalised(edges, batch.parents + batch.children)


def _normalised(edges: Tensor, neighbours: Tensor) -> SparseRows:
    # in float64, whatever the rows are: half precision cannot count to a large cascade's size
    root = (neighbours + 1).double().rsqrt()
    itself = torch.arange(len(root), device=root.device).expand(2, -1)
    edges = torch.cat((itself, edges), dim=1)
    return SparseRows.of_edges(edges, root[edges[0]] * root[edges[1]], len(root))
