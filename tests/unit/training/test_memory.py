from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from dgljoint.training import memory


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_what_is_freed_goes_back_to_the_system() -> None:
    """Small buffers between ones that stay leave holes; they go back."""
    blocks = [np.ones(10_000) for _ in range(4_000)]  # 80 kB each: below glibc's own threshold
    kept = blocks[::40]
    full = resident()
    del blocks
    memory.trim()
    assert resident() < full - 200_000_000
    assert all(block.all() for block in kept)


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    memory.trim()
