"""Depths, roots and distances, against walking up one post at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgljoint.data.store import CascadeStore
from dgljoint.nn import CascadeBatch
from dgljoint.tasks.targets import TargetPairs
from dgljoint_plugins.shared.trees import Forest, climb, observed_parents
from toys import toy_batch, toy_cascade, toy_store, write_store


def batch_of(
    folder_factory: pytest.TempPathFactory, parents: list[list[int]], pending: np.ndarray
) -> CascadeBatch:
    made = [toy_cascade(f"c{number}", parent) for number, parent in enumerate(parents)]
    store = CascadeStore(write_store(folder_factory.mktemp("forest") / "a.h5", made))
    targets = TargetPairs(pending, np.empty((2, 0), np.int64), np.empty(0, bool))
    return toy_batch(store, range(len(made)), targets=targets)


def way_up(batch: CascadeBatch, post: int) -> list[int]:
    parent = dict(zip(*(end.tolist() for end in reversed(batch.graph.edges())), strict=True))
    way = [post]
    while way[-1] in parent:
        way.append(parent[way[-1]])
    return way


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=3), st.integers(1, 20),
    st.floats(0, 0.4), st.integers(0, 2**32 - 1),
)
def test_depth_root_and_distance_are_those_that_walking_finds(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], near: int, share: float, seed: int
) -> None:
    """In deep trees and flat ones, with edges hidden."""
    rng = np.random.default_rng(seed)
    parents = [
        [-1, *(int(rng.integers(max(0, n - near), n)) for n in range(1, size))] for size in sizes
    ]
    pending = rng.random(sum(sizes)) < share
    pending[np.cumsum([0, *sizes[:-1]])] = False
    batch = batch_of(tmp_path_factory, parents, pending)
    forest = Forest(batch)
    ways = [way_up(batch, post) for post in range(sum(sizes))]
    assert forest.depth.tolist() == [len(way) - 1 for way in ways]
    assert forest.root.tolist() == [way[-1] for way in ways]
    furthest = 6
    for table in batch.buckets:
        found = forest.distance(table.posts, table.posts, furthest)
        for row, column, other in np.ndindex(*found.shape):
            one, two = (ways[int(table.posts[row, place])] for place in (column, other))
            common = [one.index(post) + two.index(post) for post in one if post in two]
            expected = min(*common, furthest) if common else furthest + 1
            assert found[row, column, other] == expected


def test_a_long_chain(tmp_path_factory: pytest.TempPathFactory) -> None:
    batch = batch_of(tmp_path_factory, [list(range(-1, 1999))], np.zeros(2000, bool))
    forest = Forest(batch)
    assert forest.depth.tolist() == list(range(2000))
    posts = torch.arange(2000).unsqueeze(0)
    place = posts.squeeze(0)
    expected = (place[:, None] - place).abs()
    assert torch.equal(forest.distance(posts, posts, 5000).squeeze(0), expected)


def test_climbing_finds_depths_and_roots() -> None:
    rng = np.random.default_rng(0)
    parent = np.array([-1 if rng.random() < 0.1 else rng.integers(0, v) for v in range(1, 300)])
    parent = np.concatenate(([-1], parent, [-1], np.arange(300, 400)))  # and a long chain
    depth, root = np.zeros(len(parent), int), np.arange(len(parent))
    for post, above in enumerate(parent):
        if above >= 0:
            depth[post], root[post] = depth[above] + 1, root[above]
    found = climb(torch.from_numpy(parent))
    assert found[0].tolist() == depth.tolist()
    assert found[1].tolist() == root.tolist()


def test_observed_parents_are_those_of_the_graph(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(10))
    parents = observed_parents(batch)
    assert ((parents >= 0) == (batch.parents == 1)).all()
    source, child = batch.graph.edges()
    assert torch.equal(parents[child], source)
