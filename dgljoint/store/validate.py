"""Check that a file holds what the format promises: a few vectorised passes, no loop over posts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.cascade import Kind, parents_precede
from dgljoint.errors import DataError
from dgljoint.store import schema

Columns = Mapping[str, NDArray[Any]]

# What an opened file has passed, in words; this module and the mapping of columns check it.
CHECKS = (
    "an HDF5 file of this format and version, without links to other files",
    "every column of its type and length, stored in one piece inside the file",
    "the digest of all columns and attributes",
    "labels, events and kinds of posts within their ranges",
    "one source a cascade, first of its posts, and every other post after its parent",
    "posts in time order from a delay of 0",
    "features with a row a post, words within their vocabulary or number of columns",
    "splits with a fold a cascade",
)


def check_attributes(path: Path, attributes: Mapping[str, Any]) -> None:
    """Raise :class:`DataError` unless format, version and attributes are ours."""
    if attributes.get("format") != schema.FORMAT:
        found = repr(attributes["format"]) if "format" in attributes else "not given"
        raise DataError(
            f"{path}: an HDF5 file of another program: its format is {found}, "
            f"expected {schema.FORMAT!r}",
            hint="make a cascade file with `dgljoint preprocess`",
        )
    version = attributes.get("version")
    if version != schema.VERSION:
        newer = isinstance(version, int) and version > schema.VERSION
        raise DataError(
            f"{path}: format version {version}, this dgljoint reads version {schema.VERSION}",
            hint="update dgljoint" if newer else "build it again with `dgljoint preprocess`",
        )
    expected = {"name": str, "label_names": list, "features": dict, "splits": dict, "digest": str}
    for name, kind in expected.items():
        if not isinstance(attributes.get(name), kind):
            raise DataError(f"{path}: attribute {name} is missing or malformed")
    # The first files of this version have neither.
    derived, columns = attributes.get("derived", []), attributes.get("columns", {})
    if not (isinstance(derived, list) and set(map(str, derived)) <= set(schema.DERIVED)):
        raise DataError(
            f"{path}: derived features {derived!r}; this dgljoint computes "
            f"{', '.join(schema.DERIVED)}",
            hint="update dgljoint",
        )
    if not (
        isinstance(columns, dict) and all(type(n) is int and n >= 0 for n in columns.values())
    ):
        raise DataError(f"{path}: attribute columns is malformed")
    if not isinstance(attributes.get("splits_refused", {}), dict):
        raise DataError(f"{path}: attribute splits_refused is malformed")


def check_columns(path: Path, columns: Columns, attributes: Mapping[str, Any]) -> None:
    """Raise :class:`DataError` unless all columns are there, of one length, and consistent."""
    check = _Checker(path, columns)
    cascades = len(check.array("cascade/label", np.dtype("<i2")))
    ptr = check.pointer("cascade/post_ptr", cascades)
    if (np.diff(ptr) < 1).any():
        raise DataError(f"{path}: a cascade has no posts")
    posts = int(ptr[-1])
    events = check.strings("event/name")
    lengths = {"cascade": cascades, "post": posts, "event": events, "pointer": cascades + 1}
    for column in schema.COLUMNS:
        if column.dtype is None:
            check.strings(column.path, lengths[column.per])
        else:
            check.array(column.path, column.dtype, length=lengths[column.per])
    widths = attributes.get("columns", {})
    for name, kind in attributes["features"].items():
        check.feature(f"features/{name}", kind, posts, widths.get(name))
    for name in attributes["splits"]:
        check.array(f"splits/{name}", schema.SPLIT_DTYPE, length=cascades)
        if f"groups/{name}" in columns:
            check.array(f"groups/{name}", schema.GROUP_DTYPE, length=cascades)
    check.within("cascade/label", -1, len(attributes["label_names"]))
    check.within("cascade/event", 0, events)
    check.within("post/kind", 0, len(Kind))
    if not parents_precede(columns["post/parent"], ptr):
        raise DataError(f"{path}: a post does not stand after its parent")
    delay = columns["post/delay"]
    rising = np.diff(delay) >= 0
    rising[ptr[1:-1] - 1] = True  # the step from one cascade to the next
    if not (np.isfinite(delay).all() and rising.all() and (delay[ptr[:-1]] == 0).all()):
        raise DataError(f"{path}: posts are not in time order")


class _Checker:
    def __init__(self, path: Path, columns: Columns) -> None:
        self._path = path
        self._columns = columns

    def array(
        self, name: str, *dtypes: np.dtype[Any], length: int | None = None, axes: int = 1
    ) -> NDArray[Any]:
        column = self._columns.get(name)
        if column is None:
            raise DataError(f"{self._path}: column {name} is missing")
        if column.dtype not in dtypes or column.ndim != axes:
            raise DataError(f"{self._path}: column {name} is of type {column.dtype}, "
                            f"{column.ndim} axes; expected {dtypes[0]}, {axes}")
        if length is not None and len(column) != length:
            raise DataError(f"{self._path}: column {name} has {len(column)} entries, "
                            f"expected {length}")
        return column

    def pointer(self, name: str, entries: int, end: int | None = None) -> NDArray[np.int64]:
        ptr = self.array(name, np.dtype("<i8"), length=entries + 1)
        if ptr[0] != 0 or (np.diff(ptr) < 0).any() or (end is not None and ptr[-1] != end):
            raise DataError(f"{self._path}: column {name} does not point into its data")
        return ptr

    def strings(self, name: str, entries: int | None = None) -> int:
        data = self.array(f"{name}/bytes", schema.STRING_BYTES)
        ptr = self.array(f"{name}/ptr", schema.STRING_PTR)
        count = max(len(ptr) - 1, 0) if entries is None else entries
        self.pointer(f"{name}/ptr", count, len(data))
        return count

    def feature(self, base: str, kind: str, posts: int, width: int | None) -> None:
        if kind == "dense":
            self.array(f"{base}/rows", *schema.DENSE_DTYPES, length=posts, axes=2)
            return
        values = self.array(f"{base}/values", schema.SPARSE_PARTS["values"])
        self.array(f"{base}/indices", schema.SPARSE_PARTS["indices"], length=len(values))
        self.pointer(f"{base}/indptr", posts, len(values))
        if width is None:
            width = self.strings(f"{base}/vocabulary")
        self.within(f"{base}/indices", 0, width)

    def within(self, name: str, low: int, high: int) -> None:
        column = self._columns[name]
        if len(column) and not (low <= column.min() and column.max() < high):
            raise DataError(f"{self._path}: column {name} has values outside {low} to {high - 1}")
