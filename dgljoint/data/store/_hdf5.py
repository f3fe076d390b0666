"""The only place that imports h5py: flat columns and attributes in, the same out.

Columns are contiguous, so that a reader maps them into memory. They are spooled to unnamed
temporary files first: their lengths are not known before the last cascade, and memory stays
bounded. Everything that HDF5 itself reads has a checksum: the format is that of HDF5 1.8, with
strings of fixed length, since the heap of others has none. The digest covers the rest.
"""

import json
import math
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dgljoint.errors import DataError

Array = NDArray[Any]
# Where in the file a column is, of which type and shape; None: not a plain array in the file.
Place = tuple[int, np.dtype[Any], tuple[int, ...]] | None
_COPY_BYTES = 1 << 23
_DIGEST = "digest"
# Headers and groups of HDF5 take at most this much per column and in all.
_HEADER_BYTES = 1 << 10
_FRAME_BYTES = 1 << 14
_AGAIN = "build it again with `dgljoint preprocess`"
_DTYPES = tuple(np.dtype(f"<{name}") for name in ("i1", "i2", "i4", "i8", "u1", "f2", "f4", "f8"))
# What h5py raises on damaged files and on such as it has no types for.
_FAULTS = (
    OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError,
    MemoryError, SystemError,
)


class Spool:
    """One column on its way to the file: arrays are appended, all of one dtype and row shape."""

    def __init__(self, folder: Path, dtype: np.dtype[Any], row: tuple[int, ...] = ()) -> None:
        self.dtype = dtype
        self.row = row
        self.length = 0
        self._row_bytes = dtype.itemsize * math.prod(row)
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # see close

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the column so far."""
        return (self.length, *self.row)

    @property
    def nbytes(self) -> int:
        """Size of the column so far."""
        return self.length * self._row_bytes

    def append(self, values: Array) -> None:
        """Append values along the first axis, converted to the column's dtype."""
        block = np.ascontiguousarray(values, self.dtype)
        self._file.write(block.data)
        self.length += len(block)

    def blocks(self) -> Iterator[Array]:
        """Yield what was appended, in order, in blocks of a bounded size."""
        self._file.seek(0)
        rows = max(1, _COPY_BYTES // max(1, self._row_bytes))
        for start in range(0, self.length, rows):
            count = min(rows, self.length - start)
            block = np.frombuffer(self._file.read(count * self._row_bytes), self.dtype)
            yield block.reshape(count, *self.row)

    def close(self) -> None:
        """Free the temporary file."""
        # On a full disk closing fails to flush, again; what failed first has been raised.
        with suppress(OSError):
            self._file.close()


def _digest(attributes: Mapping[str, object]) -> blake2b:
    return blake2b(json.dumps(attributes, sort_keys=True).encode(), digest_size=16)


def _head(name: str, column: Spool | Array) -> bytes:
    return f"{name} {column.dtype.str} {column.shape}".encode()


def digest_of(columns: Mapping[str, Array], attributes: Mapping[str, object]) -> str:
    """Return a digest of columns and attributes, however HDF5 arranges them."""
    digest = _digest(attributes)
    for name, column in sorted(columns.items()):
        digest.update(_head(name, column))
        digest.update(column.data)
    return digest.hexdigest()


def write(
    path: Path, columns: Mapping[str, Spool | Array], attributes: Mapping[str, object]
) -> str:
    """Write columns and JSON-able attributes to a new file; return the digest of both."""
    digest = _digest(attributes)
    texts = {name: json.dumps(value) for name, value in attributes.items()}
    size = _FRAME_BYTES + 2 * sum(map(len, texts.values()))
    size += sum(_HEADER_BYTES + column.nbytes for column in columns.values())
    # HDF5 crashes the process on a full disk, so the space is claimed before it is called, and
    # again once it has emptied the file; closing cuts what is left over.
    _reserve(path, size)
    with h5py.File(path, "w", libver=("v108", "v110")) as file:
        _reserve(path, size)
        for name, column in sorted(columns.items()):
            dataset = file.create_dataset(name, shape=column.shape, dtype=column.dtype)
            digest.update(_head(name, column))
            start = 0
            for block in _blocks(column):
                dataset[start : start + len(block)] = block
                digest.update(block.data)
                start += len(block)
        for name, text in sorted({**texts, _DIGEST: json.dumps(digest.hexdigest())}.items()):
            file.attrs[name] = np.bytes_(text.encode())
    return digest.hexdigest()


def _blocks(column: Spool | Array) -> Iterator[Array]:
    if isinstance(column, Spool):
        yield from column.blocks()
    elif len(column):
        yield np.ascontiguousarray(column)


def _reserve(path: Path, size: int) -> None:
    with path.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def read_attributes(path: Path) -> dict[str, Any]:
    """Read the attributes, the digest among them. Raise DataError for no whole HDF5 file."""
    return _read(path)[0]


def read_file(
    path: Path, check: Callable[[dict[str, Any]], None]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the attributes, let ``check`` look at them, and map every column into memory, read-only.

    Raise DataError if the file is missing, foreign or damaged, a column is not stored contiguously
    inside it, or the digest does not match.
    """
    attributes, places = _read(path)
    check(attributes)
    size = path.stat().st_size
    with path.open("rb") as handle:
        mapped = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    columns = {name: _mapped(path, name, mapped, size, place) for name, place in places.items()}
    content = {name: value for name, value in attributes.items() if name != _DIGEST}
    if digest_of(columns, content) != attributes.get(_DIGEST):
        raise DataError(
            f"{path}: the content does not match its digest: the file was changed or damaged",
            hint=_AGAIN,
        )
    return attributes, columns


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Place]]:
    _check_regular(path)
    places: dict[str, Place] = {}

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            places[name] = _place(item)

    try:
        with h5py.File(path, "r") as file:
            attributes = {name: _parsed(file.attrs[name]) for name in file.attrs}
            # Visits every object once and follows no link, so that no other file is opened.
            file.visititems(note)
            for name in (*attributes, *places):
                name.encode()
    except _FAULTS as error:
        raise _unreadable(path, error) from error
    return attributes, places


def _parsed(value: object) -> Any:
    """Return what an attribute holds; ``None`` for what is no text of JSON."""
    try:
        return json.loads(value) if isinstance(value, str | bytes) else None
    except (ValueError, RecursionError):  # RecursionError: nested too deeply
        return None


def _place(item: h5py.Dataset) -> Place:
    layout = item.id.get_create_plist()
    if layout.get_layout() != h5py.h5d.CONTIGUOUS or layout.get_external_count():
        return None
    # The shape of a virtual one would have been asked of another file.
    return item.id.get_offset() or 0, item.dtype, item.shape


def _mapped(path: Path, name: str, mapped: mmap.mmap, size: int, place: Place) -> Array:
    offset, dtype, shape = place or (0, np.dtype("O"), None)
    if shape is None or dtype not in _DTYPES:
        raise DataError(f"{path}: column {name} is not a plain contiguous array", hint=_AGAIN)
    # An axis of no length counts as one: next to it, others can be absurd.
    if offset + dtype.itemsize * math.prod(max(axis, 1) for axis in shape) > size:
        raise DataError(f"{path}: column {name} reaches past the end of the file", hint=_AGAIN)
    count = math.prod(shape)
    column = np.frombuffer(mapped, dtype, count, offset) if count else np.empty(0, dtype)
    return column.reshape(shape)


def _check_regular(path: Path) -> None:
    """Refuse what is no file before it is opened: opening a pipe waits without end."""
    try:
        folder, there, regular = path.is_dir(), path.exists(), path.is_file()
    except OSError as error:
        raise DataError(f"{path}: not a readable file ({error})") from error
    if folder:
        raise DataError(
            f"{path} is a folder, not a cascade file",
            hint="where it holds raw data, make a cascade file of them: `dgljoint preprocess`",
        )
    if not there:
        raise DataError(f"{path}: no such file", hint="make it with `dgljoint preprocess`")
    if not regular:
        raise DataError(f"{path}: not a readable file")


def _unreadable(path: Path, error: Exception) -> DataError:
    if not os.access(path, os.R_OK):
        return DataError(f"{path}: not a readable file")
    if h5py.is_hdf5(path):
        what = f"{path}: the HDF5 file is damaged or cut short ({error})"
        return DataError(what, hint=_AGAIN)
    return DataError(f"{path}: not an HDF5 file", hint="make one with `dgljoint preprocess`")
