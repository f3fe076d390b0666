"""Divide a reader's work among processes, in order and in bounded memory.

A reader takes part by having :meth:`Divisible.read_in_parts` beside ``read``: the same loop, with
``spread(function, items)`` in the place of ``map(function, items)``. What ``function`` and the
items are must be picklable, and what they give is merged by the reader itself, in order, so that
nothing depends on the number of processes::

    def read(self, source, report):
        return self.read_in_parts(source, report, map)

    def read_in_parts(self, source, report, spread):
        for cascade, found in spread(read_file, sorted(source.iterdir())):
            report.absorb(found)
            yield cascade
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from pickle import PicklingError
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar, cast

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint.errors import RunFailedError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# Items that go to a process at once: handing one over costs as much as reading a short thread.
_CHUNK = 16
# Chunks a process that are on their way: one in work, one waiting, one to be taken.
_AHEAD = 3
# Chunks that a process is given before it answers.
_MOST = 2


class Spread(Protocol):
    """What ``map`` is: calls a function on every item and gives the results in order."""

    def __call__(
        self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT], /
    ) -> Iterator[ResultT]:
        """Give the result of every item; whoever calls gets what the function raises."""
        ...


class Divisible(Protocol):
    """A reader whose work can be divided."""

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield what ``read`` does, in the same order, and fill ``report`` in the same way.

        Args:
            source: as for ``read``.
            report: as for ``read``.
            spread: does the work; a list of items tells how much there is.
        """
        ...


class Workers:
    """Does work at once, in this process; :func:`working` gives what divides it."""

    def spread(
        self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT]
    ) -> Iterator[ResultT]:
        """See :class:`Spread`."""
        return map(function, items)

    def later(self, function: Callable[..., ResultT], *arguments: object) -> Callable[[], ResultT]:
        """Call a function beside other work; what is returned waits for its result.

        Raises:
            RunFailedError: from ``spread`` and here, a process was ended from outside.
        """
        result = function(*arguments)
        return lambda: result


@contextmanager
def working(jobs: int, module: str) -> Iterator[Workers]:
    """Give what works with ``jobs`` processes; none is left after the block, however it ends.

    Args:
        jobs: at least 1; with 1 all work is done in this process.
        module: that the work needs, imported once for all processes.
    """
    if jobs == 1:
        yield Workers()
        return
    # Not fork: there are threads, of NumPy and of who shows the progress. A server that has
    # imported the reader once forks quickly; its processes load neither torch nor HDF5.
    context = get_context("forkserver")
    context.set_forkserver_preload([module, __name__])
    servants: list[_Servant] = []
    try:
        servants.extend(_Servant(context) for _ in range(jobs))
        yield _Processes(servants)
    finally:
        for servant in servants:
            servant.end()


class _Servant:
    """One process and the pipe to it.

    Not an executor's: that one hangs when a process is killed in the middle of an answer, and
    does not let go of the work in hand when it is not.
    """

    def __init__(self, context: ForkServerContext) -> None:
        self.pipe, theirs = context.Pipe()
        self.load = 0
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        try:
            self._process.start()
        finally:
            theirs.close()

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()


class _Processes(Workers):
    def __init__(self, servants: list[_Servant]) -> None:
        self._servants = servants
        self._asked = 0
        self._answers: dict[int, Any] = {}
        self._load: dict[int, int] = {}

    def spread(
        self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT]
    ) -> Iterator[ResultT]:
        left = iter(items)
        chunks = iter(lambda: list(islice(left, _CHUNK)), [])
        asked: deque[int] = deque()
        for chunk in chunks:
            asked.append(self._ask(1, _do, function, chunk))
            if len(asked) == _AHEAD * len(self._servants):
                yield from self._answer(asked.popleft())
        while asked:
            yield from self._answer(asked.popleft())

    def later(self, function: Callable[..., ResultT], *arguments: object) -> Callable[[], ResultT]:
        # It may be long: nothing is to wait behind it.
        question = self._ask(_MOST, function, *arguments)

        def answer() -> ResultT:
            found: ResultT = self._answer(question, keep=True)
            return found

        return answer

    def _ask(self, load: int, function: Callable[..., Any], *arguments: object) -> int:
        while (servant := min(self._servants, key=lambda one: one.load)).load >= _MOST:
            self._listen()
        self._asked += 1
        try:
            servant.pipe.send((self._asked, function, arguments))
        except OSError as error:
            raise _ended() from error
        servant.load += load
        self._load[self._asked] = load
        return self._asked

    def _answer(self, question: int, *, keep: bool = False) -> Any:
        while question not in self._answers:
            self._listen()
        good, value = self._answers[question] if keep else self._answers.pop(question)
        if not good:
            raise value
        return value

    def _listen(self) -> None:
        """Take the answers that have come, or wait for the next one."""
        pipes = {servant.pipe: servant for servant in self._servants}
        for pipe in wait(list(pipes)):
            servant = pipes[cast(Pipe, pipe)]
            try:
                question, good, value = servant.pipe.recv()
            except (EOFError, OSError) as error:
                raise _ended() from error
            self._answers[question] = good, value
            servant.load -= self._load.pop(question)


def _ended() -> RunFailedError:
    return RunFailedError(
        "a process that reads the data was ended from outside, perhaps for want of memory",
        hint="--jobs 1 needs less memory",
    )


def _do(function: Callable[[Any], ResultT], chunk: list[Any]) -> list[ResultT]:
    return [function(item) for item in chunk]


def _serve(pipe: Pipe) -> None:
    # Ctrl-C reaches every process of a terminal; the one that was started ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions: SimpleQueue[tuple[int, Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
    threading.Thread(target=_hear, args=(pipe, questions), daemon=True).start()
    while True:
        number, function, arguments = questions.get()
        try:
            answer = number, True, function(*arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # it is for who asked
            error.add_note(traceback.format_exc())
            answer = number, False, error
        try:
            pipe.send(answer)
        except (PicklingError, TypeError, AttributeError) as error:
            pipe.send((number, False, TypeError(f"no answer that can be handed over: {error}")))


def _hear(pipe: Pipe, questions: SimpleQueue[Any]) -> None:
    # In a thread: two ends that both wait to be rid of a long message would wait forever.
    try:
        while True:
            questions.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)  # who asked is gone
