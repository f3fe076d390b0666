from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.data.store import CascadeColumns
from dgljoint.tasks.targets import (
    Question,
    evaluation_question,
    evaluation_targets,
    training_question,
)
from threads import columns


def check(question: Question, of: CascadeColumns) -> None:
    """What holds for every question whatever the policy."""
    child, candidate = question.pairs
    assert (of.delay_seconds[candidate] < of.delay_seconds[child]).all()
    assert (of.cascade_of[candidate] == of.cascade_of[child]).all()
    np.testing.assert_array_equal(question.answer, of.parent[child] == candidate)
    targets = np.unique(child)
    assert question.answer.sum() == len(targets)
    assert question.pending[targets].all()
    assert not question.pending[of.post_ptr[:-1]].any()
    assert len(set(zip(child, candidate, strict=True))) == len(child)
    assert len(targets) == (np.diff(child) != 0).sum() + bool(len(child))


@given(columns(), st.integers(2, 8), st.integers(0, 100))
def test_training_targets_choose_among_strictly_earlier_posts(
    of: CascadeColumns, candidates: int, seed: int
) -> None:
    question = training_question(of, 0.7, candidates, np.random.default_rng(seed))
    check(question, of)
    child = question.pairs[0]
    assert set(np.flatnonzero(question.pending)) == set(child)
    for target in np.unique(child):
        earlier = (of.delay_seconds < of.delay_seconds[target]) & (
            of.cascade_of == of.cascade_of[target]
        )
        assert (child == target).sum() == min(candidates, earlier.sum())


@given(columns(), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_evaluation_asks_for_every_late_post_among_all_earlier_ones(
    of: CascadeColumns, share: float
) -> None:
    question = evaluation_question(of, share)
    check(question, of)
    for cascade, (start, end) in enumerate(zip(of.post_ptr, of.post_ptr[1:], strict=False)):
        timed = of.delay_seconds[end - 1] > 0
        observed = int(np.ceil((end - start) * share)) if timed else end - start
        assert not question.pending[start : start + observed].any(), cascade
        assert question.pending[start + observed : end].all(), cascade
    child, candidate = question.pairs
    for target in np.unique(child):
        same = of.cascade_of == of.cascade_of[target]
        expected = np.flatnonzero(same & (of.delay_seconds < of.delay_seconds[target]))
        np.testing.assert_array_equal(candidate[child == target], expected)
        assert len(expected) >= 2


def test_sampled_candidates_are_spread_evenly() -> None:
    size = 101
    of = CascadeColumns(
        index=np.arange(1),
        post_ptr=np.array([0, size]),
        posts=np.arange(size),
        parent=np.arange(-1, size - 1),
        delay_seconds=np.arange(size, dtype=float),
        kind=np.zeros(size, np.uint8),
    )
    drawn = np.zeros(size)
    for seed in range(300):
        question = training_question(of, 1.0, 11, np.random.default_rng(seed))
        last = question.pairs[0] == size - 1
        drawn[question.pairs[1][last & ~question.answer]] += 1
    # 10 of the 99 rivals of the last post each time.
    assert drawn[: size - 2].mean() == pytest.approx(300 * 10 / 99)
    assert drawn[: size - 2].min() > 10
    assert drawn[: size - 2].max() < 60


@given(columns(), st.sampled_from([0.1, 0.75]))
def test_a_cascade_without_times_is_observed_whole(of: CascadeColumns, share: float) -> None:
    timeless = replace(of, delay_seconds=np.zeros(len(of.parent)))
    question = evaluation_question(timeless, share)
    assert not question.pending.any()
    assert question.pairs.shape == (2, 0)


@given(columns(), st.integers(0, 2**32 - 1))
def test_the_same_edges_are_hidden_when_nobody_scores_the_pairs(
    of: CascadeColumns, seed: int
) -> None:
    asked = training_question(of, 0.5, 4, np.random.default_rng(seed))
    hidden = training_question(of, 0.5, 4, np.random.default_rng(seed), scored=False)
    np.testing.assert_array_equal(hidden.pending, asked.pending)
    assert hidden.pairs.shape == (2, 0)
    assert hidden.answer.shape == (0,)


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
    np.testing.assert_array_equal(unscored.pending, targets.unpaired().pending)
