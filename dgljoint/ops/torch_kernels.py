"""The message passing of ``dgl_kernels`` in plain torch, and operations on groups of rows.

For Pythons without DGL, and for devices and precisions that the installed DGL has no kernels for.
Where DGL fuses gathering and summing, one row per edge is kept in memory here. ``index_add`` on a
CUDA device sums in no fixed order unless ``torch.use_deterministic_algorithms(True)`` is set.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def sum_from_sources(edges: Tensor, x: Tensor) -> Tensor:
    """Sum rows over incoming edges. Shapes: ``x`` (N, D) to (N, D)."""
    source, destination = edges
    return x.new_zeros(x.shape).index_add(0, destination, x.index_select(0, source))


def max_from_sources(edges: Tensor, x: Tensor) -> Tensor:
    """Take the maximum of rows over incoming edges, 0 without; ties share the gradient."""
    source, destination = edges
    rows = x.index_select(0, source)
    index = destination.unsqueeze(1).expand_as(rows)
    return x.new_zeros(x.shape).scatter_reduce(0, index, rows, "amax", include_self=False)


def softmax_by_destination(edges: Tensor, scores: Tensor, nodes: int) -> Tensor:
    """Normalise scores over incoming edges. Shapes: ``scores`` (M, H) to (M, H)."""
    destination = edges[1]
    index = destination.unsqueeze(1).expand_as(scores)
    lowest = scores.new_full((nodes, scores.shape[1]), float("-inf"))
    highest = lowest.scatter_reduce(0, index, scores.detach(), "amax")
    weight = (scores - highest.index_select(0, destination)).exp()
    total = scores.new_zeros(nodes, scores.shape[1]).index_add(0, destination, weight)
    return weight / total.index_select(0, destination)


def weighted_sum_from_sources(edges: Tensor, weights: Tensor, x: Tensor) -> Tensor:
    """Sum weighted rows over incoming edges. Shapes: (M, H) and (N, H, K) to (N, H, K)."""
    source, destination = edges
    rows = x.index_select(0, source) * weights.unsqueeze(2)
    return x.new_zeros(x.shape).index_add(0, destination, rows)


def dot_over_pairs(pairs: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the inner products of pairs of rows. Shapes: (2, P) and twice (N, D) to (P,)."""
    return (left.index_select(0, pairs[0]) * right.index_select(0, pairs[1])).sum(1)


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


def max_over_groups(x: Tensor, group: Tensor, groups: int) -> Tensor:
    """Take the maximum over each group of rows; rows that tie share the gradient.

    It is PyTorch's ``scatter_reduce``, whose own gradient takes six times as long.

    Shapes: ``x`` (N, D), ``group`` (N,) int64 ascending, to (B, D); every group has a row.
    """
    highest: Tensor = _Maximum.apply(x, group, groups)  # type: ignore[no-untyped-call]  # torch's
    return highest


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Tensor, groups: int) -> Tensor:
        lowest = x.new_full((groups, x.shape[1]), float("-inf"))
        index = group.unsqueeze(1).expand_as(x)
        highest = lowest.scatter_reduce_(0, index, x, "amax")
        ctx.save_for_backward(x, group, highest)
        return highest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        x, group, highest = ctx.saved_tensors
        # Constant almost everywhere: differentiated once more, only the given gradient moves.
        hit = (x.detach() == highest.detach().index_select(0, group)).to(x.dtype)
        ties = torch.zeros_like(highest).index_add(0, group, hit)
        return (gradients[0] / ties).index_select(0, group) * hit, None, None
