"""Runs in processes of their own, a number of them at a time.

What happens in one stops no other: not a plugin that raises, a loss that diverges, a crash, or the
kernel that kills it for want of memory. Nor does one outlive who started it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from dgljoint._internal import child_process
from dgljoint._internal.child_process import Event
from dgljoint.config.run_config import RunConfig
from dgljoint.training.folder import RunFolder

# How soon a Ctrl-C is noticed while nothing else happens.
_SECONDS_A_LOOK = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One run of a study: a pair of a fold and a seed.

    Attributes:
        config: of the run, every option written out.
        folder: of the run.
        parts: cascades in ``train``, ``meta``, ``validation`` and ``test``.
    """

    config: RunConfig
    folder: Path
    parts: Mapping[str, int]

    def __str__(self) -> str:
        return f"fold {self.config.fold}, seed {self.config.seed}"

    @property
    def log(self) -> Path:
        """What the run's process wrote beside its events; kept where that is anything."""
        return self.folder.with_name(f"{self.folder.name}.log")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a cell has no figures: the error that its run ended with."""

    message: str
    hint: str | None
    exit_code: int


class StudyProgress:
    """Receives what happens to the cells of a study; the default ignores it."""

    def start(self, cells: int, finished: int) -> None:
        """There are so many cells, of which some have their figures already."""

    def begin(self, cell: Cell) -> None:
        """A cell's process was started."""

    def epoch(self, cell: Cell, epoch: int, epochs: int, score: float | None) -> None:
        """A cell has done ``epoch`` of at most ``epochs`` epochs.

        ``score`` is the validation score of the last one; ``None`` when the cell is only now
        ready to train.
        """

    def end(self, cell: Cell, failure: Failure | None) -> None:
        """A cell has its figures, or its run failed."""

    def stop(self, running: int) -> None:
        """Ctrl-C: so many cells finish their step and save."""


def run_cells(
    cells: Iterable[Cell], jobs: int, progress: StudyProgress, stop: Callable[[], bool],
    *, keep_open: int, device: str = "auto",
) -> Generator[tuple[Cell, Failure | None], None, None]:
    """Train cells, each from where its folder stands.

    Args:
        cells: that have no figures yet, in this order.
        jobs: how many at a time.
        progress: is told what happens.
        stop: asked now and then; when true no more cells are started, and the running ones are
            asked to save.
        keep_open: a file descriptor that stays open as long as one of the processes lives.
        device: each computes on it.

    Yields:
        Each cell that ended by itself, and why it failed if it did. No process is left when this
        is closed or raises.

    Raises:
        RunFailedError: a log cannot be written.
    """
    waiting, running = deque(cells), dict[Cell, _CellProcess]()
    heard: SimpleQueue[tuple[Cell, Event]] = SimpleQueue()
    stopping = False
    try:
        while running or (waiting and not stopping):
            while waiting and not stopping and len(running) < jobs:
                cell = waiting.popleft()
                running[cell] = _CellProcess(cell, heard, keep_open, device)
                progress.begin(cell)
            if not stopping and stop():
                stopping = True
                progress.stop(len(running))
                for process in running.values():
                    process.interrupt()
            try:
                cell, event = heard.get(timeout=_SECONDS_A_LOOK)
            except Empty:
                continue
            if event["event"] == "epoch":
                progress.epoch(cell, event["epoch"], event["epochs"], event["score"])
                continue
            failure = running.pop(cell).failure(event)
            if failure is None or not stopping:
                yield cell, failure
    finally:
        for process in running.values():
            process.kill()


class _CellProcess:
    """The process of a cell, and the thread that hears what it says.

    Args:
        cell: to train.
        heard: where its events go; the last one is ``ended``.
        keep_open: see :func:`run_cells`.
        device: likewise.
    """

    def __init__(
        self, cell: Cell, heard: SimpleQueue[tuple[Cell, Event]], keep_open: int, device: str
    ) -> None:
        self._cell = cell
        arguments = [
            str(cell.folder), "resume" if RunFolder(cell.folder).resumable else "start", device,
            json.dumps(cell.config.model_dump(mode="json")),
        ]
        self._process = child_process.start(
            "dgljoint.training.cell_process", arguments, cell.log, keep_open=(keep_open,)
        )
        Thread(target=self._listen, args=(heard,), daemon=True).start()

    def interrupt(self) -> None:
        """Ask it to finish its step and to save."""
        child_process.interrupt(self._process)

    def kill(self) -> None:
        """End it at once; what it saved stands."""
        child_process.end(self._process)

    def failure(self, ended: Event) -> Failure | None:
        """Say what went wrong with a process that has ended."""
        child_process.end(self._process)
        if not self._cell.log.stat().st_size:
            self._cell.log.unlink()
        code = ended["code"]
        if error := ended["error"]:
            return Failure(error["message"], error["hint"], error["exit_code"])
        if code == 0 and RunFolder(self._cell.folder).finished:
            return None
        died = child_process.death(code, self._cell.log)
        return Failure(died.message, died.hint, died.exit_code)

    def _listen(self, heard: SimpleQueue[tuple[Cell, Event]]) -> None:
        errors: list[Event] = []

        def tell(event: Event) -> None:
            if event.get("event") == "epoch":
                heard.put((self._cell, event))
            elif event.get("event") == "error":
                errors.append(event)

        code = child_process.hear(self._process, tell)
        error = errors[-1] if errors else None
        heard.put((self._cell, {"event": "ended", "code": code, "error": error}))
