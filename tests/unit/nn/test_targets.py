from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.data.observation import parse_observation
from dgljoint.data.store import CascadeColumns
from dgljoint.tasks.targets import (
    TargetPairs,
    evaluation_pairs,
    evaluation_targets,
    training_pairs,
)
from threads import columns


def check(targets: TargetPairs, of: CascadeColumns) -> None:
    """Check what holds for all targets, whatever the policy."""
    child, candidate = targets.pairs
    assert (of.delay_seconds[candidate] < of.delay_seconds[child]).all()
    assert (of.cascade_of[candidate] == of.cascade_of[child]).all()
    np.testing.assert_array_equal(targets.is_parent, of.parent[child] == candidate)
    unique = np.unique(child)
    assert targets.is_parent.sum() == len(unique)
    assert targets.hidden[unique].all()
    assert not targets.hidden[of.post_ptr[:-1]].any()
    assert len(set(zip(child, candidate, strict=True))) == len(child)
    assert len(unique) == (np.diff(child) != 0).sum() + bool(len(child))


DRAWN, FIRST = parse_observation("20%-90%"), parse_observation("1p")


def chain(size: int) -> CascadeColumns:
    """Make a cascade in which each post replies to the one before it."""
    return CascadeColumns(
        index=np.arange(1),
        post_ptr=np.array([0, size]),
        posts=np.arange(size),
        parent=np.arange(-1, size - 1),
        delay_seconds=np.arange(size, dtype=float),
        kind=np.zeros(size, np.uint8),
    )


@given(columns(), st.integers(1, 5), st.integers(2, 8), st.integers(0, 2**32 - 1))
def test_training_targets_come_after_all_that_is_observed(
    of: CascadeColumns, most: int, candidates: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    targets = training_pairs(of, DRAWN, rng, targets=most, candidates=candidates)
    check(targets, of)
    drawn = np.unique(targets.pairs[0])
    for cascade, (start, end) in enumerate(zip(of.post_ptr, of.post_ptr[1:], strict=False)):
        hidden = targets.hidden[start:end]
        assert (np.diff(hidden.astype(int)) >= 0).all(), "the last posts by time, and only they"
        assert hidden.sum() <= np.floor(0.8 * len(hidden))
        possible = [
            post for post in range(start, end)
            if targets.hidden[post]
            and of.delay_seconds[of.parent[post]] < of.delay_seconds[post]
            and (of.delay_seconds[start:post] < of.delay_seconds[post]).sum() >= 2
        ]
        asked = drawn[(start <= drawn) & (drawn < end)]
        assert set(asked) <= set(possible), cascade
        assert len(asked) == min(most, len(possible))
    for target in drawn:
        earlier = (of.delay_seconds < of.delay_seconds[target]) & (
            of.cascade_of == of.cascade_of[target]
        )
        assert (targets.pairs[0] == target).sum() == min(candidates, earlier.sum())


def test_cuts_and_targets_are_drawn_anew() -> None:
    of = chain(100)
    rng = np.random.default_rng(0)
    found = [training_pairs(of, DRAWN, rng, targets=5, candidates=4) for _ in range(300)]
    seen = np.array([(~one.hidden).sum() for one in found])
    assert [seen.min(), seen.max()] == [pytest.approx(20, abs=3), pytest.approx(90, abs=3)]
    assert seen.mean() == pytest.approx(55, abs=4), "uniform between 20 and 90"
    asked = np.concatenate([np.unique(one.pairs[0]) - (~one.hidden).sum() for one in found])
    assert asked.mean() == pytest.approx((100 - seen).mean() / 2, abs=4), "anywhere after the cut"


@given(columns(), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_evaluation_asks_for_every_late_post_among_all_earlier_ones(
    of: CascadeColumns, share: float
) -> None:
    targets = evaluation_pairs(of, share)
    check(targets, of)
    for cascade, (start, end) in enumerate(zip(of.post_ptr, of.post_ptr[1:], strict=False)):
        timed = of.delay_seconds[end - 1] > 0
        observed = int(np.ceil((end - start) * share)) if timed else end - start
        assert not targets.hidden[start : start + observed].any(), cascade
        assert targets.hidden[start + observed : end].all(), cascade
    child, candidate = targets.pairs
    for target in np.unique(child):
        same = of.cascade_of == of.cascade_of[target]
        expected = np.flatnonzero(same & (of.delay_seconds < of.delay_seconds[target]))
        np.testing.assert_array_equal(candidate[child == target], expected)
        assert len(expected) >= 2


def test_sampled_candidates_are_spread_evenly() -> None:
    size = 101
    of = chain(size)
    drawn = np.zeros(size)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        targets = training_pairs(of, FIRST, rng, targets=size, candidates=11)
        last = targets.pairs[0] == size - 1
        drawn[targets.pairs[1][last & ~targets.is_parent]] += 1
    # 10 of the 99 rivals of the last post each time.
    assert drawn[: size - 2].mean() == pytest.approx(300 * 10 / 99)
    assert drawn[: size - 2].min() > 10
    assert drawn[: size - 2].max() < 60


@given(columns(), st.sampled_from([0.1, 0.75]))
def test_a_cascade_without_times_is_observed_whole(of: CascadeColumns, share: float) -> None:
    timeless = replace(of, delay_seconds=np.zeros(len(of.parent)))
    targets = evaluation_pairs(timeless, share)
    assert not targets.hidden.any()
    assert targets.pairs.shape == (2, 0)


@given(columns(), st.integers(0, 2**32 - 1))
def test_the_same_edges_are_hidden_when_nobody_scores_the_pairs(
    of: CascadeColumns, seed: int
) -> None:
    asked, hidden = (
        training_pairs(
            of, DRAWN, np.random.default_rng(seed), targets=8, candidates=4, scored=scored
        )
        for scored in (True, False)
    )
    np.testing.assert_array_equal(hidden.hidden, asked.hidden)
    assert hidden.pairs.shape == (2, 0)
    assert hidden.is_parent.shape == (0,)


@given(columns(), st.sampled_from([0.25, 0.75]))
def test_a_target_names_its_candidates_by_their_ends(of: CascadeColumns, share: float) -> None:
    targets = evaluation_targets(of, share)
    for post, first, end, parent in zip(
        targets.post, targets.first, targets.end, targets.parent, strict=True
    ):
        same = of.cascade_of == of.cascade_of[post]
        earlier = np.flatnonzero(same & (of.delay_seconds < of.delay_seconds[post]))
        assert [first, end - 1] == [earlier[0], earlier[-1]]
        assert parent == of.parent[post]
    assert targets.unpaired().pairs.shape == (2, 0)
    unscored = evaluation_targets(of, share, scored=False)
    assert len(unscored) == 0
    np.testing.assert_array_equal(unscored.hidden, targets.unpaired().hidden)
