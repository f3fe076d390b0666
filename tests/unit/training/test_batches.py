"""How the training part is cut into batches."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.config.run_config import TrainOptions
from dgljoint.errors import InterruptedRunError
from dgljoint.training.randomness import Batches
from runs import StopAfter, assert_same_run, run
from toys import toy_store

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=40)


def made(sizes: list[int], seed: int = 0, **options: int) -> Batches:
    part = np.arange(len(sizes)) * 3 + 7
    return Batches(part, np.array(sizes), TrainOptions(epochs=3, **options), seed)


@given(SIZES, st.integers(1, 9), st.integers(0, 80))
def test_every_epoch_has_every_cascade_once(sizes: list[int], batch: int, posts: int) -> None:
    batches = made(sizes, batch=batch, batch_posts=posts)
    for epoch in range(3):
        found = batches.of(epoch)
        assert len(found) == batches.steps(epoch)
        assert sorted(np.concatenate(found)) == [place * 3 + 7 for place in range(len(sizes))]
        assert max(map(len, found)) <= batch
        assert min(map(len, found)) >= 1
    assert batches.before(2) == batches.steps(0) + batches.steps(1)
    assert batches.total == batches.before(2) + batches.steps(2)


@given(SIZES, st.integers(1, 9), st.integers(1, 80))
def test_a_batch_passes_the_bound_on_posts_only_with_one_cascade(
    sizes: list[int], batch: int, posts: int
) -> None:
    for found in made(sizes, batch=batch, batch_posts=posts).of(0):
        held = sum(sizes[(place - 7) // 3] for place in found)
        assert held <= posts or len(found) == 1


@given(SIZES, st.integers(1, 9), st.integers(1, 80))
def test_a_batch_ends_only_where_the_next_cascade_has_no_place(
    sizes: list[int], batch: int, posts: int
) -> None:
    found = made(sizes, batch=batch, batch_posts=posts).of(0)
    for one, other in pairwise(found):
        held = sum(sizes[(place - 7) // 3] for place in [*one, other[0]])
        assert held > posts or len(one) == batch


def test_batches_are_near_equal_in_cascades_without_a_bound_on_posts() -> None:
    assert sorted(map(len, made([5] * 41, batch=20).of(0))) == [13, 14, 14]


def test_epochs_and_seeds_are_in_orders_of_their_own() -> None:
    batches, others = made([1] * 30, batch=30), made([1] * 30, seed=1, batch=30)
    orders = [batches.of(0)[0], batches.of(1)[0], others.of(0)[0]]
    assert len({tuple(order) for order in orders}) == 3
    assert np.array_equal(orders[0], made([1] * 30, batch=30).of(0)[0])


@pytest.mark.slow
@pytest.mark.parametrize("steps", [3, 9])
def test_a_run_with_a_bound_on_posts_resumes(tmp_path: Path, steps: int) -> None:
    store = toy_store(tmp_path / "toy.h5")
    options = ("train.batch_posts=30", "train.epochs=2")
    run(store, tmp_path / "whole", *options)
    with pytest.raises(InterruptedRunError):
        run(store, tmp_path / "cut", *options, callback=StopAfter(steps))
    run(store, tmp_path / "cut", *options, resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")
