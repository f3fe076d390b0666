"""The layout of a cascade file: which columns it has, of which type, one entry per what.

A string column is a pair ``<path>/ptr`` (int64, one more than there are strings) and
``<path>/bytes`` (UTF-8): it can be mapped into memory like any other column, which HDF5's own
variable-length strings cannot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = "dgljoint-cascades"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One fixed column.

    Attributes:
        path: inside the file; a string column stands for its pair.
        dtype: of the elements; ``None`` for a string column.
        per: ``cascade``, ``post`` or ``event``: what it has one entry of; ``pointer`` has one
            more entry than there are cascades.
    """

    path: str
    dtype: np.dtype[Any] | None
    per: str


COLUMNS = (
    Column("cascade/id", None, "cascade"),
    Column("cascade/label", np.dtype("<i2"), "cascade"),
    Column("cascade/event", np.dtype("<i4"), "cascade"),
    Column("cascade/posted_at", np.dtype("<i8"), "cascade"),
    Column("cascade/post_ptr", np.dtype("<i8"), "pointer"),
    Column("event/name", None, "event"),
    Column("post/parent", np.dtype("<i4"), "post"),
    Column("post/delay", np.dtype("<f8"), "post"),
    Column("post/user", np.dtype("<i8"), "post"),
    Column("post/kind", np.dtype("u1"), "post"),
    Column("post/id", None, "post"),
    Column("post/text", None, "post"),
)

STRING_PTR = np.dtype("<i8")
STRING_BYTES = np.dtype("u1")
SPARSE_PARTS: dict[str, np.dtype[Any]] = {
    "indptr": np.dtype("<i8"),
    "indices": np.dtype("<i4"),
    "values": np.dtype("<f4"),
}
# Computed when a batch is made; a file says which of them its maker wanted.
DERIVED = ("time", "structure")
# Of a sparse feature without a vocabulary; as many numbers are held for each.
MOST_COLUMNS = 1 << 24
FEATURE_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
# A dense feature is `rows`; where not all posts have one, `posts` says which do.
ROW_POSTS = np.dtype("<i8")
DENSE_DTYPES = (np.dtype("<f2"), np.dtype("<f4"))
TARGET_DTYPE = np.dtype("<i2")
SPLIT_DTYPE = np.dtype("i1")
GROUP_DTYPE = np.dtype("<i4")


def ascending(places: NDArray[np.int64], end: int) -> bool:
    """Say whether places rise from 0 or more to below ``end``, each once."""
    if not len(places):
        return True
    return bool(places[0] >= 0 and places[-1] < end and (places[1:] > places[:-1]).all())
