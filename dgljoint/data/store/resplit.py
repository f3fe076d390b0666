"""Put a split into a cascade file, or take one out.

Columns have no gaps in which they could grow, so the file is written again, from the mapped columns
of the old one, and renamed over it: who has the old one open reads on in that.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.files import replacing, writing
from dgljoint.data.store import format as schema
from dgljoint.data.store._hdf5 import Array, read_attributes, write
from dgljoint.data.store.reader import CascadeStore
from dgljoint.errors import DataError


def split_columns(
    name: str, ids: str, fold: NDArray[np.integer[Any]], grouped_by: str,
    group: NDArray[np.integer[Any]] | None, ordered_by: str,
) -> tuple[dict[str, str], dict[str, Array]]:
    """Return the settings of a split, with a digest of its own, and its columns."""
    columns: dict[str, Array] = {f"splits/{name}": np.asarray(fold, schema.SPLIT_DTYPE)}
    if group is not None:
        columns[f"groups/{name}"] = np.asarray(group, schema.GROUP_DTYPE)
    digest = blake2b(f"{ids} {grouped_by} {ordered_by} ".encode(), digest_size=16)
    for column in columns.values():
        digest.update(np.ascontiguousarray(column).data)
    settings = {
        "grouped_by": grouped_by, "ordered_by": ordered_by, "digest": digest.hexdigest()
    }
    return settings, columns


def id_line(name: str) -> bytes:
    """Return what the digest of a split covers of a cascade's id."""
    return f"{name}\n".encode()


def put_split(
    store: CascadeStore,
    name: str,
    fold: NDArray[np.integer[Any]],
    *,
    grouped_by: str,
    group: NDArray[np.integer[Any]] | None = None,
    ordered_by: str = "",
) -> CascadeStore:
    """Store a split in the file of ``store``; one of the same name is replaced.

    Returns the new file, open; ``store`` itself shows the old one. The split is described as by
    :class:`StoredSplit`; without a ``group``, the cascades of an event are kept together.

    Raises:
        DataError: ``fold`` does not name every cascade, or the file is no longer that of ``store``.
        RunFailedError: the file system refuses.
    """
    if len(fold) != len(store):
        raise DataError(f"split {name} names {len(fold)} of {len(store)} cascades")
    ids = blake2b(digest_size=16)
    for cascade in store.ids.all():
        ids.update(id_line(cascade))
    settings, columns = split_columns(name, ids.hexdigest(), fold, grouped_by, group, ordered_by)
    columns |= _without(store.columns, name)
    return _write_again(store, columns, {**store.attributes["splits"], name: settings})


def remove_split(store: CascadeStore, name: str) -> CascadeStore:
    """Take a split out of the file of ``store``; see :func:`put_split`.

    Raises:
        UsageError: there is none of that name.
        DataError: the file is no longer that of ``store``.
        RunFailedError: the file system refuses.
    """
    store.split(name)
    left = {key: value for key, value in store.attributes["splits"].items() if key != name}
    return _write_again(store, _without(store.columns, name), left)


def _without(columns: Mapping[str, Array], name: str) -> dict[str, Array]:
    gone = (f"splits/{name}", f"groups/{name}")
    return {path: column for path, column in columns.items() if path not in gone}


def _write_again(
    store: CascadeStore, columns: Mapping[str, Array], splits: Mapping[str, Mapping[str, str]]
) -> CascadeStore:
    attributes = {name: value for name, value in store.attributes.items() if name != "digest"}
    # The reasons why a split could not be made go when there is one of that name.
    refused = {name: why for name, why in store.splits_refused.items() if name not in splits}
    # A link stays a link: what it points to is replaced.
    path = store.path.resolve()
    with replacing(path) as temporary, writing(store.path):
        write(temporary, columns, {**attributes, "splits": splits, "splits_refused": refused})
        shutil.copymode(path, temporary)
        if read_attributes(store.path).get("digest") != store.digest:
            # Its work would be lost.
            changed = f"{store.path} was changed by another program meanwhile"
            raise DataError(changed, hint="try again")
    return CascadeStore(store.path)
