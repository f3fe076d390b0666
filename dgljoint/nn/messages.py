"""Message passing along a batch's observed edges, and other operations on ragged cascades.

Here it is chosen what computes: DGL's kernels where the installed DGL has them, plain torch
elsewhere (:mod:`dgljoint.ops.torch_kernels`), as on a CUDA device beside the DGL of PyPI, which
knows the CPU only. Both give the same results and gradients up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import torch
from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch
from dgljoint.ops import dgl_kernels as _dgl
from dgljoint.ops import torch_kernels as plain

Kernels = Literal["dgl", "torch"]

# On the CPU DGL's kernels have no float16.
_PRECISIONS = (torch.float32, torch.float64)

_forced: ContextVar[Kernels | None] = ContextVar("forced kernels", default=None)


@contextmanager
def using_kernels(kernels: Kernels) -> Iterator[None]:
    """Have messages inside passed by ``"dgl"`` or by ``"torch"``, to compare the two.

    >>> with using_kernels("torch"):
    ...     encoded = encoder(batch, x)
    """
    token = _forced.set(kernels)
    try:
        yield
    finally:
        _forced.reset(token)


def kernels_for(x: Tensor) -> Kernels:
    """Return what passes messages of ``x``'s device and precision."""
    if forced := _forced.get():
        return forced
    return "dgl" if x.dtype in _PRECISIONS and _dgl.runs_on(x.device.type) else "torch"


def sum_to_children(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Give every post its parent's row; zeros for sources and pending posts.

    Shapes: ``x`` (N, D) to (N, D).
    """
    if kernels_for(x) == "dgl":
        return _dgl.sum_from_sources(batch.graph, x)
    return plain.sum_from_sources(batch.edges, x)


def sum_to_parents(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Sum, for every post, the rows of its children.

    Shapes: ``x`` (N, D) to (N, D).
    """
    if kernels_for(x) == "dgl":
        return _dgl.sum_from_sources(batch.reverse_graph, x)
    return plain.sum_from_sources(batch.edges.flip(0), x)


def max_to_parents(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Take, for every post, the maximum over its children; zeros for posts without any.

    Shapes: ``x`` (N, D) to (N, D).
    """
    if kernels_for(x) == "dgl":
        return _dgl.max_from_sources(batch.reverse_graph, x)
    return plain.max_from_sources(batch.edges.flip(0), x)


def softmax_over_neighbourhoods(batch: CascadeBatch, scores: Tensor) -> Tensor:
    """Normalise scores over each post's neighbourhood: its parent, its children and itself.

    Args:
        batch: of N posts and E observed edges.
        scores: (2E+N, H), one an edge of ``batch.neighbourhood`` and head.

    Returns:
        (2E+N, H) weights; those of the edges to one post sum to one.
    """
    if kernels_for(scores) == "dgl":
        return _dgl.softmax_by_destination(batch.neighbourhood_graph, scores)
    return plain.softmax_by_destination(batch.neighbourhood, scores, len(batch.kind))


def sum_over_neighbourhoods(batch: CascadeBatch, weights: Tensor, x: Tensor) -> Tensor:
    """Sum the rows of each post's neighbourhood, each with its weight.

    Shapes: ``weights`` (2E+N, H), one an edge of ``batch.neighbourhood`` and head, taken in the
    precision of ``x``; ``x`` (N, H, K) to (N, H, K).
    """
    weights = weights.to(x.dtype)
    if kernels_for(x) == "dgl":
        return _dgl.weighted_sum_from_sources(batch.neighbourhood_graph, weights, x)
    return plain.weighted_sum_from_sources(batch.neighbourhood, weights, x)


def sum_over_edges(edges: Tensor, weights: Tensor, x: Tensor) -> Tensor:
    """Sum, for every post, the rows at the sources of some edges into it, each with its weight.

    For edges that are no observed ones: predicted links, pairs to score. No row an edge is kept.

    Shapes: ``edges`` (2, M), source over destination; ``weights`` (M,), taken in the precision of
    ``x``; ``x`` (N, D) to (N, D).
    """
    one_head, rows = weights.to(x.dtype).unsqueeze(1), x.unsqueeze(1)
    if kernels_for(x) == "dgl":
        graph = _dgl.graph_of(edges, len(x))
        return _dgl.weighted_sum_from_sources(graph, one_head, rows).squeeze(1)
    return plain.weighted_sum_from_sources(edges, one_head, rows).squeeze(1)


def dot_over_pairs(pairs: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the inner product of a row of ``left`` and a row of ``right`` for every pair.

    Shapes: ``pairs`` (2, P); ``left`` and ``right`` (N, D); to (P,).
    """
    if kernels_for(left) == "dgl":
        return _dgl.dot_over_pairs(pairs, left, right)
    return plain.dot_over_pairs(pairs, left, right)


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
