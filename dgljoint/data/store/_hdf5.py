"""The only place that imports h5py: flat columns and attributes in, the same out.

Columns are written contiguously, so that a reader can map them into memory and leave HDF5 out of
the hot path. They are spooled to unnamed temporary files beside the target first: their lengths
are not known before the last cascade, and memory stays bounded.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import stat
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from dgljoint.errors import DataError

Array = NDArray[Any]
_COPY_BYTES = 1 << 23
_DIGEST = "digest"
# What HDF5 needs beside the columns: headers and groups, at most this much a column and in all.
_HEADER_BYTES = 1 << 10
_FRAME_BYTES = 1 << 14
# More than any file of ours has; somebody else's may have any number.
_MOST_ATTRIBUTES = 100
_MOST_OBJECTS = 10_000
_DEPTH = 8
_HEAP = b"GCOL\x01"
_WORD = 2**64 - 1
_DTYPES = tuple(np.dtype(f"<{name}") for name in ("i1", "i2", "i4", "i8", "u1", "f2", "f4", "f8"))
# What h5py raises on damaged files and on such as it has no types for.
_FAULTS = (
    OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError,
    MemoryError, SystemError,
)


class Column(Protocol):
    """What :func:`write` takes: a column of a known type and length, given in blocks."""

    dtype: np.dtype[Any]
    row: tuple[int, ...]
    length: int

    @property
    def size_bytes(self) -> int:
        """Size of all blocks."""
        ...

    def blocks(self) -> Iterator[Array]:
        """Yield the rows in order."""
        ...


class Spool:
    """One column on its way to the file: arrays are appended, all of one dtype and row shape."""

    def __init__(self, folder: Path, dtype: np.dtype[Any], row: tuple[int, ...] = ()) -> None:
        self.dtype = dtype
        self.row = row
        self.length = 0
        self._row_bytes = dtype.itemsize * int(np.prod(row, dtype=np.int64))
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # see close

    def append(self, values: Array) -> None:
        """Append values along the first axis, converted to the column's dtype."""
        block = np.ascontiguousarray(values, self.dtype)
        self._file.write(block.data)
        self.length += len(block)

    @property
    def size_bytes(self) -> int:
        """How much was appended."""
        return self.length * self._row_bytes

    def blocks(self) -> Iterator[Array]:
        """Yield what was appended, in order, in blocks of a bounded size."""
        self._file.seek(0)
        rows = max(1, _COPY_BYTES // max(1, self._row_bytes))
        left = self.length
        while left:
            count = min(rows, left)
            block = np.frombuffer(self._file.read(count * self._row_bytes), self.dtype)
            yield block.reshape(count, *self.row)
            left -= count

    def close(self) -> None:
        """Free the temporary file."""
        # On a full disk closing fails to flush, again; what failed first has been raised.
        with suppress(OSError):
            self._file.close()


class Whole:
    """One column that is at hand: in memory, or mapped from another file."""

    def __init__(self, values: Array) -> None:
        self.dtype = values.dtype
        self.row = values.shape[1:]
        self.length = len(values)
        self._values = values

    @property
    def size_bytes(self) -> int:
        """Size of the column."""
        return self._values.nbytes

    def blocks(self) -> Iterator[Array]:
        """Yield all of it at once."""
        if self.length:
            yield np.ascontiguousarray(self._values)


class _Digest:
    """A digest of columns and attributes; independent of how HDF5 lays them out."""

    def __init__(self, attributes: Mapping[str, object]) -> None:
        self._hash = blake2b(digest_size=16)
        self._hash.update(json.dumps(attributes, sort_keys=True).encode())

    def column(self, path: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._hash.update(f"{path} {dtype.str} {shape}".encode())

    def data(self, block: Array) -> None:
        self._hash.update(block.data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def digest_of(columns: Mapping[str, Array], attributes: Mapping[str, object]) -> str:
    """Return a digest of some columns and attributes."""
    digest = _Digest(attributes)
    for name, column in sorted(columns.items()):
        digest.column(name, column.dtype, column.shape)
        digest.data(column)
    return digest.hexdigest()


def write(path: Path, spools: Mapping[str, Column], attributes: Mapping[str, object]) -> str:
    """Write columns and JSON-able attributes to a new file at ``path``.

    Returns:
        The digest of both.

    Raises:
        OSError: the file system refused.
    """
    digest = _Digest(attributes)
    texts = {name: json.dumps(value) for name, value in attributes.items()}
    size = _FRAME_BYTES + 2 * sum(map(len, texts.values()))
    size += sum(_HEADER_BYTES + spool.size_bytes for spool in spools.values())
    # HDF5 crashes the process on a full disk, so the space is claimed before it is called, and
    # again once it has emptied the file; closing cuts what is left over.
    _reserve(path, size)
    with h5py.File(path, "w", libver=("v108", "v110")) as file:
        _reserve(path, size)
        for name, spool in sorted(spools.items()):
            shape = (spool.length, *spool.row)
            dataset = file.create_dataset(name, shape=shape, dtype=spool.dtype)
            digest.column(name, spool.dtype, shape)
            start = 0
            for block in spool.blocks():
                dataset[start : start + len(block)] = block
                digest.data(block)
                start += len(block)
        for name, text in sorted(texts.items()):
            file.attrs[name] = text
        file.attrs[_DIGEST] = json.dumps(digest.hexdigest())
    return digest.hexdigest()


def _reserve(path: Path, size: int) -> None:
    with path.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def read_attributes(path: Path) -> dict[str, Any]:
    """Read the attributes of the file at ``path``, the digest among them.

    Raises:
        DataError: it is missing, cut short, or no HDF5 file.
    """
    _check_regular(path)
    try:
        _check_heaps(path)
        with h5py.File(path, "r") as file:
            if len(file.attrs) > _MOST_ATTRIBUTES:
                raise DataError(f"{path}: it has {len(file.attrs)} attributes, which are not ours")
            return {name: _attribute(file, name) for name in file.attrs}
    except _FAULTS as error:
        raise _unreadable(path, error) from error


def _attribute(file: h5py.File, name: str) -> Any:
    """Return what an attribute says; ``None`` for what is no text of JSON."""
    name.encode()
    held = file.attrs.get_id(name)
    if held.shape != () or not isinstance(held.dtype, np.dtype) or held.dtype.kind not in "OS":
        return None
    value = file.attrs[name]
    try:
        return json.loads(value if isinstance(value, str | bytes) else "")
    except (ValueError, RecursionError):  # RecursionError: nested too deeply
        return None


def _check_heaps(path: Path) -> None:
    """Refuse a heap of strings that HDF5 would walk without end.

    A heap is a row of objects, each with its size; HDF5 1.14 goes from one to the next by a sum
    that may overflow to nothing, or by the size of a free one, which may be 0.
    """
    with path.open("rb") as handle:
        if not handle.seek(0, os.SEEK_END):
            return
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = content.find(_HEAP)
            while start >= 0:
                (size,) = struct.unpack_from("<Q", content[start + 8 : start + 16].ljust(8, b"\0"))
                place, end = start + 16, min(start + size, len(content))
                while place + 16 <= end:
                    number, taken = struct.unpack_from("<H6xQ", content, place)
                    step = (16 + (taken + 7 & _WORD & ~7) if number else taken) & _WORD
                    if not step:
                        raise DataError(
                            f"{path}: the HDF5 file is damaged (a heap without end)",
                            hint="build it again with `dgljoint preprocess`",
                        )
                    place += step
                start = content.find(_HEAP, start + 1)


def _check_regular(path: Path) -> None:
    """Refuse what is no file before it is opened: a pipe would be waited for without end."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file", hint="make it with `dgljoint preprocess`"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: no possible path
        raise DataError(f"{path}: not a readable file ({error})") from error
    if stat.S_ISDIR(mode):
        raise DataError(
            f"{path} is a folder, not a cascade file",
            hint="where it holds raw data, make a cascade file of them: `dgljoint preprocess`",
        )
    if not stat.S_ISREG(mode):
        raise DataError(f"{path}: not a readable file")


def map_columns(path: Path) -> dict[str, Array]:
    """Map every column of the file into memory, read-only.

    Raises:
        DataError: the file is damaged, a column is not stored contiguously inside the file, or
            the digest does not match.
    """
    try:
        with h5py.File(path, "r") as file:
            layout = {name: _place(path, name, item) for name, item in _datasets(path, file)}
    except _FAULTS as error:
        raise _unreadable(path, error) from error
    attributes = read_attributes(path)
    expected = attributes.pop(_DIGEST, None)
    size = path.stat().st_size
    total = sum(_size(dtype, shape) for _, dtype, shape in layout.values())
    if total > size:
        raise DataError(f"{path}: its columns are {total} bytes, the file {size}")
    with path.open("rb") as handle:
        mapped = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    columns = {}
    try:
        digest = _Digest(attributes)
    except RecursionError as error:
        raise DataError(f"{path}: an attribute is nested too deeply") from error
    for name, (offset, dtype, shape) in sorted(layout.items()):
        count = math.prod(shape)
        if count and (offset is None or offset + count * dtype.itemsize > size):
            raise DataError(f"{path}: column {name} reaches past the end of the file")
        column = (
            np.frombuffer(mapped, dtype, count, offset or 0) if count else np.empty(0, dtype)
        ).reshape(shape)
        digest.column(name, dtype, shape)
        digest.data(column)
        columns[name] = column
    if digest.hexdigest() != expected:
        raise DataError(
            f"{path}: the content does not match its digest: the file was changed or damaged",
            hint="build it again with `dgljoint preprocess`",
        )
    return columns


def _datasets(path: Path, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield the columns of a file by their path; groups may hold themselves, so it counts."""
    found = 0
    groups = [("", file["/"])]
    while groups:
        prefix, group = groups.pop()
        for name, item in _members(path, group, prefix):
            found += 1
            if found > _MOST_OBJECTS or name.count("/") > _DEPTH:
                raise DataError(f"{path}: it holds more than a cascade file can: {name[:80]}")
            if isinstance(item, h5py.Group):
                groups.append((f"{name}/", item))
            elif isinstance(item, h5py.Dataset):
                yield name, item


def _members(
    path: Path, group: h5py.Group, prefix: str
) -> Iterator[tuple[str, h5py.Group | h5py.Dataset | h5py.Datatype]]:
    for name in group:
        name.encode()
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise DataError(
                f"{path}: {prefix}{name} is a link to another place; links are not followed",
                hint="build it again with `dgljoint preprocess`",
            )
        yield f"{prefix}{name}", group[name]


def _size(dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    """Return the bytes of a column; a file may claim more than fit into an int64.

    An axis of no length counts as one: beside it, others can be absurd.
    """
    return math.prod(max(axis, 1) for axis in shape) * dtype.itemsize


def _place(
    path: Path, name: str, item: h5py.Dataset
) -> tuple[int | None, np.dtype[Any], tuple[int, ...]]:
    stored_elsewhere = item.is_virtual or item.external
    if (
        stored_elsewhere or item.chunks is not None or item.shape is None
        or item.dtype not in _DTYPES
    ):
        raise DataError(
            f"{path}: column {name} is not a plain contiguous array",
            hint="build it again with `dgljoint preprocess`",
        )
    return item.id.get_offset(), item.dtype, item.shape


def _unreadable(path: Path, error: Exception) -> DataError:
    if not os.access(path, os.R_OK):
        return DataError(f"{path}: not a readable file")
    if h5py.is_hdf5(path):
        return DataError(
            f"{path}: the HDF5 file is damaged or cut short ({error})",
            hint="build it again with `dgljoint preprocess`",
        )
    return DataError(f"{path}: not an HDF5 file", hint="make one with `dgljoint preprocess`")
