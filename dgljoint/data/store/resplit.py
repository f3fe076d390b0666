"""Put a split into a cascade file, or take one out.

Columns have no gaps between them that could grow, so the file is written again, from the mapped
columns of the old one, and renamed over it: who has the old one open goes on reading that.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.files import replacing, writing
from dgljoint.data.store import layout as schema
from dgljoint.data.store._hdf5 import Whole, read_attributes, write
from dgljoint.data.store.reader import CascadeStore
from dgljoint.data.store.writer import digest_ids, split_settings
from dgljoint.errors import DataError

Columns = Mapping[str, NDArray[Any]]


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

    Args:
        store: its file is written again; ``store`` itself goes on showing the old one.
        name: of the split.
        fold: (C,) fold of each cascade, from 0; -1 for a cascade left out.
        grouped_by: as :meth:`StoreWriter.set_split` takes it.
        group: likewise.
        ordered_by: likewise.

    Returns:
        The new file, open.

    Raises:
        DataError: ``fold`` does not name every cascade, or the file is no longer that of ``store``.
        RunFailedError: the file system refuses.
    """
    if len(fold) != len(store):
        raise DataError(f"split {name} names {len(fold)} of {len(store)} cascades")
    columns = dict(_without(store.columns, name))
    columns[f"splits/{name}"] = np.asarray(fold, schema.SPLIT_DTYPE)
    if group is not None:
        columns[f"groups/{name}"] = np.asarray(group, schema.GROUP_DTYPE)
    settings = split_settings(
        digest_ids(store.ids.all()), fold, group, grouped_by=grouped_by, ordered_by=ordered_by
    )
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


def _without(columns: Columns, name: str) -> Columns:
    gone = (f"splits/{name}", f"groups/{name}")
    return {path: column for path, column in columns.items() if path not in gone}


def _write_again(
    store: CascadeStore, columns: Columns, splits: Mapping[str, Mapping[str, str]]
) -> CascadeStore:
    attributes = {name: value for name, value in store.attributes.items() if name != "digest"}
    # The reasons why a split could not be made go when there is one of that name.
    if isinstance(refused := attributes.get("splits_refused"), dict):
        kept = {name: why for name, why in refused.items() if name not in splits}
        attributes["splits_refused"] = kept
    # A link stays a link: what it points to is replaced.
    path = store.path.resolve()
    with replacing(path) as temporary, writing(store.path):
        whole = {name: Whole(column) for name, column in columns.items()}
        write(temporary, whole, {**attributes, "splits": splits})
        shutil.copymode(path, temporary)
        _refuse_if_changed(store)
    return CascadeStore(store.path)


def _refuse_if_changed(store: CascadeStore) -> None:
    """Notice that another command wrote the file meanwhile, whose work would be lost."""
    if read_attributes(store.path).get("digest") != store.digest:
        raise DataError(f"{store.path} was changed by another program meanwhile", hint="try again")
