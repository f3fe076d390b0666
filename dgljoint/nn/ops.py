"""Message passing along a batch's observed edges."""

from __future__ import annotations

from torch import Tensor

from dgljoint import _dgl
from dgljoint.nn.batch import CascadeBatch


def sum_to_children(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Give every post its parent's row; zeros for sources and pending posts.

    Shapes: ``x`` (N, D) to (N, D).
    """
    return _dgl.sum_from_sources(batch.graph, x)


def sum_to_parents(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Sum, for every post, the rows of its children.

    Shapes: ``x`` (N, D) to (N, D).
    """
    return _dgl.sum_from_sources(batch.reverse_graph, x)
