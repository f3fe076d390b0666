"""Layers of ``dgl.nn`` over the observed edges."""

import inspect
import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from dgljoint import UsageError
from dgljoint.nn import CascadeBatch, Dropout, Encoder, dgl_graph, dgl_layers, xavier
from dgljoint_plugins.encoders.dgl import DGLOptions

# What DGL calls the width of the input, the width of the output, and the rows of the nodes.
_INPUT = ("in_feats", "in_feat", "in_size", "input_d")
_OUTPUT = ("out_feats", "out_feat", "out_size", "output_d")
_ROWS = ("feat", "node_feat")
# A layer with it keeps what it computed of the first batch.
_LEFT_OUT = ("self", "cached")
# Given where a layer can be called with it: an upper bound of the Laplacian's eigenvalues.
_CALLED_WITH = {"lambda_max": [2.0]}
# The precisions that DGL has kernels for on the CPU.
_PRECISIONS = (torch.float32, torch.float64)


class DGLEncoder(Encoder):
    """Layers of one class of ``dgl.nn``, with ``h' = layer(dropout(relu(h)))`` between them.

    The heads of a layer, or whatever it returns of a post, are joined end to end, and a linear map
    brings them to D where they have another width. The last layer has no rectifier, since its
    output is no class score but a representation.
    """

    def __init__(self, options: DGLOptions, width: int) -> None:
        super().__init__()
        kind, arguments = _chosen(options.layer, options.model_extra or {}, width)
        self.layers = nn.ModuleList(_Layer(kind, arguments, width) for _ in range(options.layers))
        self.dropout = Dropout(options.dropout)
        self.direction, self.self_loops = options.direction, options.self_loops

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Encode. Shapes: ``x`` (N, D) to (N, D)."""
        graph = dgl_graph(self._edges(batch), len(x))
        if graph.device != x.device:
            raise UsageError(
                f"the encoder 'dgl' computes on {x.device.type}, which this DGL has no kernels for",
                hint="--device cpu, or another encoder",
            )
        for number, layer in enumerate(self.layers):
            if number:
                x = self.dropout(x.relu())
            x = layer(graph, x)
        return x

    def _edges(self, batch: CascadeBatch) -> Tensor:
        """Return the edges that messages take. Shapes: (2, M), source over destination."""
        ways = {
            "down": (batch.edges,), "up": (batch.edges.flip(0),),
            "both": (batch.edges, batch.edges.flip(0)),
        }[self.direction]
        itself = torch.arange(len(batch.kind), device=batch.device).expand(2, -1)
        return torch.cat((*ways, itself) if self.self_loops else ways, dim=1)


class _Layer(nn.Module):
    """One layer, and a linear map to D where its output has another width."""

    def __init__(self, kind: type[nn.Module], arguments: Mapping[str, Any], width: int) -> None:
        super().__init__()
        given = {  # modules are the layer's own
            name: value(width, width) if value is nn.Linear else value
            for name, value in arguments.items()
        }
        forward = inspect.signature(kind.forward).parameters
        self.given = {name: value for name, value in _CALLED_WITH.items() if name in forward}
        try:
            self.conv = kind(**given)
            size = self._size(width)
        except Exception as error:
            shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            raise UsageError(
                f"dgl.layer: {kind.__name__}({shown}) does not work on a graph of posts: "
                f"{type(error).__name__}: {error}",
                hint=f"it takes {', '.join(_parameters(kind))}",
            ) from error
        self.join = nn.Identity() if size == width else xavier(nn.Linear(size, width))

    def forward(self, graph: Any, x: Tensor) -> Tensor:
        """Convolve. Shapes: ``x`` (N, D) to (N, D)."""
        if x.dtype in _PRECISIONS:
            found = self.conv(graph, x, **self.given)
        else:
            state = {**dict(self.conv.named_parameters()), **dict(self.conv.named_buffers())}
            exact = {name: v.float() if v.is_floating_point() else v for name, v in state.items()}
            with torch.autocast(x.device.type, enabled=False):
                found = functional_call(self.conv, exact, (graph, x.float()), self.given)
        joined: Tensor = self.join(found.flatten(1).to(x.dtype))
        return joined

    def _size(self, width: int) -> int:
        """Return how many numbers the layer gives of a node, by a graph of three."""
        graph = dgl_graph(torch.tensor([[0, 0, 0, 1, 2], [1, 2, 0, 1, 2]]), 3)
        self.conv.eval()
        with torch.no_grad():
            found = self.conv(graph, torch.ones(3, width), **self.given)
        self.conv.train()
        if not isinstance(found, Tensor) or found.dim() < 2 or len(found) != 3:
            raise TypeError("it does not return one row per post")
        return found[0].numel()


def _chosen(
    name: str, extra: Mapping[str, Any], width: int
) -> tuple[type[nn.Module], dict[str, Any]]:
    """Return the class of a layer and its arguments."""
    kinds = dgl_layers()
    if name not in kinds:
        near = get_close_matches(name, kinds, n=3, cutoff=0.4) or sorted(kinds)
        raise UsageError(f"dgl.layer: dgl.nn has no layer '{name}'", hint=", ".join(near))
    kind = kinds[name]
    takes = _parameters(kind)
    called = list(inspect.signature(kind.forward).parameters.values())[1:]
    needed = [one.name for one in called[2:] if one.default is one.empty]
    if called[0].name not in ("graph", "g") or called[1].name not in _ROWS:
        needed = [one.name for one in called[:2]]
    if needed:
        raise UsageError(
            f"dgl.layer: {name} is called with {' and '.join(needed)}, and a cascade gives a layer "
            "nothing but its graph and one row per post",
            hint="choose a layer such as GraphConv, GATv2Conv, SAGEConv, TAGConv or GINConv",
        )
    own = [key for key in takes if key in _INPUT]
    if wrong := [key for key in extra if key not in takes or key in own]:
        raise UsageError(
            f"dgl.{wrong[0]}: {name} takes no argument '{wrong[0]}'",
            hint=f"it takes {', '.join(key for key in takes if key not in own)}",
        )
    arguments = {key: _value(key, value) for key, value in extra.items()}
    heads = arguments.get("num_heads", 1)
    out = -(-width // heads) if isinstance(heads, int) and heads > 0 else width
    filled = {
        **dict.fromkeys(_INPUT, width), **dict.fromkeys(_OUTPUT, out),
        "allow_zero_in_degree": True, "apply_func": nn.Linear,
    }
    arguments = {key: filled[key] for key in takes if key in filled} | arguments
    if missing := [key for key, one in takes.items() if one.default is one.empty
                   and key not in arguments]:
        raise UsageError(
            f"dgl.layer: {name} needs {', '.join(missing)}",
            hint=" ".join(f"-s dgl.{key}=VALUE" for key in missing),
        )
    return kind, arguments


def _parameters(kind: type[nn.Module]) -> dict[str, inspect.Parameter]:
    """Return what the class of a layer is made with, by name."""
    found = inspect.signature(kind.__init__).parameters
    return {name: one for name, one in found.items() if name not in _LEFT_OUT}


def _value(key: str, value: Any) -> Any:
    """Read what the command line gives as text; an activation is a function of torch."""
    if not isinstance(value, str):
        return value
    if key == "activation":
        return getattr(nn.functional, value, value)
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
