"""The only place that imports ``dgl``; what dgljoint needs of it, with shapes and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from dgljoint.errors import RunFailedError, install_hint, one_line
from dgljoint.ops import dgl_compat as _dgl_compat

_dgl_compat.install()


def _version() -> str:
    try:
        return metadata.version("dgl")
    except metadata.PackageNotFoundError:
        return "(not installed)"


try:
    import dgl
    from dgl.data import DGLDataset
    from dgl.ops import (
        copy_e_max,
        copy_e_sum,
        copy_u_max,
        copy_u_sum,
        e_div_v,
        e_sub_v,
        u_dot_v,
        u_mul_e_sum,
    )
except Exception as error:  # whatever a library raises that does not fit its neighbours
    raise RunFailedError(
        f"DGL {_version()} cannot be imported beside torch {torch.__version__}: {one_line(error)}",
        hint=f"install a pair that is tested, {install_hint()}",
    ) from error

__all__ = [
    "DGLDataset",
    "Graph",
    "batched_graph",
    "dot_over_pairs",
    "graph_of",
    "kernels_run",
    "max_from_sources",
    "moved_graph",
    "plain_graph",
    "reversed_graph",
    "runs_on",
    "save_graphs",
    "softmax_by_destination",
    "sum_from_sources",
    "weighted_sum_from_sources",
]

Graph = Any  # dgl.DGLGraph; DGL ships no types


def batched_graph(
    source: torch.Tensor,
    destination: torch.Tensor,
    posts_of: torch.Tensor,
    edges_of: torch.Tensor,
) -> Graph:
    """Build one batched graph in one call.

    Args:
        source: (E,) int64 index of each edge's parent post in the batch.
        destination: (E,) int64 index of its child, ascending.
        posts_of: (B,) int64 posts of each cascade; they sum to N.
        edges_of: (B,) int64 edges of each cascade; they sum to E.
    """
    graph = dgl.graph((source, destination), num_nodes=int(posts_of.sum()))
    graph.set_batch_num_nodes(posts_of)
    graph.set_batch_num_edges(edges_of)
    return graph


def plain_graph(
    source: torch.Tensor, destination: torch.Tensor, nodes: Mapping[str, torch.Tensor]
) -> Graph:
    """Build one graph with node data.

    Args:
        source: (E,) int64.
        destination: (E,) int64.
        nodes: by name, at least one, a row a node.
    """
    count = len(next(iter(nodes.values())))
    graph = dgl.graph((source, destination), num_nodes=count)
    graph.ndata.update(nodes)
    return graph


def save_graphs(path: Path, graphs: Sequence[Graph], labels: Mapping[str, torch.Tensor]) -> None:
    """Write graphs and tensors beside them, for ``dgl.load_graphs``.

    Raises:
        OSError: the file system refuses.
    """
    try:
        dgl.save_graphs(str(path), list(graphs), dict(labels))
        # DGL does not notice when the last bytes find no room; it finds graphs by what stands last.
        dgl.load_graphs(str(path), [len(graphs) - 1])
    except dgl.DGLError as error:
        raise OSError(f"DGL could not write it: {one_line(error)}") from error


def graph_of(edges: torch.Tensor, nodes: int) -> Graph:
    """Build one graph of bare edges, (2, M) int64, source over destination."""
    return dgl.graph((edges[0], edges[1]), num_nodes=nodes)


def moved_graph(graph: Graph, device: torch.device | str) -> Graph:
    """Return the graph on ``device``, or as it is where DGL does not run there."""
    return graph.to(device) if runs_on(torch.device(device).type) else graph


def sum_from_sources(graph: Graph, x: torch.Tensor) -> torch.Tensor:
    """Sum, for every node, the rows of ``x`` at the sources of its incoming edges.

    Shapes: ``x`` (N, D) to (N, D).
    """
    summed: torch.Tensor = copy_u_sum(graph, x)
    return summed


def max_from_sources(graph: Graph, x: torch.Tensor) -> torch.Tensor:
    """Take, for every node, the maximum over the sources of its incoming edges; 0 without any.

    Shapes: ``x`` (N, D) to (N, D).
    """
    highest: torch.Tensor = copy_u_max(graph, x)
    # DGL says -inf there, or 0 with a gradient in a graph without any edge.
    without = (graph.in_degrees() == 0).unsqueeze(1)
    return highest.masked_fill(without, 0)


def softmax_by_destination(graph: Graph, scores: torch.Tensor) -> torch.Tensor:
    """Normalise scores over the edges that enter one node.

    Shapes: ``scores`` (M, H), in the order of the edges, to (M, H).
    """
    # Not `edge_softmax`: on the CPU its gradient cannot be differentiated once more.
    weight = e_sub_v(graph, scores, copy_e_max(graph, scores.detach())).exp()
    normalised: torch.Tensor = e_div_v(graph, weight, copy_e_sum(graph, weight))
    return normalised


def weighted_sum_from_sources(
    graph: Graph, weights: torch.Tensor, x: torch.Tensor
) -> torch.Tensor:
    """Sum, for every node, the rows at the sources of its incoming edges, each with a weight.

    Shapes: ``weights`` (M, H), in the order of the edges; ``x`` (N, H, K) to (N, H, K).
    """
    summed: torch.Tensor = u_mul_e_sum(graph, x, weights.unsqueeze(2))
    return summed


def dot_over_pairs(pairs: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the inner product of two rows for every pair, without a (P, D) intermediate.

    Shapes: ``pairs`` (2, P), row of ``left`` over row of ``right``; both (N, D); to (P,).
    """
    graph = dgl.graph((pairs[0], pairs[1]), num_nodes=len(left))
    product: torch.Tensor = u_dot_v(graph, left, right)
    return product.squeeze(-1)


def reversed_graph(graph: Graph) -> Graph:
    """Return a forest with every edge turned round; batch sizes are kept.

    Args:
        graph: edges from parent to child in the order of the children, one parent each.
    """
    parent, child = graph.edges()
    # Told that the edges are in order, DGL sorts them once less; `dgl.reverse` forgets it, and
    # the batch sizes too.
    turned = dgl.graph(
        (child, parent), num_nodes=graph.num_nodes(), row_sorted=True, col_sorted=True
    )
    turned.set_batch_num_nodes(graph.batch_num_nodes())
    turned.set_batch_num_edges(graph.batch_num_edges())
    return turned


@cache
def runs_on(device_type: str) -> bool:
    """Say whether DGL can use a type of device: the builds that PyPI offers know the CPU only."""
    return device_type == "cpu" or (device_type == "cuda" and dgl.ndarray.gpu(0).exist)


def kernels_run() -> bool:
    """Say whether a forward and a backward pass through DGL's kernels give the right sum."""
    graph = dgl.graph((torch.tensor([0, 0]), torch.tensor([1, 2])), num_nodes=3)
    x = torch.ones(3, 2, requires_grad=True)
    summed = copy_u_sum(graph, x)
    summed.sum().backward()
    return bool(summed[1:].eq(1).all()) and x.grad is not None and bool(x.grad[0].eq(2).all())
