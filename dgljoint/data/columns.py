"""Some cascades as columns of their posts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CascadeColumns:
    """B cascades as read: N posts one after the other.

    ``index`` (B,) and ``posts`` (N,) are positions in the store, ``post_ptr`` (B+1,) divides the
    posts; ``parent`` (N,) is an index in this batch, -1 for a source.
    """

    index: NDArray[np.int64]
    post_ptr: NDArray[np.int64]
    posts: NDArray[np.int64]
    parent: NDArray[np.int64]
    delay_seconds: NDArray[np.float64]
    kind: NDArray[np.uint8]

    @cached_property
    def cascade_of(self) -> NDArray[np.int64]:
        """(N,) position of each post's cascade among the B."""
        return np.repeat(np.arange(len(self.index)), np.diff(self.post_ptr))

    @cached_property
    def timed(self) -> NDArray[np.bool_]:
        """(B,) whether anything in a cascade is later than its source."""
        return self.delay_seconds[self.post_ptr[1:] - 1] > 0
