"""The normalised neighbourhood sum of Kipf & Welling (2017) along a cascade's edges."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, SparseRows


def one_way(batch: CascadeBatch, like: Tensor) -> tuple[SparseRows, SparseRows]:
    """Return D^-1/2 (A + I) D^-1/2 to children, and to parents; D are in-degrees, (N, N) both."""
    parent, child = batch.edges
    posts = torch.arange(len(batch.kind), device=batch.device)
    sizes, size = 1 + batch.parents, len(posts) + len(child)
    # Each post's own row first, then its parent's.
    row = posts.repeat_interleave(sizes, output_size=size)
    offsets = nn.functional.pad(sizes.cumsum(0), (1, 0))
    columns = row.index_put((offsets[child + 1] - 1,), parent)
    places = SparseRows(columns, torch.ones(size, device=batch.device), offsets, len(posts))
    turned = places.transposed
    turned_row = posts.repeat_interleave(1 + batch.children, output_size=size)
    found = []
    for neighbours in (batch.parents, batch.children):
        root = _inverse_root(neighbours, like)
        found += [
            replace(places, values=root[row] * root[columns]),
            replace(turned, values=root[turned_row] * root[turned.columns]),
        ]
    down, down_turned, up_turned, up = found
    return down.with_transposed(down_turned), up.with_transposed(up_turned)


def both_ways(batch: CascadeBatch, like: Tensor) -> SparseRows:
    """Return D^-1/2 (A + I) D^-1/2 of the tree as an undirected graph; (N, N), like ``like``."""
    root = _inverse_root(batch.parents + batch.children, like)
    source, destination = batch.neighbourhood
    return SparseRows.of_edges(batch.neighbourhood, root[source] * root[destination], len(root))


def _inverse_root(neighbours: Tensor, like: Tensor) -> Tensor:
    # in float64, whatever the rows are: half precision cannot count to a large cascade's size
    return (neighbours + 1).double().rsqrt().to(like.dtype)
