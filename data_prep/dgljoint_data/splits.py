"""Folds that go into the store: ``event`` keeps events together, ``random`` does not.

Published numbers come from random folds, in which most test threads share their event with a
training thread; ``random`` exists to compare with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.errors import DataError
from dgljoint.splitting import stratified_folds

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
    together = stratified_folds(classes, groups, folds, seed)
    alone = stratified_folds(classes, None, folds, seed)
    return [
        Split("event", "event", together.astype(np.int8)),
        Split("random", "", alone.astype(np.int8)),
    ]
