"""The percentile bootstrap: how often each item is drawn, and the interval of a metric.

Efron & Tibshirani, 1993, "An Introduction to the Bootstrap", chapter 13.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
# Numbers drawn at a time: 16 MB of them.
_DRAWN = 1 << 21


def draws(count: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw N of N things with replacement, again and again.

    Yields:
        (R', N) how often each is drawn, some resamples at a time; the R' sum to R. What is added
        up over a resample is a product with this.
    """
    rng = np.random.default_rng(seed)
    at_once = max(1, _DRAWN // count)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = rng.integers(count, size=(rows, count))
        drawn += np.arange(rows)[:, np.newaxis] * count
        times = np.bincount(drawn.ravel(), minlength=rows * count)
        yield times.reshape(rows, count).astype(np.float64)


def ratio(part: Floats, whole: Floats, empty: float = np.nan) -> Floats:
    """Divide, with ``empty`` where there is nothing to divide by. Shapes: all alike."""
    out = np.full(whole.shape, empty)
    found: Floats = np.divide(part, whole, out=out, where=whole > 0)
    return found


def ends(values: Floats) -> tuple[float, float]:
    """Return the ends of the middle :data:`LEVEL` of the resamples; NaN is left out.

    Shapes: ``values`` (R,), not all NaN.
    """
    low, high = np.nanquantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
