"""Divide cascades into folds of like class balance, keeping groups whole."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from dgljoint.errors import DataError

Ints = NDArray[np.int64]


def stratified_folds(label: Ints, group: Ints | None, folds: int, seed: int) -> Ints:
    """Assign each cascade a fold, 0 to ``folds`` - 1, stratified by label.

    Args:
        label: (C,) classes; -1, no label, is stratified as a class of its own.
        group: (C,) cascades of one group never stand in two folds; ``None`` for no such rule.
        folds: how many.
        seed: of the shuffle.

    Returns:
        (C,) folds; none is empty.

    Raises:
        DataError: there are fewer cascades, or groups, than folds.
    """
    # Imported here: scikit-learn takes a second to import, and most commands split nothing.
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    units = len(label) if group is None else len(np.unique(group))
    if units < folds:
        what = "cascades" if group is None else "events"
        raise DataError(
            f"{units} {what} cannot be divided into {folds} parts",
            hint="use more data, or a split that keeps nothing together",
        )
    chosen = StratifiedKFold if group is None else StratifiedGroupKFold
    splitter = chosen(n_splits=folds, shuffle=True, random_state=seed)
    fold = np.full(len(label), -1, np.int64)
    with warnings.catch_warnings():
        # A class rarer than the folds cannot stand in each of them; that is no fault.
        warnings.filterwarnings("ignore", message="The least populated class")
        parts = splitter.split(np.zeros(len(label)), _merge_rare(label, folds), group)
        for number, (_, chosen_rows) in enumerate(parts):
            fold[chosen_rows] = number
    if len(np.unique(fold)) < folds:
        raise DataError(f"the classes of {units} cascades do not allow {folds} parts")
    return fold


def _merge_rare(label: Ints, folds: int) -> Ints:
    """Treat all classes as one when every class is rarer than the folds: scikit-learn refuses."""
    _, counts = np.unique(label, return_counts=True)
    return label if counts.max() >= folds else np.zeros_like(label)
