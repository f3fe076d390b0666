"""What must hold of the features that are computed when a batch is made.

That no model leaks, whatever it is made of, is in ``test_conformance.py``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.batch.features import DERIVED
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


def derived(columns: CascadeColumns, targets: TargetPairs) -> np.ndarray:
    return np.concatenate([made.compute(columns, targets) for made in DERIVED.values()], axis=1)


@given(st.integers(0, 2**32 - 1))
def test_a_hidden_edge_is_in_no_derived_feature(store: CascadeStore, seed: int) -> None:
    """Whatever the parent of a pending post is, depths, degrees and subtrees are the same."""
    rng = np.random.default_rng(seed)
    columns = store.read(np.arange(len(store)))
    targets = training_pairs(columns, 0.5, 8, rng)
    parent = columns.parent.copy()
    for post in np.flatnonzero(targets.hidden):
        parent[post] = rng.integers(columns.post_ptr[columns.cascade_of[post]], post)
    changed = derived(replace(columns, parent=parent), targets)
    np.testing.assert_array_equal(derived(columns, targets), changed)


@given(st.integers(0, 2**32 - 1))
def test_what_hangs_below_a_pending_post_counts_for_nobody_above(
    store: CascadeStore, seed: int
) -> None:
    """Cut the part of a pending post out of the batch: all others have the same structure."""
    rng = np.random.default_rng(seed)
    columns = store.read(np.array([5]))
    targets = training_pairs(columns, 0.3, 8, rng)
    pending = np.flatnonzero(targets.hidden)
    if not len(pending):
        return
    gone = np.arange(len(columns.parent)) == pending[0]
    for post in range(pending[0] + 1, len(gone)):
        gone[post] = gone[columns.parent[post]] and not targets.hidden[post]
    number = np.cumsum(~gone) - 1
    # A pending post below one that is gone may have any parent.
    parent = np.where(targets.hidden, 0, columns.parent)[~gone]
    rest = replace(
        columns, post_ptr=np.array([0, int((~gone).sum())]), posts=columns.posts[~gone],
        parent=np.where(parent < 0, -1, number[parent]), kind=columns.kind[~gone],
        delay_seconds=columns.delay_seconds[~gone],
    )
    asked = TargetPairs(targets.hidden[~gone], np.empty((2, 0), np.int64), np.empty(0, bool))
    whole = DERIVED["structure"].compute(columns, targets)
    np.testing.assert_array_equal(whole[~gone], DERIVED["structure"].compute(rest, asked))


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
    later = DERIVED["structure"].compute(columns, targets)[seen:]
    assert (later == [0, 0, 0, 0, 1]).all(), "nothing is known of where later posts stand"
