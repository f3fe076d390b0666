"""Two processes that share a batch compute what one computes with all of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, WeighterSpec
from dgljoint.training.passes import shares
from external_packages import installed
from several import take_steps, take_steps_together
from toys import shipped, toy_store

EVERYTHING: dict[str, dict[str, Any]] = {
    **{name: {"encoder": name} for name in shipped(EncoderSpec)},
    **{
        name: {"plugins": (name,)}
        for kind in (InteractionSpec, WeighterSpec) for name in shipped(kind)
    },
    "all interactions": {"plugins": (*shipped(InteractionSpec), "meta_weight")},
    "balanced interactions": {"plugins": (*shipped(InteractionSpec), "upgrad")},
    "famo": {"plugins": (*shipped(InteractionSpec), "famo")},
    "one task": {"assignments": ("train.tasks=rumor",)},
    "a cascade a batch": {
        "assignments": ("train.batch_posts=1",), "plugins": (*shipped(InteractionSpec), "pcgrad")
    },
}


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("together")
    store = toy_store(folder / "toy.h5")
    # A weighter that looks at the losses again after the step: none that ships does.
    with installed("dgljoint-famo", folder):
        found = take_steps_together(store.path, list(EVERYTHING.values()), 2, folder)
        yield {"path": store.path} | {
            name: ranks for name, *ranks in zip(EVERYTHING, *found, strict=True)
        }


@pytest.mark.parametrize("name", EVERYTHING)
def test_two_processes_give_the_gradients_of_one(name: str, together: dict[str, Any]) -> None:
    expected = take_steps(together["path"], EVERYTHING[name])
    for found in together[name]:
        for step, (one, other) in enumerate(
            zip(expected["gradients"], found["gradients"], strict=True)
        ):
            assert one.keys() <= other.keys()
            for parameter, gradient in other.items():
                # What no loss reaches may have zeros here for no gradient there.
                apart = (gradient - one.get(parameter, torch.zeros(()))).abs().max()
                assert apart <= 5e-5, f"step {step}, {parameter}: {apart:.2e} apart"
        assert found["sums"] == pytest.approx(expected["sums"], rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("name", EVERYTHING)
def test_two_processes_keep_the_same_model(name: str, together: dict[str, Any]) -> None:
    first, second = (found["parameters"] for found in together[name])
    assert all(torch.equal(first[key], second[key]) for key in first)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 8)
)
def test_shares_are_all_cascades_in_order_and_leave_nobody_without(
    sizes: list[int], processes: int
) -> None:
    found = shares(np.concatenate(([0], np.cumsum(sizes))), processes)
    assert found[0][0] == 0
    assert found[-1][1] == len(sizes)
    assert all(one[1] == other[0] for one, other in pairwise(found))
    counts = [stop - start for start, stop in found]
    assert min(counts) >= (1 if len(sizes) >= processes else 0)


def test_shares_are_near_equal_in_posts() -> None:
    sizes = np.random.default_rng(0).integers(1, 40, 100)
    found = shares(np.concatenate(([0], np.cumsum(sizes))), 4)
    posts = [sizes[start:stop].sum() for start, stop in found]
    assert max(posts) - min(posts) <= 2 * sizes.max()
