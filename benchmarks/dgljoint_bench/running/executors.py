"""Where cells are run: by threads of this process, which wait for the processes of the cells."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def local_executor(jobs: int) -> Iterator[Executor]:
    """Give what runs so many cells at a time on this machine."""
    with ThreadPoolExecutor(jobs) as pool:
        yield pool
