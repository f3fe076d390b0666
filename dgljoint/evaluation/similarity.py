"""How alike the two tasks' views of cascades are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.evaluation.scores import ViewScores

Matrix = NDArray[np.float64]


def view_scores(cascade: NDArray[Any], rumor: NDArray[Any]) -> ViewScores | None:
    """Compare the pooled views of some cascades; ``None`` when there are none.

    Shapes: (B, D) each.
    """
    if not len(cascade):
        return None
    left, right = cascade.astype(np.float64), rumor.astype(np.float64)
    return ViewScores(
        cascades=len(left), cka=linear_cka(left, right), cosine=mean_cosine(left, right)
    )


def linear_cka(x: Matrix, y: Matrix) -> float | None:
    """Return linear centred kernel alignment, in [0, 1]; ``None`` where a side does not vary.

    For centred columns (Kornblith, Norouzi, Lee & Hinton, 2019, "Similarity of Neural Network
    Representations Revisited", https://arxiv.org/abs/1905.00414, section 3)::

        CKA(X, Y) = |Y' X|^2 / (|X' X| |Y' Y|)          Frobenius norms

    which is their HSIC of the kernels XX' and YY', normalised. Rotating or scaling either side
    changes nothing. It is biased upwards where B is not much larger than the widths: unrelated
    views of 80 cascades at width 64 have about 0.44. Compare runs on the same cascades only.

    Shapes: ``x`` (B, D), ``y`` (B, E).
    """
    left, right = _centred(x), _centred(y)
    if left is None or right is None:
        return None
    shared = float(((right.T @ left) ** 2).sum())
    return shared / float(np.linalg.norm(left.T @ left) * np.linalg.norm(right.T @ right))


def _centred(x: Matrix) -> Matrix | None:
    """Centre the columns and scale the whole to norm 1; ``None`` if nothing varies."""
    centred = x - x.mean(axis=0)
    size = np.linalg.norm(centred)
    # What float32 cannot tell from a constant is one.
    if size <= np.finfo(np.float32).eps * np.linalg.norm(x):
        return None
    scaled: Matrix = centred / size
    return scaled


def mean_cosine(x: Matrix, y: Matrix) -> float:
    """Return the mean over rows of the cosine of the two sides, in [-1, 1]; a zero row's is 0.

    Shapes: (B, D) each, B at least 1.
    """
    sizes = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    products = (x * y).sum(axis=1)
    return float(np.divide(products, sizes, out=np.zeros_like(sizes), where=sizes > 0).mean())
