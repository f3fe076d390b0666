"""Fixtures for the tests of plugins, found by pytest through an entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dgljoint import testing

if TYPE_CHECKING:
    from dgljoint.data.store import CascadeStore
    from dgljoint.nn import CascadeBatch
    from dgljoint.testing import ToyProblem


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    """A store of 64 small cascades, two an event, with words, a dense feature and splits."""
    return testing.toy_store(tmp_path_factory.mktemp("dgljoint") / "toy.h5")


@pytest.fixture
def toy_batch(toy_store: CascadeStore) -> CascadeBatch:
    """A training batch of eight cascades of ``toy_store``: half the posts that can be are asked."""
    return testing.toy_batch(toy_store, range(8))


@pytest.fixture
def toy_problem() -> ToyProblem:
    """Two task losses and an auxiliary one of a small model, for a loss weighter to weigh."""
    return testing.ToyProblem(("cascade", "rumor", "auxiliary"))
