"""Calibration figures by hand, and the temperature against a grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss

from dgljoint.evaluation.assessment import calibration, fit_temperature, reliability
from dgljoint.evaluation.metrics import PooledPredictions, join_ranks, no_predictions, softmax


def predictions(logits: np.ndarray, label: np.ndarray) -> PooledPredictions:
    count = len(label)
    return PooledPredictions(
        index=np.arange(count), label=label, logits=logits, observed=np.ones(count, np.int64),
        targets=np.zeros(count, np.int64), ranks={"model": join_ranks([])},
        not_source=np.empty(0, bool), cascade_view=np.zeros((count, 0)),
        rumor_view=np.zeros((count, 0)),
    )


def overconfident(count: int = 4000, factor: float = 3.0, seed: int = 0) -> PooledPredictions:
    """Draw classes from known probabilities, and say them with logits too large."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(count, 3))
    label = (rng.random((count, 1)) > softmax(true).cumsum(axis=1)).sum(axis=1)
    return predictions(factor * true, label)


def test_calibration_figures_by_hand() -> None:
    # Bins of a fifteenth: 0.6 is the upper end of the ninth, 0.61 in the tenth, 1 in the last.
    probability = np.array([[0.6, 0.4], [0.4, 0.6], [0.61, 0.39], [1.0, 0.0], [0.0, 1.0]])
    label = np.array([0, 0, 0, 0, 1])
    found = reliability(probability, label)
    assert [one.cascades for one in found.bins] == [2, 1, 2]
    assert [(one.low, one.high) for one in found.bins] == [
        pytest.approx(ends) for ends in ((8 / 15, 9 / 15), (9 / 15, 10 / 15), (14 / 15, 1))
    ]
    assert [one.confidence for one in found.bins] == pytest.approx([0.6, 0.61, 1])
    assert [one.accuracy for one in found.bins] == pytest.approx([0.5, 1, 1])
    assert found.ece == pytest.approx((2 * 0.1 + 1 * 0.39 + 0) / 5)
    assert found.nll == pytest.approx(-np.log([0.6, 0.4, 0.61, 1, 1]).mean())
    assert found.brier == pytest.approx((2 * 0.4**2 + 2 * 0.6**2 + 2 * 0.39**2) / 5)


def test_a_class_that_was_ruled_out_costs_much_and_not_infinitely() -> None:
    assert 700 < reliability(np.array([[1.0, 0.0]]), np.array([1])).nll < 710


def test_the_temperature_is_the_likeliest_and_undoes_overconfidence() -> None:
    validation, test = overconfident(seed=1), overconfident(seed=2)
    temperature = fit_temperature(validation)
    assert temperature is not None
    assert temperature == pytest.approx(3, rel=0.1)
    grid = np.geomspace(2, 4.5, 301)
    losses = [log_loss(validation.label, softmax(validation.logits / one)) for one in grid]
    assert temperature == pytest.approx(grid[np.argmin(losses)], rel=2e-3)
    found = calibration(test, temperature)
    assert found is not None
    assert found.scaled is not None
    assert (found.cascades, found.temperature) == (4000, temperature)
    assert found.scaled.ece < 0.03 < 0.15 < found.raw.ece
    assert found.scaled.nll < found.raw.nll
    assert found.scaled.brier < found.raw.brier


def test_cascades_without_a_label_count_for_nothing() -> None:
    some = overconfident(60)
    more = predictions(
        np.concatenate((some.logits, np.full((20, 3), 9.0))),
        np.concatenate((some.label, np.full(20, -1))),
    )
    assert fit_temperature(more) == fit_temperature(some)
    assert calibration(more, 2.0) == calibration(some, 2.0)
    nothing = replace(some, label=np.full(60, -1))
    assert fit_temperature(nothing) is None
    assert calibration(nothing, 2.0) is None
    assert fit_temperature(no_predictions(3, ("model",))) is None


def test_a_part_told_without_a_mistake_has_a_temperature_within_bounds() -> None:
    label = np.arange(9) % 3
    for logits, bound in ((np.eye(3)[label], 0.05), (-np.eye(3)[label], 20)):
        temperature = fit_temperature(predictions(logits, label))
        assert temperature == pytest.approx(bound, rel=1e-3)
