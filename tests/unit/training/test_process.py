"""What the process keeps of the memory it has freed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from memory import peak_megabytes

FREED = """
    from dgljoint.training.processes import prepare_process
    prepare_process(1)
    for _ in range(3):
        held = [torch.ones({megabytes} << 18) for _ in range(4)]
        held = held[1:]
    del held
    kept = megabytes("VmRSS") - imports
    megabytes = lambda name: kept + imports
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is set")
def test_large_buffers_go_back_to_the_system(tmp_path: Path) -> None:
    assert peak_megabytes(FREED.format(megabytes=24), tmp_path) < 15


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is set")
def test_smaller_ones_are_kept_for_the_next_step(tmp_path: Path) -> None:
    # The system may take pages back that nobody has used for a moment.
    assert any(peak_megabytes(FREED.format(megabytes=8), tmp_path) > 20 for _ in range(3))
