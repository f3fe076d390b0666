"""Which cascades a run has read: whether it saw its test part before it was scored on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgljoint.data.store import CascadeStore
from dgljoint.training.processes import Processes


@dataclass(frozen=True, slots=True)
class Seen:
    """How many cascades a run read before it was scored on the test part.

    Attributes:
        cascades: all of them.
        of_the_test_part: those that it was to be tested on; 0 unless something is wrong.
    """

    cascades: int
    of_the_test_part: int


class Witness:
    """Remembers which cascades of a store are read, from its own making on.

    It sees what goes through ``CascadeStore.read``: what features are fitted
    on, and every batch that is trained, probed or validated on. It does not see what opening the
    file checks, nor by which classes and events the parts were cut; nor a plugin that opens the
    file itself: that nothing which ships does so by any way, a test holds by changing the test part
    and comparing the models.

    Args:
        store: that is watched; it has one witness at a time.
    """

    def __init__(self, store: CascadeStore) -> None:
        self._seen = np.zeros(len(store), np.bool_)
        self._knows_all = True
        store.on_read = self._note

    def state(self, processes: Processes) -> Tensor | None:
        """Return what any process has read, a bit a cascade, for :meth:`restore`.

        All processes must ask. ``None``: the run goes on from a state that does not say.
        """
        if not self._knows_all:
            return None
        shares = processes.gather(np.packbits(self._seen))
        return torch.from_numpy(np.bitwise_or.reduce(shares))

    def restore(self, state: Tensor | None) -> None:
        """Add what was read before.

        Args:
            state: of :meth:`state`; ``None`` where nobody kept it.

        Raises:
            ValueError: it is that of another store.
        """
        if state is None:
            self._knows_all = False
            return
        cascades = len(self._seen)
        if state.dtype != torch.uint8 or state.shape != (-(-cascades // 8),):
            raise ValueError(f"what was read is {state.dtype} of {len(state)}, not a bit a cascade")
        self._seen |= np.unpackbits(state.numpy(), count=cascades).astype(np.bool_)

    def seen(self, processes: Processes, test: NDArray[np.int64]) -> Seen | None:
        """Count what was read until now; ``None`` where that is not known.

        Args:
            processes: all must ask.
            test: positions of the test part.
        """
        state = self.state(processes)
        if state is None:
            return None
        seen = np.unpackbits(state.numpy(), count=len(self._seen))
        return Seen(int(seen.sum()), int(seen[test].sum()))

    def _note(self, index: NDArray[np.int64]) -> None:
        self._seen[index] = True
