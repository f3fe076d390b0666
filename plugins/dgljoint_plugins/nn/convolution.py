"""The normalised neighbourhood sum of Kipf & Welling (2017) along a cascade's edges."""

from __future__ import annotations

from torch import Tensor

from dgljoint.nn import CascadeBatch, sum_to_children, sum_to_parents


def spread_down(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Propagate from parents to children: D^-1/2 (A + I) D^-1/2 x, D the in-degrees of A + I.

    Shapes: (N, D) to (N, D).
    """
    root = _inverse_root(batch.parents, x)
    scaled = x * root
    return (sum_to_children(batch, scaled) + scaled) * root


def spread_up(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Propagate from children to parents, normalised by the in-degrees of that direction.

    Shapes: (N, D) to (N, D).
    """
    root = _inverse_root(batch.children, x)
    scaled = x * root
    return (sum_to_parents(batch, scaled) + scaled) * root


def spread_both(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Propagate along the tree as an undirected graph.

    Shapes: (N, D) to (N, D).
    """
    root = _inverse_root(batch.parents + batch.children, x)
    scaled = x * root
    return (sum_to_children(batch, scaled) + sum_to_parents(batch, scaled) + scaled) * root


def _inverse_root(neighbours: Tensor, like: Tensor) -> Tensor:
    # in float64, whatever the rows are: half precision cannot count to a large cascade's size
    return (neighbours + 1).double().rsqrt().to(like.dtype).unsqueeze(1)
