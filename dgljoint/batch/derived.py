"""Features that are computed when a batch is made, from what is observed then.

``time`` is known when a post arrives. ``structure`` counts observed edges alone: what is asked, and
every edge after the observation cut, is in none of its columns. A pending post is the root of a
part of its own; where later posts are observed to hang below it, as in training, they count for it
and for no post above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeColumns
from dgljoint.tasks.targets import TargetPairs

_LOG_DAY = float(np.log1p(86_400))

Index = NDArray[np.int64]
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived feature.

    Attributes:
        columns: what each stands for.
        compute: makes the (N, F) rows.
    """

    columns: tuple[str, ...]
    compute: Callable[[CascadeColumns, TargetPairs], Rows]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where each of N nodes stands in its tree; see :func:`places`.

    Attributes:
        depth: (N,) number of nodes above.
        children: (N,) number of nodes right below.
        descendants: (N,) number of nodes below.
    """

    depth: Index
    children: NDArray[np.float64]
    descendants: NDArray[np.float64]


def places(parent: Index) -> Places:
    """Place the nodes of a forest by pointer doubling, in any order of the nodes.

    Round k looks 2^k nodes up: it costs one pass over the nodes that deep, and there are log2 of
    the depth of them.

    Args:
        parent: (N,) -1 for a root.
    """
    depth = (parent >= 0).astype(np.int64)
    ancestor = parent.copy()
    # In round k of each node: those less than 2^k below it, itself included.
    size = np.ones(len(parent))
    deeper = np.flatnonzero(parent >= 0)
    children: NDArray[np.float64] | None = None
    while len(deeper):
        above = ancestor[deeper]
        found = np.bincount(above, size[deeper], len(parent)).astype(np.float64, copy=False)
        children = found if children is None else children
        size += found
        depth[deeper] += depth[above]
        further = ancestor[above]
        ancestor[deeper] = further
        deeper = deeper[further >= 0]
    return Places(depth, np.zeros_like(size) if children is None else children, size - 1)


def _time(columns: CascadeColumns, targets: TargetPairs) -> Rows:
    """Return log times on a scale where a day is 1."""
    delay = columns.delay_seconds
    gap = np.diff(delay, prepend=0.0)
    gap[columns.post_ptr[:-1]] = 0
    return (np.log1p(np.stack((delay, gap), axis=1)) / _LOG_DAY).astype(np.float32)


def _structure(columns: CascadeColumns, targets: TargetPairs) -> Rows:
    """Return log numbers and two marks."""
    place = places(np.where(targets.hidden, -1, columns.parent))
    table = (
        np.log1p(place.depth), np.log1p(place.children), np.log1p(place.descendants),
        columns.parent < 0, targets.hidden,
    )
    return np.stack(table, axis=1).astype(np.float32)


DERIVED: Mapping[str, Derived] = {
    "time": Derived(("delay", "since the previous post"), _time),
    "structure": Derived(("depth", "children", "descendants", "source", "pending"), _structure),
}
