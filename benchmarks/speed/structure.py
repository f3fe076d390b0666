"""The graphs of batches and nothing else: the trees whole, or with some edges left out.

Each function makes the graphs of all batches, one after the other and always the same. Ours starts
from columns in memory or in the mapped file; a peer from one ready graph per cascade, which is not
part of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgljoint.batch.assemble import observed_edges
from dgljoint.data.store import CascadeColumns
from dgljoint.ops.dgl_kernels import graph_of
from dgljoint.tasks.targets import TargetPairs, evaluation_targets

from . import peer_dgl, peer_pyg
from .contender import nothing_asked
from .request import DGL, OWN, PYG
from .subject import Subject

OWN_MAPPED = "dgljoint, from the mapped file"
_SHARE = 0.8

Functions = dict[str, Callable[[], object]]


def whole(subject: Subject) -> Functions:
    """Return what makes graphs with every edge."""
    columns = _columns(subject)
    asked = [nothing_asked(part) for part in columns]
    indices = [subject.chosen[part] for part in subject.parts()]
    read = subject.store.read
    functions: Functions = {
        OWN: lambda: [*map(_observed, columns, asked)],
        OWN_MAPPED: lambda: [*map(_observed, map(read, indices), asked)],
        DGL: _each(peer_dgl.joined, _ready(subject, peer_dgl.graphs)),
    }
    if PYG not in subject.left_out:
        functions[PYG] = _each(peer_pyg.joined, _ready(subject, peer_pyg.structures))
    return functions


def hidden(subject: Subject) -> Functions:
    """Return what makes graphs without the edges of the last fifth of the posts.

    Which they are is found beforehand, for all alike: what is predicted must not be seen.
    """
    columns = _columns(subject)
    asked = [evaluation_targets(part, _SHARE, scored=False).unpaired() for part in columns]
    kept = [*map(_kept, columns, asked)]
    sizes = [*map(_sizes, columns, kept)]
    graphs = _ready(subject, peer_dgl.graphs)
    functions: Functions = {
        OWN: lambda: [*map(_observed, columns, asked)],
        DGL: lambda: [*map(peer_dgl.without, graphs, kept, sizes)],
    }
    if PYG not in subject.left_out:
        ready = _ready(subject, peer_pyg.structures)
        functions[PYG] = lambda: [*map(peer_pyg.without, ready, kept)]
    return functions


def _observed(columns: CascadeColumns, targets: TargetPairs) -> Any:
    """Make the batched graph of the observed edges, as ``CascadeBatch.graph`` is."""
    edges = observed_edges(columns, targets)
    of = torch.from_numpy(columns.cascade_of)[edges[1]]
    graph = graph_of(edges, len(columns.parent))
    graph.set_batch_num_nodes(torch.from_numpy(np.diff(columns.post_ptr)))
    graph.set_batch_num_edges(torch.bincount(of, minlength=len(columns.index)))
    return graph


def _each(join: Callable[[Any], Any], parts: Sequence[Any]) -> Callable[[], object]:
    return lambda: [*map(join, parts)]


def _columns(subject: Subject) -> list[CascadeColumns]:
    return [subject.store.read(subject.chosen[part]) for part in subject.parts()]


def _ready(subject: Subject, make: Callable[[Any], list[Any]]) -> list[list[Any]]:
    made = make(subject.threads)
    return [made[part] for part in subject.parts()]


def _kept(columns: CascadeColumns, targets: TargetPairs) -> Tensor:
    return torch.from_numpy(~targets.hidden[columns.parent >= 0])


def _sizes(columns: CascadeColumns, kept: Tensor) -> Tensor:
    of = torch.from_numpy(columns.cascade_of[columns.parent >= 0])
    return torch.bincount(of[kept], minlength=len(columns.index))
