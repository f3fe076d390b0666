"""Divide cascades into folds of like class balance, keeping groups whole.

scikit-learn's ``StratifiedGroupKFold`` is slow to import, leaves folds empty when groups are few,
and a file's content would depend on its version.
"""

import numpy as np
from numpy.typing import NDArray

from dgljoint.errors import DataError

Ints = NDArray[np.int64]


def stratified_folds(label: Ints, group: Ints | None, folds: int, seed: int) -> Ints:
    """Give each group, the largest first, to the fold that holds the fewest of its classes.

    Among equals it goes to the fold of the fewest cascades: with as many groups as folds, none
    stays empty. ``label`` (C,) may be -1; cascades of one ``group`` (C,) are never in two folds,
    ``None`` makes each its own. Returns (C,) folds from 0. Raise DataError for fewer groups than
    folds.
    """
    classes = np.unique(label, return_inverse=True)[1]
    groups = np.arange(len(label)) if group is None else np.unique(group, return_inverse=True)[1]
    count = int(groups.max(initial=-1)) + 1
    if count < folds:
        what = "cascades" if group is None else "events"
        message = f"{count} {what} cannot be divided into {folds} parts"
        raise DataError(message, hint="use more data")
    held = np.zeros((count, classes.max() + 1), np.int64)
    np.add.at(held, (groups, classes), 1)
    order = np.random.default_rng(seed).permutation(count)
    order = order[np.argsort(-held[order].sum(axis=1), kind="stable")]
    filled = np.zeros((folds, held.shape[1]), np.int64)
    fold_of = np.zeros(count, np.int64)
    for number in order:
        fold = np.lexsort((filled.sum(axis=1), filled @ held[number]))[0]
        fold_of[number] = fold
        filled[fold] += held[number]
    return fold_of[groups]
