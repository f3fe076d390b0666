"""How sure metrics are: percentile intervals over resampled cascades.

Efron & Tibshirani, 1993, "An Introduction to the Bootstrap", chapter 13.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgljoint.evaluation.metrics import counted_classes, f1_by_class, middle_ranks
from dgljoint.evaluation.pooled import Floats, PooledPredictions
from dgljoint.evaluation.resampling import LEVEL, draws, ends, ratio
from dgljoint.evaluation.scores import MODEL, Intervals
from dgljoint.tasks.losses import CASCADE, RUMOR

RESAMPLES = 2000
SEED = 0


def intervals(
    predictions: PooledPredictions, tasks: Sequence[str], *, resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Intervals | None:
    """Return percentile bootstrap intervals; ``None`` for fewer than two cascades.

    Cascades are drawn with replacement, as many as there are, and each metric is worked out anew
    (Efron & Tibshirani, 1993, "An Introduction to the Bootstrap", chapter 13). The targets of a
    cascade are drawn together: they are not independent of one another. A resample in which a
    figure has nothing to rest on is left out of that figure's.

    What the intervals hold is the chance of the cascades: the model is one, trained once. Cascades
    of one event resemble one another, so that where a part holds few events they are too narrow.
    """
    count = len(predictions)
    if count < 2:
        return None
    classes = predictions.logits.shape[1]
    table = _by_cascade(predictions)
    sums = np.concatenate([times @ table for times in draws(count, resamples, seed)])
    confusion, links = sums[:, : classes**2], sums[:, classes**2 :]
    figures: dict[str, Floats] = {}
    if RUMOR in tasks:
        counted = counted_classes(predictions.label, classes, predictions.answerable)
        figures |= _rumor_figures(confusion.reshape(-1, classes, classes), counted)
    if CASCADE in tasks:
        figures |= _link_figures(links)
    return Intervals(
        level=LEVEL,
        resamples=resamples,
        seed=seed,
        figures={
            name: ends(values)
            for name, values in figures.items()
            if not np.isnan(values).all()
        },
    )


def _by_cascade(predictions: PooledPredictions) -> Floats:
    """Return what each cascade adds to the sums that metrics are made of.

    (B, C * C + 6): its cell of the confusion matrix, then targets, reciprocal ranks and first
    places, over all targets and over those whose parent is not the source.
    """
    classes = predictions.logits.shape[1]
    label, predicted = predictions.label, predictions.predicted
    cell = np.zeros((len(label), classes**2))
    known = np.flatnonzero(label >= 0)
    cell[known, label[known] * classes + predicted[known]] = 1
    rank = middle_ranks(predictions.ranks[MODEL])
    values = np.stack((np.ones_like(rank), 1 / rank, rank <= 1))
    cascade = predictions.cascade_of_target
    links = [
        np.bincount(cascade, value * which, len(label))
        for which in (np.ones_like(rank), predictions.not_source)
        for value in values
    ]
    return np.column_stack((cell, *links))


def _rumor_figures(confusion: Floats, counted: NDArray[np.bool_]) -> dict[str, Floats]:
    """Return the metrics of every resample. Shapes: (R, C, C) and (C,) to (R,) each."""
    hits = np.trace(confusion, axis1=1, axis2=2)
    labelled = confusion.sum(axis=(1, 2))
    macro_f1 = f1_by_class(confusion)[:, counted].mean(axis=1)
    return {"accuracy": ratio(hits, labelled), "macro_f1": np.where(labelled > 0, macro_f1, np.nan)}


def _link_figures(sums: Floats) -> dict[str, Floats]:
    """Return the metrics of every resample. Shapes: (R, 6) to (R,) each."""
    every, other = sums[:, :3].T, sums[:, 3:].T
    return {
        "mrr": ratio(every[1], every[0]), "hits1": ratio(every[2], every[0]),
        "mrr_not_source": ratio(other[1], other[0]), "hits1_not_source": ratio(other[2], other[0]),
    }
