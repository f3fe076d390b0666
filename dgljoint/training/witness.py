"""Which cascades a run has read: whether it saw its test set before it was scored on it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgljoint.data.store import CascadeStore
from dgljoint.training.processes import Processes


class Witness:
    """Remembers which cascades of a store are read, from its own making on.

    It sees what goes through ``CascadeStore.read``: what features are fitted on, and every batch.
    It does not see a plugin that opens the file itself; ``tests/contract/test_test_part_unseen.py``
    shows that nothing which ships does so.

    Args:
        store: that is watched; it has one witness at a time.
    """

    def __init__(self, store: CascadeStore) -> None:
        self._seen = np.zeros(len(store), np.bool_)
        store.on_read = self._note

    def state(self, processes: Processes) -> Tensor:
        """Return what any process has read, one bit per cascade; all processes must ask."""
        return torch.from_numpy(np.packbits(self._read_by_any(processes)))

    def restore(self, state: Tensor) -> None:
        """Add what was read before.

        Raises:
            ValueError: it is the state of another store.
        """
        if state.dtype != torch.uint8 or state.shape != (-(-len(self._seen) // 8),):
            raise ValueError(f"what was read is {state.dtype} of {len(state)}")
        self._seen |= np.unpackbits(state.numpy(), count=len(self._seen)).astype(np.bool_)

    def seen(self, processes: Processes, test: NDArray[np.int64]) -> dict[str, int]:
        """Count what was read until now, and what of that is at the positions ``test``."""
        seen = self._read_by_any(processes)
        return {"cascades": int(seen.sum()), "of_the_test_part": int(seen[test].sum())}

    def _read_by_any(self, processes: Processes) -> NDArray[np.bool_]:
        seen: NDArray[np.bool_] = np.logical_or.reduce(processes.gather(self._seen))
        return seen

    def _note(self, index: NDArray[np.int64]) -> None:
        self._seen[index] = True
