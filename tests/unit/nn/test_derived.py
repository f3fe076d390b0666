"""Places in the observed trees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.batch.derived import DERIVED
from dgljoint.batch.trees import places
from dgljoint.data.store import CascadeColumns
from dgljoint.tasks.targets import TargetPairs


def counted(parent: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    depth, children, descendants = ([0] * len(parent) for _ in range(3))
    for node in range(len(parent)):
        above = parent[node]
        if above >= 0:
            children[above] += 1
        while above >= 0:
            depth[node] += 1
            descendants[above] += 1
            above = parent[above]
    return depth, children, descendants


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_places_are_those_that_walking_up_finds(nodes: int, near: int, seed: int) -> None:
    """In trees of every depth, several of them, their nodes in any order."""
    rng = np.random.default_rng(seed)
    parent = np.array([-1, *(int(rng.integers(max(-1, n - near), n)) for n in range(1, nodes))])
    name = rng.permutation(nodes)
    renamed = np.empty(nodes, np.int64)
    renamed[name] = np.where(parent < 0, -1, name[parent])
    assert tuple(found.tolist() for found in places(renamed)) == counted(renamed)


def test_a_long_chain() -> None:
    depth, _, descendants = places(np.arange(-1, 4999))
    assert depth.tolist() == list(range(5000))
    assert descendants.tolist() == list(range(4999, -1, -1))


@pytest.mark.parametrize("name", list(DERIVED))
def test_a_column_each(name: str) -> None:
    columns = CascadeColumns(
        index=np.array([0]), post_ptr=np.array([0, 3]), posts=np.arange(3),
        parent=np.array([-1, 0, 1]), delay_seconds=np.array([0.0, 5, 9]), kind=np.zeros(3, "u1"),
    )
    asked = TargetPairs(np.array([False, False, True]), np.empty((2, 0), int), np.empty(0, bool))
    rows = DERIVED[name].compute(columns, asked.hidden)
    assert rows.shape == (3, len(DERIVED[name].columns))
    assert rows.dtype == np.float32
    if name == "structure":
        assert rows[:, -1].tolist() == [0, 0, 1]
        assert np.expm1(rows[:, 2]).round().tolist() == [1, 0, 0]
