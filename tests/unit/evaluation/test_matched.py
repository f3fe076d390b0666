"""The date-matched AUC against a double loop, and what it must not reward."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dgljoint.evaluation import matched
from dgljoint.evaluation.matched import class_pairs
from dgljoint.evaluation.matched_pairs import date_matched, pair_figures, pooled
from dgljoint.evaluation.metrics import rumor_scores, softmax
from dgljoint.evaluation.scores import ClassPair

NAMES = ("true", "false", "unverified")
DAY = 86_400
SEEDS = st.integers(0, 10_000)


def made(seed: int, count: int = 40) -> tuple[NDArray, NDArray, NDArray]:
    """Return logits with many ties, labels and dates; some dates are unknown."""
    rng = np.random.default_rng(seed)
    logits = rng.integers(-2, 3, (count, 3)).astype(float)
    posted_at = rng.integers(1, 100, count) * DAY
    posted_at[rng.random(count) < 0.1] = 0
    return logits, rng.integers(0, 3, count), posted_at


def in_loops(logits: NDArray, label: NDArray, posted_at: NDArray) -> dict[str, ClassPair]:
    found = {}
    for a, b in combinations(sorted(set(label.tolist())), 2):
        close, every = [], []
        for one in np.flatnonzero(label == a):
            for other in np.flatnonzero(label == b):
                mine, theirs = (logits[n, a] - logits[n, b] for n in (one, other))
                won = 1.0 if mine > theirs else 0.5 if mine == theirs else 0.0
                every.append(won)
                if (
                    posted_at[one] and posted_at[other]
                    and abs(posted_at[one] - posted_at[other]) <= 30 * DAY
                ):
                    close.append(won)
        found[f"{NAMES[a]}|{NAMES[b]}"] = ClassPair(
            pytest.approx(np.mean(close)) if close else None, len(close),
            pytest.approx(np.mean(every)), len(every),
        )
    return found


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(1, 40), st.sampled_from([1, 7, 512]))
def test_it_is_that_of_a_double_loop(seed: int, count: int, rows: int) -> None:
    given = made(seed, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matched, "_ROWS", rows)
        assert class_pairs(*given, NAMES) == in_loops(*given)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_a_monotone_function_of_the_log_ratios_changes_nothing(seed: int) -> None:
    logits, label, posted_at = made(seed)
    two = label < 2
    straight = class_pairs(logits[two], label[two], posted_at[two], NAMES)
    ratio = logits[two, 0] - logits[two, 1]
    bent = np.stack((np.sinh(ratio) + 5, np.zeros_like(ratio), logits[two, 2]), axis=1)
    assert class_pairs(bent, label[two], posted_at[two], NAMES) == straight


def test_constant_probabilities_have_one_half() -> None:
    _, label, posted_at = made(0, 200)
    found = rumor_scores(np.full((200, 3), 1 / 3), label, NAMES, 0, posted_at=posted_at)
    assert found.auc_date_matched == 0.5
    assert {pair.auc for pair in found.class_pairs.values()} == {0.5}


def test_a_class_that_is_never_predicted_tells_nothing() -> None:
    logits, label, posted_at = made(0, 200)
    logits[:, 1:] = -np.inf
    found = rumor_scores(softmax(logits), label, NAMES, 0, posted_at=posted_at)
    assert {pair.auc_date_matched for pair in found.class_pairs.values()} == {0.5}


def test_who_knows_the_month_alone_gains_nothing() -> None:
    """Two months hold one class more often each: accuracy is .8, and the date-matched AUC .5."""
    rng = np.random.default_rng(0)
    month = rng.integers(2, size=1000)
    label = np.where(rng.random(1000) < 0.8, month, 1 - month)
    posted_at = DAY * (1 + 100 * month + rng.integers(25, size=1000))
    known = np.where(np.eye(2)[month] == 1, 0.8, 0.2)
    found = rumor_scores(known, label, NAMES[:2], 0, posted_at=posted_at)
    assert found.accuracy == pytest.approx(0.8, abs=0.04)
    assert found.auroc == pytest.approx(0.8, abs=0.04)
    assert found.auc_date_matched == 0.5
    # what differs within a month counts in full
    told = softmax(np.log(known) + 9 * np.eye(2)[label])
    assert rumor_scores(told, label, NAMES[:2], 0, posted_at=posted_at).auc_date_matched == 1


def pair(area: float | None, pairs: int) -> ClassPair:
    return ClassPair(area, pairs, 0.9, 10_000)


def test_the_mean_is_over_class_pairs_with_enough_cascades_of_one_time() -> None:
    found = {"a|b": pair(0.6, 200), "a|c": pair(0.9, 199), "b|c": pair(0.8, 5000)}
    assert date_matched(found) == pytest.approx(0.7)
    assert date_matched({"a|b": pair(0.6, 199), "a|c": pair(None, 0)}) is None
    assert date_matched({}) is None


def test_pairs_of_several_folds_are_pooled() -> None:
    folds = [{"a|b": pair(0.5, 150), "a|c": pair(None, 0)}, {"a|b": pair(0.8, 50)}, {}]
    assert pooled(map(pair_figures, folds)) == pytest.approx((150 * 0.5 + 50 * 0.8) / 200)
    assert pooled(map(pair_figures, folds[:1])) is None
