"""What a run tells whoever watches it, and how a watcher stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint.training.record import EpochRecord
    from dgljoint.training.run import RunResult


class StopTraining(Exception):  # noqa: N818  # a wish, not a failure
    """Raised by a callback to stop training: the run ends as early stopping ends it.

    Every other callback still hears of the event. After the step under way the state is saved, the
    best epoch so far is scored and the result returned; an epoch left in its middle does not count.
    Where no epoch has ended there is nothing to score, and the run is interrupted as by Ctrl-C.
    Either way ``resume`` goes on from there.
    """


class Callback:
    """Hears of a run as it goes; a subclass overrides the events it cares for.

    Any event may raise :class:`StopTraining`. Whatever else one raises ends the run and reaches the
    caller as it is; the run can be resumed from the last state that was saved.

    Events come in the order ``start``, then for each epoch its steps and ``epoch``, then ``end``;
    a run that fails or is interrupted has no ``end``. What they are given must not be changed.
    ``phase`` comes before ``start`` and after the last epoch.
    """

    def phase(self, name: str) -> None:
        """Something other than training begins: reading and fitting features, or scoring."""

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Training starts: at most ``epochs`` of ``steps`` steps, ``resumed_from`` are done.

        Where a run goes on in the middle of an epoch, the first step it tells of is not 1.
        """

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        """A step of an epoch (both from 1) ended with these raw losses."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch ended; its line is in ``metrics.jsonl``."""

    def message(self, text: str) -> None:
        """Something the user should know."""

    def end(self, result: RunResult) -> None:
        """The run is over: the selected epoch has been scored."""


class Callbacks(Callback):
    """Passes every event on to some callbacks, in their order.

    Attributes:
        stop_asked: whether one of them has raised :class:`StopTraining`.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self._callbacks = tuple(callbacks)
        self.stop_asked = False

    def phase(self, name: str) -> None:
        """Pass it on."""
        self._tell(lambda callback: callback.phase(name))

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Pass it on."""
        self._tell(lambda callback: callback.start(epochs, steps, resumed_from))

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        """Pass it on."""
        self._tell(lambda callback: callback.step(epoch, step, losses))

    def epoch(self, record: EpochRecord) -> None:
        """Pass it on."""
        self._tell(lambda callback: callback.epoch(record))

    def message(self, text: str) -> None:
        """Pass it on."""
        self._tell(lambda callback: callback.message(text))

    def end(self, result: RunResult) -> None:
        """Pass it on."""
        self._tell(lambda callback: callback.end(result))

    def _tell(self, event: Callable[[Callback], None]) -> None:
        for callback in self._callbacks:
            try:
                event(callback)
            except StopTraining:
                self.stop_asked = True
