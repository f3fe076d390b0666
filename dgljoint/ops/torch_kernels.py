"""The message passing of ``dgl_kernels`` in plain torch: equal results, equal gradients.

For devices and precisions that the installed DGL has no kernels for. Where DGL fuses gathering
and summing, a row an edge stands in memory here. ``index_add`` on a CUDA device sums in no fixed
order unless ``torch.use_deterministic_algorithms(True)`` is set.
"""

from __future__ import annotations

from torch import Tensor


def sum_from_sources(edges: Tensor, x: Tensor) -> Tensor:
    """Sum, for every node, the rows of ``x`` at the sources of its incoming edges.

    Shapes: ``edges`` (2, M), source over destination; ``x`` (N, D) to (N, D).
    """
    source, destination = edges
    return x.new_zeros(x.shape).index_add(0, destination, x.index_select(0, source))


def max_from_sources(edges: Tensor, x: Tensor) -> Tensor:
    """Take, for every node, the maximum over the sources of its incoming edges; 0 without any.

    Sources that tie share the gradient, where DGL gives it to one of them.

    Shapes: ``edges`` (2, M), source over destination; ``x`` (N, D) to (N, D).
    """
    source, destination = edges
    rows = x.index_select(0, source)
    index = destination.unsqueeze(1).expand_as(rows)
    return x.new_zeros(x.shape).scatter_reduce(0, index, rows, "amax", include_self=False)


def softmax_by_destination(edges: Tensor, scores: Tensor, nodes: int) -> Tensor:
    """Normalise scores over the edges that enter one node.

    Shapes: ``edges`` (2, M), source over destination; ``scores`` (M, H) to (M, H).
    """
    destination = edges[1]
    index = destination.unsqueeze(1).expand_as(scores)
    lowest = scores.new_full((nodes, scores.shape[1]), float("-inf"))
    highest = lowest.scatter_reduce(0, index, scores.detach(), "amax")
    weight = (scores - highest.index_select(0, destination)).exp()
    total = scores.new_zeros(nodes, scores.shape[1]).index_add(0, destination, weight)
    return weight / total.index_select(0, destination)


def weighted_sum_from_sources(edges: Tensor, weights: Tensor, x: Tensor) -> Tensor:
    """Sum, for every node, the rows at the sources of its incoming edges, each with a weight.

    Shapes: ``edges`` (2, M), source over destination; ``weights`` (M, H); ``x`` (N, H, K) to
    (N, H, K).
    """
    source, destination = edges
    rows = x.index_select(0, source) * weights.unsqueeze(2)
    return x.new_zeros(x.shape).index_add(0, destination, rows)


def dot_over_pairs(pairs: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the inner product of two rows for every pair.

    Shapes: ``pairs`` (2, P), row of ``left`` over row of ``right``; both (N, D); to (P,).
    """
    return (left.index_select(0, pairs[0]) * right.index_select(0, pairs[1])).sum(1)
