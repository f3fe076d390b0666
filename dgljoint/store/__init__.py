"""The HDF5 cascade file: written atomically, validated on open, mapped into memory."""

from dgljoint.store.identity import (
    Identity,
    identities,
    is_platform_id,
    same_thread,
    shared_threads,
)
from dgljoint.store.reader import (
    CascadeColumns,
    CascadeStore,
    DenseFeature,
    SparseFeature,
    StoredSplit,
    Strings,
)
from dgljoint.store.resplit import put_split, remove_split
from dgljoint.store.targets import StoredTarget
from dgljoint.store.validate import CHECKS
from dgljoint.store.writer import StoreWriter, create_store

__all__ = [
    "CHECKS",
    "CascadeColumns",
    "CascadeStore",
    "DenseFeature",
    "Identity",
    "SparseFeature",
    "StoreWriter",
    "StoredSplit",
    "StoredTarget",
    "Strings",
    "create_store",
    "identities",
    "is_platform_id",
    "put_split",
    "remove_split",
    "same_thread",
    "shared_threads",
]
