"""Train, meta, validation and test parts, and who may see which.

Whoever trains and selects gets :class:`TrainingParts`, which has no test part. The test part is
asked for by name, once, after selection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.folds import stratified_folds
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import DataError, UsageError

Indices = NDArray[np.int64]

_VALIDATION_SHARES = 8  # an eighth of what is not tested: a tenth of all, with five folds
_META_SHARES = 8


@dataclass(frozen=True, eq=False)
class TrainingParts:
    """Positions in the store of the cascades that training and selection may use.

    Attributes:
        train: losses are minimised on these.
        meta: held out of ``train`` for a weighter that asks for it; else empty.
        validation: the epoch is selected on these.
    """

    train: Indices
    meta: Indices
    validation: Indices


def folds_offered(split: StoredSplit) -> int:
    """Count the folds that can be the test part: 0 up to that number."""
    # Before the last fold of a split in order of time there is nothing to train on.
    return split.folds - bool(split.ordered_by)


def part_under_test(split: StoredSplit, fold: int) -> Indices:
    """Return the cascades of the fold that is tested.

    Raises:
        UsageError: the split has no such fold, or nothing earlier than it to train on.
    """
    folds = folds_offered(split)
    if fold >= folds:
        raise UsageError(f"split '{split.name}' has the folds 0 to {folds - 1}, not {fold}")
    return np.flatnonzero(split.fold == fold)


def training_parts(
    store: CascadeStore, split: StoredSplit, fold: int, *, seed: int, meta: bool
) -> TrainingParts:
    """Divide what is not tested, stratified, with the groups of the split kept whole.

    Of a split in order of time, only what is earlier than the fold tested is used.

    A part is an eighth, or one group where fewer than eight are left: that whose classes come
    nearest to an eighth of each. The validation part is the same whether or not a meta part is cut.

    Raises:
        UsageError: the split has no such fold.
        DataError: too few cascades or groups are left to divide.
    """
    tested = part_under_test(split, fold)
    left = (
        np.flatnonzero(split.fold > fold) if split.ordered_by
        else np.setdiff1d(np.flatnonzero(split.fold >= 0), tested)
    )

    def cut(indices: Indices, shares: int) -> tuple[Indices, Indices]:
        group = np.arange(len(indices)) if split.group is None else split.group[indices]
        groups = len(np.unique(group))
        if groups < 2:
            raise DataError(
                f"split '{split.name}' leaves too few groups to train on when fold {fold} is "
                f"tested: {len(indices)} cascades of {groups} group, expected 2 or more",
                hint="--split random divides cascades whatever they share",
            )
        label = store.label[indices].astype(np.int64)
        part = stratified_folds(label, group.astype(np.int64), min(shares, groups), seed)
        held = np.zeros((part.max() + 1, label.max() + 2))
        np.add.at(held, (part, label + 1), 1)
        nearest = np.abs(held - held.sum(axis=0) / shares).sum(axis=1).argmin()
        return indices[part != nearest], indices[part == nearest]

    train, validation = cut(left, _VALIDATION_SHARES)
    held_out = np.empty(0, np.int64)
    if meta:
        train, held_out = cut(train, _META_SHARES)
    return TrainingParts(train=train, meta=held_out, validation=validation)
