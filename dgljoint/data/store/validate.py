"""Check that a file holds what the format promises: a few vectorised passes, no loop over posts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Kind, parents_precede
from dgljoint.data.store import layout as schema
from dgljoint.errors import DataError

Columns = Mapping[str, NDArray[Any]]

_BLOCK = 1 << 18
# Unsigned integers of a float's size, the bits of its exponent, and those of what is too large: of
# 2 to the 50th power, whose squares can still be summed up, or where that is more, of infinity.
_EXPONENTS = {
    2: (np.uint16, np.uint16(0x7C00), np.uint16(0x7C00)),
    4: (np.uint32, np.uint32(0x7F800000), np.uint32((127 + 50) << 23)),
}

# What an opened file has passed, in words; this module and the mapping of columns check it.
CHECKS = (
    "an HDF5 file of this format and version, without links to other files",
    "every column of its type and length, stored in one piece inside the file",
    "the digest of all columns and attributes",
    "labels, events and kinds of posts within their ranges",
    "one source a cascade, first of its posts, and every other post after its parent",
    "posts in time order from a delay of 0",
    "features with a row a post, or for the posts that they name, and finite values; words within "
    "their vocabulary or number of columns",
    "targets with a label per cascade or per post, within their classes",
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
    # The first files of this version lack some of these.
    optional = {
        "derived": list, "columns": dict, "splits_refused": dict, "counts": dict, "reader": str,
        "created_with": str, "raw_digest": str, "targets": dict,
    }
    for name, kind in {**expected, **optional}.items():
        if not isinstance(attributes.get(name, None if name in expected else kind()), kind):
            raise DataError(f"{path}: attribute {name} is missing or malformed")
    derived = attributes.get("derived", [])
    if not (set(map(str, derived)) <= set(schema.DERIVED)):
        raise DataError(
            f"{path}: derived features {derived!r}; this dgljoint computes "
            f"{', '.join(schema.DERIVED)}",
            hint="update dgljoint",
        )
    for name, well in _CONTENTS.items():
        if not well(attributes.get(name)):
            raise DataError(f"{path}: attribute {name} is malformed")


def _texts(values: object) -> bool:
    return all(isinstance(value, str) for value in values) if isinstance(values, Iterable) else True


def _split(settings: object) -> bool:
    return isinstance(settings, dict) and isinstance(settings.get("grouped_by"), str) and _texts(
        settings.values()
    )


def _target(settings: object) -> bool:
    if not isinstance(settings, dict) or settings.get("per") not in ("cascade", "post"):
        return False
    names = settings.get("names")
    return isinstance(names, list) and _texts(names) and len(set(names)) == len(names)


# What the attributes must hold that are containers of the right kind.
_CONTENTS: dict[str, Callable[[Any], bool]] = {
    "label_names": lambda names: _texts(names) and len(set(names)) == len(names),
    "features": lambda kinds: all(
        kind in ("sparse", "dense") and schema.FEATURE_NAME.fullmatch(name)
        and name not in schema.DERIVED
        for name, kind in kinds.items()
    ),
    "columns": lambda widths: all(
        type(width) is int and 0 <= width <= schema.MOST_COLUMNS
        for width in (widths or {}).values()
    ),
    "splits": lambda splits: all(map(_split, splits.values())),
    "splits_refused": lambda reasons: _texts((reasons or {}).values()),
    "targets": lambda targets: all(
        schema.FEATURE_NAME.fullmatch(name) and _target(settings)
        for name, settings in (targets or {}).items()
    ),
    "counts": lambda counts: all(type(count) is int for count in (counts or {}).values()),
}


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
    for name, target in attributes.get("targets", {}).items():
        check.array(f"targets/{name}", schema.TARGET_DTYPE, length=lengths[target["per"]])
        check.within(f"targets/{name}", -1, len(target["names"]))
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
        # The bounds before the differences, which would overflow.
        if (
            ptr[0] != 0 or (ptr < 0).any() or (np.diff(ptr) < 0).any()
            or (end is not None and ptr[-1] != end)
        ):
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
            self.finite(f"{base}/rows", self.rows(base, posts))
            return
        values = self.array(f"{base}/values", schema.SPARSE_PARTS["values"])
        self.finite(f"{base}/values", values)
        self.array(f"{base}/indices", schema.SPARSE_PARTS["indices"], length=len(values))
        self.pointer(f"{base}/indptr", posts, len(values))
        if width is None:
            width = self.strings(f"{base}/vocabulary")
        self.within(f"{base}/indices", 0, width)

    def rows(self, base: str, posts: int) -> NDArray[Any]:
        have = posts
        if f"{base}/posts" in self._columns:
            places = self.array(f"{base}/posts", schema.ROW_POSTS)
            if not schema.ascending(places, posts):
                raise DataError(f"{self._path}: column {base}/posts does not name posts in order")
            have = len(places)
        return self.array(f"{base}/rows", *schema.DENSE_DTYPES, length=have, axes=2)

    def finite(self, name: str, column: NDArray[Any]) -> None:
        # By the bits of the exponent, in blocks: it takes a tenth of the time of the digest.
        bits, exponent, most = _EXPONENTS[column.dtype.itemsize]
        flat = column.reshape(-1).view(bits)
        for start in range(0, len(flat), _BLOCK):
            if ((flat[start : start + _BLOCK] & exponent) >= most).any():
                raise DataError(
                    f"{self._path}: column {name} has values that are not finite, or above 1e15"
                )

    def within(self, name: str, low: int, high: int) -> None:
        column = self._columns[name]
        if len(column) and not (low <= column.min() and column.max() < high):
            raise DataError(f"{self._path}: column {name} has values outside {low} to {high - 1}")
