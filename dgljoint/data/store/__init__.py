"""The HDF5 cascade file: written atomically, validated on open, mapped into memory."""

from dgljoint.data.columns import CascadeColumns
from dgljoint.data.store.format import CHECKS
from dgljoint.data.store.identity import (
    Identity,
    identities,
    is_platform_id,
    same_thread,
    shared_threads,
)
from dgljoint.data.store.reader import (
    CascadeStore,
    DenseFeature,
    SparseFeature,
    StoredBest,
    StoredSplit,
    StoredTarget,
    Strings,
)
from dgljoint.data.store.writer import StoreWriter, create_store, put_split, remove_split

__all__ = [
    "CHECKS", "CascadeColumns", "CascadeStore", "DenseFeature", "Identity", "SparseFeature",
    "StoreWriter", "StoredBest", "StoredSplit", "StoredTarget", "Strings", "create_store",
    "identities", "is_platform_id", "put_split", "remove_split", "same_thread", "shared_threads",
]
