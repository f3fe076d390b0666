"""Message passing along a batch's observed edges, and other operations on ragged cascades."""

from __future__ import annotations

from torch import Tensor, nn

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


def dot_over_pairs(pairs: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the inner product of a row of ``left`` and a row of ``right`` for every pair.

    Shapes: ``pairs`` (2, P); ``left`` and ``right`` (N, D); to (P,).
    """
    return _dgl.dot_over_pairs(pairs, left, right)


def log_softmax_over_groups(scores: Tensor, group: Tensor, groups: int) -> Tensor:
    """Normalise scores within each group.

    Args:
        scores: (P,).
        group: (P,) int64 group of each score, 0 to ``groups`` - 1.
        groups: T; every group has at least one score.

    Returns:
        (P,) log-probabilities; each group's sum to one when exponentiated.
    """
    lowest = scores.new_full((groups,), float("-inf"))
    highest = lowest.scatter_reduce(0, group, scores.detach(), "amax")
    shifted = scores - highest[group]
    total = scores.new_zeros(groups).index_add(0, group, shifted.exp())
    return shifted - total.log()[group]


def xavier(module: nn.Module) -> nn.Module:
    """Initialise every linear map and embedding of ``module`` after Glorot & Bengio (2010).

    Weights are drawn from the Xavier uniform distribution, biases are zero.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding | nn.EmbeddingBag):
            nn.init.xavier_uniform_(part.weight)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
    return module
