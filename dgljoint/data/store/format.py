"""The layout of a cascade file, and the checks that a file keeps to it.

A string column is a pair ``<path>/ptr`` (int64, one more than there are strings) and
``<path>/bytes`` (UTF-8), which can be mapped into memory, unlike HDF5's own strings.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dgljoint.data.cascade import Kind, parents_precede
from dgljoint.errors import DataError

FORMAT = "dgljoint-cascades"
VERSION = 1

# Path inside the file, dtype (``None``: a string column), and what it has one entry per;
# ``pointer`` has one more entry than there are cascades.
COLUMNS: tuple[tuple[str, np.dtype[Any] | None, str], ...] = (
    ("cascade/id", None, "cascade"),
    ("cascade/label", np.dtype("<i2"), "cascade"),
    ("cascade/event", np.dtype("<i4"), "cascade"),
    ("cascade/posted_at", np.dtype("<i8"), "cascade"),
    ("cascade/post_ptr", np.dtype("<i8"), "pointer"),
    ("event/name", None, "event"),
    ("post/parent", np.dtype("<i4"), "post"),
    ("post/delay", np.dtype("<f8"), "post"),
    ("post/user", np.dtype("<i8"), "post"),
    ("post/kind", np.dtype("u1"), "post"),
    ("post/id", None, "post"),
    ("post/text", None, "post"),
)
STRING_PTR = np.dtype("<i8")
STRING_BYTES = np.dtype("u1")
SPARSE_PARTS: dict[str, np.dtype[Any]] = {
    "indptr": np.dtype("<i8"),
    "indices": np.dtype("<i4"),
    "values": np.dtype("<f4"),
}
# Computed when a batch is made; a file names those that its maker wanted.
DERIVED = ("time", "structure", "shape")
# Of a sparse feature without a vocabulary; as many numbers are held for each.
MOST_COLUMNS = 1 << 24
FEATURE_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
# A dense feature is `rows`; where not all posts have one, `posts` names those that do.
ROW_POSTS = np.dtype("<i8")
DENSE_DTYPES = (np.dtype("<f2"), np.dtype("<f4"))
TARGET_DTYPE = np.dtype("<i2")
SPLIT_DTYPE = np.dtype("i1")
GROUP_DTYPE = np.dtype("<i4")
# Of the best predictions: path under their kind, dtype, and what there is one entry per.
BEST_PARTS = (
    ("probability", np.dtype("<f8"), "cascade"),
    ("above", np.dtype("<i4"), "post"),
    ("source", np.dtype("<i1"), "post"),
)

# What an opened file has passed, in words; this module and the mapping of columns check it.
CHECKS = (
    "an HDF5 file of this format and version, without links to other files",
    "every column of its type and length, stored in one piece inside the file",
    "the digest of all columns and attributes",
    "labels, events and kinds of posts within their ranges",
    "one source per cascade, first of its posts, and every other post after its parent",
    "posts in time order from a delay of 0",
    "features with one row per post, or for the posts that they name, and finite values; words "
    "within their vocabulary or number of columns",
    "targets with a label per cascade or per post, within their classes",
    "splits with one fold per cascade",
    "best predictions, where a generator knows them, per cascade and post",
)

_BLOCK = 1 << 18
# Unsigned integers of a float's size, the bits of its exponent, and those of what is too large: of
# 2 to the 50th power, whose squares can still be summed up, or where that is more, of infinity.
_EXPONENTS = {
    2: (np.uint16, np.uint16(0x7C00), np.uint16(0x7C00)),
    4: (np.uint32, np.uint32(0x7F800000), np.uint32((127 + 50) << 23)),
}


def ascending(places: NDArray[np.int64], end: int) -> bool:
    """Return whether places rise from 0 or more to below ``end``, each once."""
    if not len(places):
        return True
    return bool(places[0] >= 0 and places[-1] < end and (places[1:] > places[:-1]).all())


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("a name occurs twice")
    return names


def _not_derived(name: str) -> str:
    if name in DERIVED:
        raise ValueError("the name of a derived feature")
    return name


_Names = Annotated[list[str], AfterValidator(_distinct)]
_Name = Annotated[str, Field(pattern=f"^{FEATURE_NAME.pattern}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Split(_Strict):
    grouped_by: str
    ordered_by: str
    digest: str


class _Target(_Strict):
    per: Literal["cascade", "post"]
    names: _Names


class _Attributes(_Strict):
    name: str
    reader: str
    label_names: _Names
    features: dict[Annotated[_Name, AfterValidator(_not_derived)], Literal["sparse", "dense"]]
    columns: dict[str, Annotated[int, Field(ge=0, le=MOST_COLUMNS)]]
    derived: list[str]
    splits: dict[str, _Split]
    splits_refused: dict[str, str]
    targets: dict[_Name, _Target] = {}
    best: list[_Name] = []
    counts: dict[str, int] = {}
    created_with: str
    raw_digest: str
    digest: str


def check_attributes(path: Path, attributes: Mapping[str, Any]) -> None:
    """Raise :class:`DataError` unless format, version and attributes are ours."""
    if attributes.get("format") != FORMAT:
        found = repr(attributes["format"]) if "format" in attributes else "not given"
        raise DataError(
            f"{path}: an HDF5 file of another program: its format is {found}, expected {FORMAT!r}",
            hint="make a cascade file with `dgljoint preprocess`",
        )
    version = attributes.get("version")
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        raise DataError(
            f"{path}: format version {version}, this dgljoint reads version {VERSION}",
            hint="update dgljoint" if newer else "build it again with `dgljoint preprocess`",
        )
    try:
        derived = _Attributes.model_validate(dict(attributes)).derived
    except ValidationError as error:
        name = error.errors(include_input=False)[0]["loc"][0]
        raise DataError(f"{path}: attribute {name} is missing or malformed") from error
    if not set(derived) <= set(DERIVED):
        raise DataError(
            f"{path}: derived features {derived!r}; this dgljoint computes {', '.join(DERIVED)}",
            hint="update dgljoint",
        )


def check_columns(
    path: Path, columns: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]
) -> None:
    """Raise :class:`DataError` unless all columns are there, of one length, and consistent."""
    check = _Checker(path, columns)
    cascades = len(check.array("cascade/label", np.dtype("<i2")))
    ptr = check.pointer("cascade/post_ptr", cascades)
    if (np.diff(ptr) < 1).any():
        raise DataError(f"{path}: a cascade has no posts")
    posts = int(ptr[-1])
    events = check.strings("event/name")
    lengths = {"cascade": cascades, "post": posts, "event": events, "pointer": cascades + 1}
    for name, dtype, per in COLUMNS:
        if dtype is None:
            check.strings(name, lengths[per])
        else:
            check.array(name, dtype, length=lengths[per])
    for name, kind in attributes["features"].items():
        check.feature(f"features/{name}", kind, posts, attributes["columns"].get(name))
    for name in attributes["splits"]:
        check.array(f"splits/{name}", SPLIT_DTYPE, length=cascades)
        if f"groups/{name}" in columns:
            check.array(f"groups/{name}", GROUP_DTYPE, length=cascades)
    for name, target in attributes.get("targets", {}).items():
        check.array(f"targets/{name}", TARGET_DTYPE, length=lengths[target["per"]])
        check.within(f"targets/{name}", -1, len(target["names"]))
    for kind in attributes.get("best", ()):
        for part, dtype, per in BEST_PARTS:
            axes = 2 if part == "probability" else 1
            check.array(f"best/{kind}/{part}", dtype, length=lengths[per], axes=axes)
        check.within(f"best/{kind}/above", -1, posts)
        classes = columns[f"best/{kind}/probability"].shape[1]
        if classes != len(attributes["label_names"]):
            raise DataError(f"{path}: column best/{kind}/probability has {classes} classes")
    check.within("cascade/label", -1, len(attributes["label_names"]))
    check.within("cascade/event", 0, events)
    check.within("post/kind", 0, len(Kind))
    if not parents_precede(columns["post/parent"], ptr):
        raise DataError(f"{path}: a post is not after its parent")
    delay = columns["post/delay"]
    rising = np.diff(delay) >= 0
    rising[ptr[1:-1] - 1] = True  # the step from one cascade to the next
    if not (np.isfinite(delay).all() and rising.all() and (delay[ptr[:-1]] == 0).all()):
        raise DataError(f"{path}: posts are not in time order")


class _Checker:
    def __init__(self, path: Path, columns: Mapping[str, NDArray[Any]]) -> None:
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
        data = self.array(f"{name}/bytes", STRING_BYTES)
        ptr = self.array(f"{name}/ptr", STRING_PTR)
        count = max(len(ptr) - 1, 0) if entries is None else entries
        self.pointer(f"{name}/ptr", count, len(data))
        return count

    def feature(self, base: str, kind: str, posts: int, width: int | None) -> None:
        if kind == "dense":
            self.finite(f"{base}/rows", self.rows(base, posts))
            return
        values = self.array(f"{base}/values", SPARSE_PARTS["values"])
        self.finite(f"{base}/values", values)
        self.array(f"{base}/indices", SPARSE_PARTS["indices"], length=len(values))
        self.pointer(f"{base}/indptr", posts, len(values))
        if width is None:
            width = self.strings(f"{base}/vocabulary")
        self.within(f"{base}/indices", 0, width)

    def rows(self, base: str, posts: int) -> NDArray[Any]:
        have = posts
        if f"{base}/posts" in self._columns:
            places = self.array(f"{base}/posts", ROW_POSTS)
            if not ascending(places, posts):
                raise DataError(f"{self._path}: column {base}/posts does not name posts in order")
            have = len(places)
        return self.array(f"{base}/rows", *DENSE_DTYPES, length=have, axes=2)

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
