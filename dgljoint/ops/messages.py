"""Message passing along a batch's observed edges, on DGL's kernels or on torch's.

DGL is used where it is installed and has kernels for the device and precision, plain torch
elsewhere (:mod:`dgljoint.ops.torch_kernels`): without DGL, as on Python 3.13, and on a CUDA device
with the DGL of PyPI, which knows the CPU only. Both give the same results and gradients up to
rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from dgljoint.ops import dgl_compat
from dgljoint.ops import torch_kernels as plain

if TYPE_CHECKING:
    from dgljoint.batch.batch import CascadeBatch

HAS_DGL = dgl_compat.installed()
if HAS_DGL:
    # Here and not at the first message: a DGL that is broken stops a run before it writes anything.
    from dgljoint.ops import dgl_kernels as _dgl

Kernels = Literal["dgl", "torch"]

# On the CPU DGL's kernels have no float16.
_PRECISIONS = (torch.float32, torch.float64)

_forced: ContextVar[Kernels | None] = ContextVar("forced kernels", default=None)


@contextmanager
def using_kernels(kernels: Kernels) -> Iterator[None]:
    """Have messages inside passed by ``"dgl"`` or by ``"torch"``, to compare the two.

    >>> with using_kernels("torch"):
    ...     encoded = encoder(batch, x)

    Raises:
        RunFailedError: DGL is chosen and not installed.
    """
    if kernels == "dgl":
        dgl_compat.require("using_kernels('dgl')")
    token = _forced.set(kernels)
    try:
        yield
    finally:
        _forced.reset(token)


def kernels_for(x: Tensor) -> Kernels:
    """Return what passes messages of ``x``'s device and precision."""
    if forced := _forced.get():
        return forced
    usable = HAS_DGL and x.dtype in _PRECISIONS and _dgl.runs_on(x.device.type)
    return "dgl" if usable else "torch"


def sum_to_children(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Give every post its parent's row, zeros without. Shapes: ``x`` (N, D) to (N, D)."""
    if kernels_for(x) == "dgl":
        return _dgl.sum_from_sources(batch.graph, x)
    return plain.sum_from_sources(batch.edges, x)


def sum_to_parents(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Sum, for every post, the rows of its children. Shapes: ``x`` (N, D) to (N, D)."""
    if kernels_for(x) == "dgl":
        return _dgl.sum_from_sources(batch.reverse_graph, x)
    return plain.sum_from_sources(batch.edges.flip(0), x)


def max_to_parents(batch: CascadeBatch, x: Tensor) -> Tensor:
    """Take the maximum over the children, zeros without. Shapes: ``x`` (N, D) to (N, D)."""
    if kernels_for(x) == "dgl":
        return _dgl.max_from_sources(batch.reverse_graph, x)
    return plain.max_from_sources(batch.edges.flip(0), x)


def softmax_over_neighbourhoods(batch: CascadeBatch, scores: Tensor) -> Tensor:
    """Normalise scores over each post's neighbourhood: its parent, its children and itself.

    Shapes: ``scores`` (2E+N, H), one per edge of ``batch.neighbourhood`` and head, to (2E+N, H)
    weights; those of the edges to one post sum to one.
    """
    if kernels_for(scores) == "dgl":
        return _dgl.softmax_by_destination(batch.neighbourhood_graph, scores)
    return plain.softmax_by_destination(batch.neighbourhood, scores, len(batch.kind))


def sum_over_neighbourhoods(batch: CascadeBatch, weights: Tensor, x: Tensor) -> Tensor:
    """Sum the rows of each post's neighbourhood, each with its weight.

    Shapes: ``weights`` (2E+N, H), one per edge of ``batch.neighbourhood`` and head, taken in the
    precision of ``x``; ``x`` (N, H, K) to (N, H, K).
    """
    weights = weights.to(x.dtype)
    if kernels_for(x) == "dgl":
        return _dgl.weighted_sum_from_sources(batch.neighbourhood_graph, weights, x)
    return plain.weighted_sum_from_sources(batch.neighbourhood, weights, x)


def sum_over_edges(edges: Tensor, weights: Tensor, x: Tensor) -> Tensor:
    """Sum, for every post, the rows at the sources of some edges into it, each with its weight.

    For edges that are not observed: predicted links, pairs to score. DGL keeps no row per edge.

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


def dgl_graph(edges: Tensor, nodes: int) -> Any:
    """Build the DGL graph of some edges among N nodes, for a layer of ``dgl.nn``.

    It is on the CPU where the installed DGL cannot use the device of the edges.

    Shapes: ``edges`` (2, M) int64, source over destination.

    Raises:
        RunFailedError: DGL is not installed.
    """
    dgl_compat.require("a graph of DGL")
    return _dgl.graph_of(edges, nodes)


def dgl_layers() -> dict[str, type[nn.Module]]:
    """Return the graph convolutions of ``dgl.nn`` by name.

    Raises:
        RunFailedError: DGL is not installed.
    """
    dgl_compat.require("a layer of dgl.nn")
    return _dgl.layers()
