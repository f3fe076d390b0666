"""A store that trains in a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint.data.store import CascadeStore
from toys import toy_store


@pytest.fixture
def store(tmp_path: Path) -> CascadeStore:
    """Give 96 toy cascades."""
    return toy_store(tmp_path / "toy.h5", cascades=96)
