"""Divide a reader's work among processes, in order and in bounded memory.

A reader takes part by having ``read_in_parts``, see :class:`Divided`. Function, items and results
must be picklable, and the reader merges the results in order, so that nothing depends on the number
of processes.
"""

import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint.errors import RunFailedError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# Items that are sent to a process at once: sending one costs as much as reading a short thread.
_CHUNK = 16
# Chunks per process that are sent ahead. joblib.Parallel has no such limit: it sends more when a
# worker is done, not when a result is taken, so that a slow writer would find all data in memory.
_AHEAD = 3


class Spread(Protocol):
    """Has the signature of ``map``: calls a function on every item and yields results in order."""

    def __call__(
        self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT], /
    ) -> Iterator[ResultT]:
        """Yield the result of every item; the caller gets what the function raises."""
        ...


class Watch:
    """Is called as a build proceeds, by whoever shows its progress; this one does nothing."""

    def begin(self, parts: int | None) -> None:
        """Reading begins; of how many parts, if the reader knows."""

    def part(self) -> None:
        """A part was read."""

    def cascade(self, posts: int) -> None:
        """A cascade of so many posts was stored."""

    def finish(self) -> None:
        """All is read; the folds are made and the file is put together."""


class Divided(ABC):
    """A reader whose work can be divided."""

    @abstractmethod
    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the cascades in a fixed order, ``spread`` doing the work; a list has a length."""

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the same, all work done in this process."""
        return self.read_in_parts(source, report, map)


@contextmanager
def working(jobs: int) -> Iterator[Spread]:
    """Provide ``jobs`` processes, or ``map`` for 1; no process is left after the block."""
    if jobs == 1:
        yield map
        return
    from joblib.externals.loky import ProcessPoolExecutor

    executor = ProcessPoolExecutor(jobs, initializer=_end_with, initargs=(os.getpid(),))

    def spread(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
        left = iter(items)
        asked: deque[Any] = deque()
        try:
            while chunk := list(islice(left, _CHUNK)):
                asked.append(executor.submit(_do, function, chunk))
                if len(asked) == _AHEAD * jobs:
                    yield from asked.popleft().result()
            while asked:
                yield from asked.popleft().result()
        except BrokenProcessPool as error:
            raise RunFailedError(
                "a process that reads the data was ended from outside, perhaps for want of memory",
                hint="--jobs 1 needs less memory",
            ) from error

    try:
        # Ctrl-C reaches all; this process ends the others, which inherit the mask, then ignore it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            executor.submit(os.getpid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield spread
    finally:
        # Work that is still queued when the processes are killed ends a thread of loky's with a
        # KeyError, which nobody need see: by then they are gone.
        shown, threading.excepthook = threading.excepthook, lambda failure: None
        try:
            executor.shutdown(kill_workers=True)
        finally:
            threading.excepthook = shown


def read_each(
    spread: Spread, read: Callable[[ItemT, ReadReport], ResultT | None], items: Iterable[ItemT],
    report: ReadReport,
) -> Iterator[ResultT]:
    """Yield what is read of every item, in order, but ``None``; absorb the report of each."""
    for result, found in spread(partial(_reported, read), items):
        report.absorb(found)
        if result is not None:
            yield result


def _reported(
    read: Callable[[ItemT, ReadReport], ResultT | None], item: ItemT
) -> tuple[ResultT | None, ReadReport]:
    report = ReadReport()
    return read(item, report), report


def _do(function: Callable[[Any], ResultT], chunk: list[Any]) -> list[ResultT]:
    return [function(item) for item in chunk]


def _end_with(parent: int) -> None:
    """Leave Ctrl-C to the process that started this one, and end when that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
