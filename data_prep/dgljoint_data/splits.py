"""Folds that go into the store: ``event`` keeps events together, ``random`` does not.

Published numbers come from random folds, in which most test threads share their event with a
training thread; ``random`` exists to compare with them.

The folds are dealt here and not by scikit-learn's ``StratifiedGroupKFold``: importing it takes a
third of the time in which Twitter15 is read and written, it leaves folds empty when groups are
few, and a file's content would depend on its version. A test holds the balance against its.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.errors import DataError

FOLDS = 5
FEWEST_FOLDS = 3  # one each to train, to select and to test on

Folds = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A split as it is stored.

    Attributes:
        name: of the split.
        grouped_by: what never stands on both sides; ``""`` for nothing.
        fold: (C,) int8 fold of each cascade, from 0.
    """

    name: str
    grouped_by: str
    fold: Folds

    @property
    def folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1


def make_splits(labels: Sequence[str | None], events: Sequence[str], seed: int) -> list[Split]:
    """Divide C cascades into stratified folds in both ways.

    There are five folds, or as many as there are events where those are fewer. Cascades without
    a label are spread like a class of their own.

    Args:
        labels: of each cascade.
        events: of each cascade; equal names are kept together.
        seed: two calls with the same arguments give the same folds.

    Raises:
        DataError: there are fewer than three events.
    """
    classes = np.unique([label or "" for label in labels], return_inverse=True)[1]
    groups = np.unique(events, return_inverse=True)[1]
    distinct = len(set(events))
    if distinct < FEWEST_FOLDS:
        raise DataError(
            f"{len(labels)} cascades of {distinct} events cannot be divided into folds: at least "
            f"{FEWEST_FOLDS} events are needed, to train, to select and to test on",
            hint="read more cascades",
        )
    folds = min(FOLDS, distinct)
    alone = np.arange(len(classes))
    return [
        Split("event", "event", _deal(classes, groups, folds, seed)),
        Split("random", "", _deal(classes, alone, folds, seed)),
    ]


def _deal(
    classes: NDArray[np.int64], groups: NDArray[np.int64], folds: int, seed: int
) -> Folds:
    """Give each group, the largest first, to the fold that holds the fewest of its classes.

    Among equals it goes to the fold that holds the fewest cascades: with at least as many groups
    as folds, none stays empty. Groups of one size come in an order drawn from the seed.

    Args:
        classes: (C,) class of each cascade, from 0.
        groups: (C,) group of each cascade, from 0.
        folds: number of folds.
        seed: of the order.
    """
    held = np.zeros((groups.max() + 1, classes.max() + 1), np.int64)
    np.add.at(held, (groups, classes), 1)
    order = np.random.default_rng(seed).permutation(len(held))
    order = order[np.argsort(-held[order].sum(axis=1), kind="stable")]
    filled = np.zeros((folds, held.shape[1]), np.int64)
    fold_of = np.zeros(len(held), np.int8)
    for group in order:
        fold = np.lexsort((filled.sum(axis=1), filled @ held[group]))[0]
        fold_of[group] = fold
        filled[fold] += held[group]
    return fold_of[groups]
