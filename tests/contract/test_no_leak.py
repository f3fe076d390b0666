"""What must hold of the features that are computed when a batch is made.

That no model leaks, whatever it is made of, is in ``test_conformance.py``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.batch.derived import DERIVED
from dgljoint.data.observation import parse_observation
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.tasks.targets import TargetPairs, evaluation_pairs, training_pairs
from dgljoint.testing import random_cascade, write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    rng = np.random.default_rng(3)
    cascades = [
        random_cascade(f"c{n}", rng, int(size), event=f"e{n}", label=("false", "true")[n % 2])
        for n, size in enumerate([1, 2, 5, 9, 14, 30, 12, 7])
    ]
    return CascadeStore(write_store(tmp_path_factory.mktemp("leak") / "a.h5", cascades))


DRAWN = parse_observation("30%-90%")


def derived(columns: CascadeColumns, targets: TargetPairs) -> np.ndarray:
    made = [feature.compute(columns, targets.hidden) for feature in DERIVED.values()]
    return np.concatenate(made, axis=1)


@given(st.integers(0, 2**32 - 1))
def test_a_hidden_edge_is_in_no_derived_feature(store: CascadeStore, seed: int) -> None:
    """Whatever the parent of a pending post is, depths, degrees and subtrees are the same."""
    rng = np.random.default_rng(seed)
    columns = store.read(np.arange(len(store)))
    targets = training_pairs(columns, DRAWN, rng, targets=16, candidates=8)
    parent = columns.parent.copy()
    for post in np.flatnonzero(targets.hidden):
        parent[post] = rng.integers(columns.post_ptr[columns.cascade_of[post]], post)
    changed = derived(replace(columns, parent=parent), targets)
    np.testing.assert_array_equal(derived(columns, targets), changed)


def test_in_evaluation_derived_features_are_those_of_a_cascade_that_ends_at_the_cut(
    store: CascadeStore,
) -> None:
    columns = store.read(np.array([5]))
    targets = evaluation_pairs(columns, 0.5)
    seen = int((~targets.hidden).sum())
    short = replace(
        columns, post_ptr=np.array([0, seen]), posts=columns.posts[:seen],
        parent=columns.parent[:seen], delay_seconds=columns.delay_seconds[:seen],
        kind=columns.kind[:seen],
    )
    whole = derived(columns, targets)
    np.testing.assert_array_equal(whole[:seen], derived(short, evaluation_pairs(short, 1.0)))
    later = DERIVED["structure"].compute(columns, targets.hidden)[seen:]
    assert (later == [0, 0, 0, 0, 1]).all(), "nothing is known of where later posts stand"
