"""Whether the rumor head's probabilities match its accuracy, and a temperature to correct them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dgljoint.evaluation.pooled import Floats, Index, PooledPredictions, softmax
from dgljoint.evaluation.scores import Bin, Calibration, Reliability

BINS = 15
# Where every cascade of the validation set is classified correctly, the best temperature is 0.
_LOWEST, _HIGHEST = 0.05, 20.0


def calibration(predictions: PooledPredictions, temperature: float | None) -> Calibration | None:
    """Calibrate the probabilities of labelled cascades by ``temperature``; ``None`` without any."""
    logits, label = _labelled(predictions)
    if not len(label):
        return None
    possible = bool(predictions.answerable[label].all())
    judged = [reliability(softmax(logits / by), label) for by in (1.0, temperature) if by]
    if not possible:
        judged = [replace(one, nll=None) for one in judged]
    scaled = None if temperature is None else judged[1]
    return Calibration(len(label), judged[0], temperature, scaled)


def fit_temperature(predictions: PooledPredictions) -> float | None:
    """Return the T that makes ``softmax(logits / T)`` likeliest; ``None`` without a label.

    Temperature scaling (Guo, Pleiss, Sun & Weinberger, 2017, "On Calibration of Modern Neural
    Networks", https://arxiv.org/abs/1706.04599, section 4.2): the negative log-likelihood of the
    validation set is minimised over one number. It is convex in 1/T, so that a bounded search
    finds the minimum; the bounds are 0.05 and 20. The class predicted, and with it every figure but
    those of calibration, stays what it is.
    """
    from scipy.optimize import minimize_scalar  # slow to import, and used once per run

    logits, label = _labelled(predictions)
    # No temperature makes a class likelier that is never predicted.
    possible = predictions.answerable[label]
    logits, label = logits[possible], label[possible]
    if not len(label):
        return None

    def loss(log_temperature: float) -> float:
        return _nll(softmax(logits / np.exp(log_temperature)), label)

    bounds = (np.log(_LOWEST), np.log(_HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def reliability(probability: Floats, label: Index) -> Reliability:
    """Compare probabilities with true classes.

    With the M = 15 equal bins of Guo et al. (2017) over the probability of the predicted class::

        ECE   = sum over bins of |bin| / B * |accuracy(bin) - confidence(bin)|
        NLL   = mean of -log p(true class); None where a true class is never predicted
        Brier = mean of the squared distance between p and the true class as a unit vector

    the last of them Brier's (1950) own, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Shapes: ``probability`` (B, C), rows sum to one; ``label`` (B,); B at least 1.
    """
    confidence, predicted = probability.max(axis=1), probability.argmax(axis=1)
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    size = np.bincount(place, minlength=BINS)
    sure = np.bincount(place, confidence, BINS)
    right = np.bincount(place, predicted == label, BINS)
    truth = np.eye(probability.shape[1])[label]
    return Reliability(
        ece=float(np.abs(right - sure).sum() / len(label)),
        nll=_nll(probability, label),
        brier=float(((probability - truth) ** 2).sum(axis=1).mean()),
        bins=tuple(
            Bin(
                low=number / BINS, high=(number + 1) / BINS, cascades=int(size[number]),
                confidence=float(sure[number] / size[number]),
                accuracy=float(right[number] / size[number]),
            )
            for number in np.flatnonzero(size).tolist()
        ),
    )


def _nll(probability: Floats, label: Index) -> float:
    mine = probability[np.arange(len(label)), label]
    # A tiny probability is 0 in floating point, and its logarithm infinite.
    return float(-np.log(np.maximum(mine, np.finfo(np.float64).tiny)).mean())


def _labelled(predictions: PooledPredictions) -> tuple[Floats, NDArray[np.int64]]:
    known = predictions.label >= 0
    return predictions.logits[known], predictions.label[known]
