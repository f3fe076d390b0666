"""The features of which a cascade file holds nothing: computed when a batch is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.batch.shape import SHAPE_COLUMNS, shape
from dgljoint.batch.trees import places
from dgljoint.data.store import CascadeColumns

Rows = NDArray[np.float32]
Hidden = NDArray[np.bool_]

_LOG_DAY = float(np.log1p(86_400))


@dataclass(frozen=True, slots=True)
class Derived:
    """A feature of F named columns, and what computes its rows.

    ``compute`` is given cascades and which of their (N,) edges are hidden, and returns (N, F) for a
    feature of posts, (B, F) for one of cascades.
    """

    columns: tuple[str, ...]
    compute: Callable[[CascadeColumns, Hidden], Rows]


def _time(columns: CascadeColumns, hidden: Hidden) -> Rows:
    """Return logarithms of times, on a scale where a day is 1."""
    delay = columns.delay_seconds
    gap = np.diff(delay, prepend=0.0)
    gap[columns.post_ptr[:-1]] = 0
    return (np.log1p(np.stack((delay, gap), axis=1)) / _LOG_DAY).astype(np.float32)


def _structure(columns: CascadeColumns, hidden: Hidden) -> Rows:
    """Return logarithms of counts, and two flags."""
    counts = places(np.where(hidden, -1, columns.parent))
    table = (*map(np.log1p, counts), columns.parent < 0, hidden)
    return np.stack(table, axis=1).astype(np.float32)


# Features of posts, as they are; those of cascades are scaled by the training set.
DERIVED: Mapping[str, Derived] = {
    "time": Derived(("delay", "since the previous post"), _time),
    "structure": Derived(("depth", "children", "descendants", "source", "pending"), _structure),
}
OF_CASCADES: Mapping[str, Derived] = {"shape": Derived(SHAPE_COLUMNS, shape)}
