"""Every draw of a run is a function of the seed and of its purpose.

A step's dropout, targets and candidates depend on the seed and the step's number and on nothing
drawn before, so a resumed run needs no generator's state and equals the uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


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
