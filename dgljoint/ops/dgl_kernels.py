"""The only module that imports ``dgl``; :mod:`dgljoint.ops.messages` documents what it computes."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dgljoint.errors import RunFailedError, install_hint, one_line
from dgljoint.ops import dgl_compat

dgl_compat.install()
try:
    import dgl
    from dgl import ops
    from dgl.data import DGLDataset as DGLDataset
    from dgl.nn import conv
except Exception as error:  # whatever a library raises that does not fit its neighbours
    _version = next((one.version for one in metadata.distributions(name="dgl")), "(no version)")
    raise RunFailedError(
        f"DGL {_version} cannot be imported with torch {torch.__version__}: {one_line(error)}",
        hint=f"install a pair that is tested, {install_hint()}; or uninstall dgl: the torch "
        "kernels compute the same",
    ) from error

Graph = Any  # dgl.DGLGraph; DGL ships no types


def graph_of(edges: Tensor, nodes: int) -> Graph:
    """Build the graph of (2, M) edges, on the CPU where DGL does not run on their device."""
    edges = edges if runs_on(edges.device.type) else edges.cpu()
    return dgl.graph((edges[0], edges[1]), num_nodes=nodes)


def reversed_graph(edges: Tensor, nodes: int) -> Graph:
    """Build the graph from child to parent of the (2, E) edges, in order of the children."""
    edges = edges if runs_on(edges.device.type) else edges.cpu()
    # With both orders declared, DGL sorts the edges once less.
    return dgl.graph((edges[1], edges[0]), num_nodes=nodes, row_sorted=True, col_sorted=True)


def save_graphs(path: Path, graphs: Sequence[Graph], labels: Mapping[str, Tensor]) -> None:
    """Write graphs and tensors into one file, for ``dgl.load_graphs``."""
    try:
        dgl.save_graphs(str(path), list(graphs), dict(labels))
        # DGL does not notice when the last bytes find no room, and its index is at the end.
        dgl.load_graphs(str(path), [len(graphs) - 1])
    except dgl.DGLError as error:
        raise OSError(f"DGL could not write it: {one_line(error)}") from error


def sum_from_sources(graph: Graph, x: Tensor) -> Tensor:
    """Sum rows over incoming edges. Shapes: ``x`` (N, D) to (N, D)."""
    summed: Tensor = ops.copy_u_sum(graph, x)
    return summed


def max_from_sources(graph: Graph, x: Tensor) -> Tensor:
    """Take the maximum of rows over incoming edges, 0 without any. Shapes: (N, D) to (N, D)."""
    highest: Tensor = ops.copy_u_max(graph, x)
    # DGL gives -inf there, or 0 with a gradient in a graph without any edge.
    without = (graph.in_degrees() == 0).unsqueeze(1)
    return highest.masked_fill(without, 0)


def softmax_by_destination(graph: Graph, scores: Tensor) -> Tensor:
    """Normalise scores over incoming edges. Shapes: ``scores`` (M, H) to (M, H)."""
    # Not `edge_softmax`: on the CPU its gradient cannot be differentiated once more.
    weight = ops.e_sub_v(graph, scores, ops.copy_e_max(graph, scores.detach())).exp()
    normalised: Tensor = ops.e_div_v(graph, weight, ops.copy_e_sum(graph, weight))
    return normalised


def weighted_sum_from_sources(graph: Graph, weights: Tensor, x: Tensor) -> Tensor:
    """Sum weighted rows over incoming edges. Shapes: (M, H) and (N, H, K) to (N, H, K)."""
    summed: Tensor = ops.u_mul_e_sum(graph, x, weights.unsqueeze(2))
    return summed


def dot_over_pairs(pairs: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the inner products of pairs of rows, without a (P, D) intermediate."""
    product: Tensor = ops.u_dot_v(graph_of(pairs, len(left)), left, right)
    return product.squeeze(-1)


@cache
def runs_on(device_type: str) -> bool:
    """Return whether DGL can use a type of device: the builds on PyPI know the CPU only."""
    return device_type == "cpu" or (device_type == "cuda" and dgl.ndarray.gpu(0).exist)


def kernels_run() -> bool:
    """Return whether a forward and a backward pass through DGL's kernels give the right sum."""
    x = torch.ones(3, 2, requires_grad=True)
    summed = sum_from_sources(graph_of(torch.tensor([[0, 0], [1, 2]]), 3), x)
    torch.autograd.backward(summed.sum())
    return bool(summed[1:].eq(1).all()) and x.grad is not None and bool(x.grad[0].eq(2).all())


def layers() -> dict[str, type[nn.Module]]:
    """Return the convolutions of ``dgl.nn`` by name."""
    found = {name: getattr(conv, name) for name in conv.__all__}
    return {name: kind for name, kind in found.items() if isinstance(kind, type)}
