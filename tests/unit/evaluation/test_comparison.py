"""Differences of two sides: intervals, tests, corrections, and what is too little for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from dgljoint.evaluation.comparison import (
    Outcomes,
    compare_pairs,
    event_intervals,
    holm,
)

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def outcomes(rng: np.random.Generator, count: int, **columns: Any) -> Outcomes:
    made = {
        "label": rng.integers(-1, 3, count), "predicted": rng.integers(0, 3, count),
        "targets": rng.integers(0, 9, count), "reciprocal": rng.random(count),
        "event": np.arange(count),
    }
    return Outcomes(classes=3, **(made | columns))


def test_a_difference_is_the_second_less_the_first() -> None:
    found = compare_pairs([0.5, 0.4, 0.3], [0.6, 0.4, 0.2])
    assert (found.first, found.second) == (pytest.approx(0.4), pytest.approx(0.4))
    assert found.difference == pytest.approx(0.0)
    assert found.sd == pytest.approx(0.1)
    assert (found.wins, found.ties, found.losses) == (1, 1, 1)


@pytest.mark.parametrize(
    ("pairs", "interval", "test"), [(1, False, False), (4, False, False), (5, True, False),
                                    (6, True, True)]
)
def test_few_pairs_get_no_interval_and_no_test(pairs: int, interval: bool, test: bool) -> None:
    found = compare_pairs([0.5] * pairs, [0.5 + 0.01 * n for n in range(1, pairs + 1)])
    assert (found.interval is not None, found.p is not None) == (interval, test)
    assert (found.sd is None) == (pairs == 1)


def test_the_signed_rank_test_is_exact_and_two_sided() -> None:
    gains = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]
    found = compare_pairs([0.5] * 6, [0.5 + gain for gain in gains])
    assert found.p == pytest.approx(2 / 2**6)
    # all of one sign: the signs alone say the same
    assert found.p == pytest.approx(binomtest(6, 6).pvalue)
    assert compare_pairs([0.5] * 6, [0.5] * 6).p == 1.0


def test_differences_that_are_equal_but_for_rounding_are_ties() -> None:
    assert compare_pairs([0.1 + 0.2], [0.3]).ties == 1
    one, other = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert compare_pairs(one, other).p == compare_pairs([0.5] * 6, [0.625] * 6).p


def test_the_interval_is_about_as_wide_as_the_normal_one() -> None:
    gains = np.random.default_rng(0).normal(0.05, 0.02, 200)
    found = compare_pairs(np.zeros(200).tolist(), gains.tolist())
    assert found.interval is not None
    half = 1.96 * gains.std(ddof=1) / np.sqrt(200)
    assert found.interval == pytest.approx((gains.mean() - half, gains.mean() + half), abs=4e-4)
    assert found == compare_pairs(np.zeros(200).tolist(), gains.tolist())


@settings(max_examples=12)
@given(SHARES)
def test_sides_exchanged_change_the_sign(shares: list[float]) -> None:
    rest = [0.5] * len(shares)
    one, other = compare_pairs(rest, shares), compare_pairs(shares, rest)
    assert one.difference == pytest.approx(-other.difference)
    assert (one.wins, one.losses) == (other.losses, other.wins)
    assert one.p == other.p
    if one.interval and other.interval:
        assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))


def test_holm_corrects_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.5]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_lies_between_no_correction_and_bonferroni(p: list[float]) -> None:
    for one, corrected in zip(p, holm(p), strict=True):
        assert one <= corrected <= min(1.0, len(p) * one) + 1e-12


def test_the_intervals_over_equal_events_are_those_of_the_figures() -> None:
    """Resampling events that are all alike gives the figures' own difference as both ends."""
    five = np.ones(5, np.int64)
    one = Outcomes(2, 0 * five, 0 * five, 3 * five, 0.5 * five, np.arange(5))
    other = Outcomes(2, 0 * five, five, 3 * five, 0.2 * five, np.arange(5))
    found = event_intervals(one, other)
    assert found["accuracy"] == (-1.0, -1.0)
    assert found["macro_f1"] == (-0.5, -0.5)
    assert found["mrr"] == pytest.approx((-0.3, -0.3))


def test_the_intervals_match_a_plain_bootstrap_over_events() -> None:
    rng = np.random.default_rng(1)
    one = outcomes(rng, 80, event=rng.integers(30, size=80))
    events = np.unique(one.event)
    right = rng.random(80) < 0.6
    other = outcomes(rng, 80, event=one.event, label=one.label, targets=one.targets,
                     predicted=np.where(right, one.label.clip(0), rng.integers(0, 3, 80)))
    found = event_intervals(one, other)
    gained: dict[str, list[float]] = {"accuracy": [], "macro_f1": [], "mrr": []}
    for _ in range(250):
        drawn = np.concatenate([
            np.flatnonzero(one.event == event) for event in rng.choice(events, len(events))
        ])
        known = drawn[one.label[drawn] >= 0]
        scored = []
        for side in (one, other):
            label, predicted = side.label[known], side.predicted[known]
            weights = side.targets[drawn]
            scored.append({
                "accuracy": accuracy_score(label, predicted),
                "macro_f1": f1_score(label, predicted, average="macro", labels=[0, 1, 2],
                                     zero_division=0),
                "mrr": (weights * side.reciprocal[drawn]).sum() / weights.sum(),
            })
        for name, values in gained.items():
            values.append(scored[1][name] - scored[0][name])
    for name, values in gained.items():
        assert found[name] == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=0.045)


def test_f1_counts_what_is_said_too_often() -> None:
    label = np.repeat([0, 1], 200)
    rest = {"targets": np.zeros(400, np.int64), "reciprocal": np.zeros(400),
            "event": np.arange(400)}
    right = Outcomes(2, label, label, **rest)
    always = Outcomes(2, label, np.zeros(400, np.int64), **rest)
    low, high = event_intervals(right, always)["macro_f1"]
    assert low < 1 / 3 - 1 < high
    assert high - low < 0.1


def test_what_a_run_was_not_asked_has_no_interval() -> None:
    rng = np.random.default_rng(0)
    both = outcomes(rng, 20)
    none = np.zeros(20, np.int64)
    assert set(event_intervals(both, outcomes(rng, 20, targets=none))) == {
        "accuracy", "macro_f1"}
    assert set(event_intervals(outcomes(rng, 20, predicted=none - 1), both)) == {"mrr"}


def test_four_events_have_no_interval_however_many_cascades() -> None:
    rng = np.random.default_rng(0)
    event = np.arange(80) % 4
    assert event_intervals(outcomes(rng, 80, event=event), outcomes(rng, 80, event=event)) == {}
