"""Every draw of a run is a function of the seed and of its purpose: so are its batches.

A step's dropout, targets and candidates depend on the seed and the step's number and on nothing
drawn before, so a resumed run needs no generator's state and equals the uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray

from dgljoint.config.run_config import TrainOptions

Indices = NDArray[np.int64]


class Stream(IntEnum):
    """Purposes; draws of different streams are independent."""

    INITIALISATION = 0
    WEIGHTER = 1
    ORDER = 2
    QUESTIONS = 3
    FORWARD = 4
    META = 5
    OPPONENTS = 6
    LOSSES = 7
    WEIGHING = 8
    LEARNING = 9


def generator(seed: int, stream: Stream, number: int = 0) -> np.random.Generator:
    """Return NumPy's generator for one purpose, the ``number``-th time."""
    return np.random.default_rng([seed, stream, number])


@contextmanager
def seeded(seed: int, stream: Stream, number: int = 0) -> Iterator[None]:
    """Seed torch's generator inside the block and restore it after."""
    state = np.random.SeedSequence([seed, stream, number]).generate_state(1, np.uint64)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        # Not `torch.manual_seed`: it records a stack trace for every kind of device that is
        # absent, which takes as long as a small layer.
        drawn = int(state[0]) & (2**63 - 1)
        torch.default_generator.manual_seed(drawn)
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(drawn)
        yield


class Batches:
    """The training set in a new order each epoch, cut into the batches of its steps.

    A batch holds at most ``train.batch`` cascades. Without a bound on posts an epoch has as few
    batches as that allows, near-equal in cascades. With ``train.batch_posts`` a batch ends before
    the cascade that would pass the bound, so epochs differ a little in their number of steps; a
    cascade above the bound is a batch by itself. ``part`` are positions in the store, ``sizes`` the
    posts of each.
    """

    def __init__(
        self, part: Indices, sizes: NDArray[np.int64], options: TrainOptions, seed: int
    ) -> None:
        self._part, self._sizes, self._options, self._seed = part, sizes, options, seed
        if not options.batch_posts:
            steps = [-(-len(part) // options.batch)] * options.epochs
        else:
            # Each epoch's cut must be known beforehand: the schedule ends with the last step.
            steps = [len(self._cut(self._order(epoch))) for epoch in range(options.epochs)]
        self._before = [0, *accumulate(steps)]

    @property
    def total(self) -> int:
        """Steps of all epochs together."""
        return self._before[-1]

    def steps(self, epoch: int) -> int:
        """Count the steps of an epoch, from 0."""
        return self._before[epoch + 1] - self._before[epoch]

    def before(self, epoch: int) -> int:
        """Count the steps of all earlier epochs."""
        return self._before[epoch]

    def of(self, epoch: int) -> list[Indices]:
        """Return the batches of an epoch, as positions in the store."""
        order = self._order(epoch)
        if not self._options.batch_posts:
            cut = np.array_split(order, self.steps(epoch))
        else:
            cut = np.split(order, self._cut(order)[:-1])
        return [self._part[batch] for batch in cut]

    def _order(self, epoch: int) -> Indices:
        return generator(self._seed, Stream.ORDER, epoch).permutation(len(self._part))

    def _cut(self, order: Indices) -> list[int]:
        """Return where each batch ends when the bound on posts is kept."""
        ends, bound = self._sizes[order].cumsum(), self._options.batch_posts
        cuts: list[int] = []
        start = 0
        while start < len(order):
            taken = ends[start - 1] if start else 0
            fitting = int(np.searchsorted(ends, taken + bound, side="right"))
            start = min(max(fitting, start + 1), start + self._options.batch, len(order))
            cuts.append(start)
        return cuts
