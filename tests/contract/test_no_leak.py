"""What must hold of the features that are computed when a batch is made.

That no model leaks, whatever it is made of, is in ``test_conformance.py``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.batch.assemble import observed_edges
from dgljoint.batch.batch import CascadeBatch
from dgljoint.batch.derived import DERIVED
from dgljoint.data.observation import parse_observation
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.tasks.link_numbers import LinkNumbers, link_numbers
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


def numbers(columns: CascadeColumns, targets: TargetPairs) -> LinkNumbers:
    """Compute what the link head reads beside the views."""
    count = len(columns.parent)
    batch = CascadeBatch(
        edges=observed_edges(columns, targets), features={}, cascade_features={},
        delay_seconds=torch.from_numpy(columns.delay_seconds),
        cascade_of=torch.from_numpy(columns.cascade_of),
        root=torch.from_numpy(columns.post_ptr[:-1]),
        observed=torch.from_numpy(~targets.hidden), kind=torch.zeros(count, dtype=torch.int64),
        label=torch.zeros(0), event=torch.zeros(0), pairs=torch.zeros(0),
        pair_target=torch.zeros(0), ids=(),
    )
    return link_numbers(batch)


def rows_of(found: LinkNumbers, start: int, stop: int) -> list[torch.Tensor]:
    return [rows[start:stop] for rows in vars(found).values()]


@given(st.integers(0, 2**32 - 1))
def test_a_hidden_edge_is_in_no_number_of_the_link_head(store: CascadeStore, seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = store.read(np.arange(len(store)))
    targets = training_pairs(columns, DRAWN, rng, targets=16, candidates=8)
    parent = columns.parent.copy()
    for post in np.flatnonzero(targets.hidden):
        parent[post] = rng.integers(columns.post_ptr[columns.cascade_of[post]], post)
    before, after = numbers(columns, targets), numbers(replace(columns, parent=parent), targets)
    for one, other in zip(*(rows_of(of, 0, len(parent)) for of in (before, after)), strict=True):
        assert torch.equal(one, other)


def test_numbers_of_the_link_head_rest_on_nothing_later_and_on_no_other_cascade(
    store: CascadeStore,
) -> None:
    """Those of the posts up to a target are the same when the cascade ends with it, alone."""
    columns = store.read(np.arange(len(store)))
    targets = evaluation_pairs(columns, 0.5)
    whole = numbers(columns, targets)
    for target in np.unique(targets.pairs[0]).tolist():
        start = int(columns.post_ptr[columns.cascade_of[target]])
        stop = target + 1
        short = replace(
            columns, index=np.arange(1), post_ptr=np.array([0, stop - start]),
            posts=columns.posts[start:stop], delay_seconds=columns.delay_seconds[start:stop],
            parent=np.maximum(columns.parent[start:stop] - start, -1),
            kind=columns.kind[start:stop],
        )
        alone = numbers(short, replace(targets, hidden=targets.hidden[start:stop]))
        expected = rows_of(whole, start, stop)
        for one, other in zip(rows_of(alone, 0, stop - start), expected, strict=True):
            assert torch.equal(one, other)


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
