"""Columns of random cascades, as a strategy."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from dgljoint.data.store import CascadeColumns


@st.composite
def columns(draw: st.DrawFn) -> CascadeColumns:
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ptr = np.concatenate(([0], np.cumsum(sizes)))
    parent, delay = [], []
    for start, size in zip(ptr, sizes, strict=False):
        parent += [-1, *(start + int(rng.integers(0, n)) for n in range(1, size))]
        # Coarse times: several posts in one moment are common.
        delay += [0.0, *np.sort(rng.integers(0, max(2, size // 2), size - 1)).astype(float)]
    count = int(ptr[-1])
    return CascadeColumns(
        index=np.arange(len(sizes)),
        post_ptr=ptr,
        posts=np.arange(count),
        parent=np.array(parent, np.int64),
        delay_seconds=np.array(delay),
        kind=np.zeros(count, np.uint8),
    )
