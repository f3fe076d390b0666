"""A sentence model in a few lines, and a package that seems to carry it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dgljoint_data.features.minilm import WIDTH


class ToyModel:
    """Vectors that depend on the word pieces alone: one a character.

    Args:
        fails_at: number of the batch whose computation is interrupted.

    Attributes:
        batches: what was computed.
    """

    def __init__(self, fails_at: int | None = None) -> None:
        self.batches: list[NDArray[np.int64]] = []
        self._fails_at = fails_at

    def split(self, texts: Sequence[str]) -> list[list[int]]:
        return [[1, *map(ord, text[:254]), 2] for text in texts]

    def embed(
        self, batches: Iterable[NDArray[np.int64]], threads: int
    ) -> Iterator[NDArray[np.float32]]:
        for batch in batches:
            if len(self.batches) == self._fails_at:
                self.fail()
            self.batches.append(batch)
            rows = np.stack(
                [np.random.default_rng(crc32(row.tobytes())).normal(size=WIDTH) for row in batch]
            )
            yield (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def fail(self) -> None:
        raise KeyboardInterrupt

    @property
    def texts(self) -> list[str]:
        """The texts that were computed, in order."""
        return ["".join(map(chr, row[1:-1])) for batch in self.batches for row in batch]


class ToySource:
    """Where the model comes from.

    Attributes:
        loads: how often it was loaded.
    """

    def __init__(self, model: ToyModel | None = None, identity: str = "toy") -> None:
        self.model = model or ToyModel()
        self.loads = 0
        self._identity = identity

    def identity(self) -> str:
        return self._identity

    def load(self) -> ToyModel:
        self.loads += 1
        return self.model
