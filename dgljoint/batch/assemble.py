"""Make a batch: one gather per column, no object per post."""

import numpy as np
import torch

from dgljoint.batch.batch import CascadeBatch
from dgljoint.batch.features import FeatureSpace
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.tasks.targets import TargetPairs


def observed_edges(columns: CascadeColumns, targets: TargetPairs) -> torch.Tensor:
    """Return the (2, E) edges that are not hidden: the only ones that a batch has."""
    known = ~targets.hidden
    known[columns.post_ptr[:-1]] = False
    child = np.flatnonzero(known)
    return torch.from_numpy(np.stack((columns.parent.take(child), child)))


def assemble(
    store: CascadeStore, columns: CascadeColumns, targets: TargetPairs, features: FeatureSpace
) -> CascadeBatch:
    """Put the cascades, what is asked of them and their features together."""
    return CascadeBatch(
        edges=observed_edges(columns, targets),
        features=features.read(columns, targets),
        cascade_features=features.read_cascades(columns, targets.hidden),
        delay_seconds=torch.from_numpy(columns.delay_seconds),
        cascade_of=torch.from_numpy(columns.cascade_of),
        root=torch.from_numpy(columns.post_ptr[:-1]),
        observed=torch.from_numpy(~targets.hidden),
        kind=torch.from_numpy(columns.kind.astype(np.int64)),
        label=torch.from_numpy(store.label[columns.index].astype(np.int64)),
        event=torch.from_numpy(store.event[columns.index].astype(np.int64)),
        pairs=torch.from_numpy(targets.pairs),
        pair_target=torch.from_numpy(targets.is_parent),
        ids=tuple(store.ids[int(index)] for index in columns.index),
    )
