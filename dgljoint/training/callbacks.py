"""What a run reports to its watchers, and how a watcher or a signal stops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from dgljoint.training.run import RunResult

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of ``metrics.jsonl``.

    Attributes:
        epoch: from 1.
        losses: mean of each raw loss over the epoch's steps.
        weights: mean weight of each loss.
        diagnostics: mean over some of the epoch's steps of ``gradient_cosine``, the cosine of the
            two tasks' gradients over the shared parameters (where both are trained), and of what
            interactions log.
        validation: metrics of the validation set by name; ``score`` selects the epoch.
        learning_rate: at the epoch's last step.
        gradient_norm: mean over the epoch's steps, before clipping.
        best: whether this epoch's model is the selected one so far.
        seconds: training and validation together.
    """

    epoch: int
    losses: dict[str, float]
    weights: dict[str, float]
    diagnostics: dict[str, float]
    validation: dict[str, float]
    learning_rate: float
    gradient_norm: float
    best: bool
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


class StopTraining(Exception):  # noqa: N818  # a wish, not a failure
    """Raised by a callback to stop training: the run ends as early stopping ends it.

    Every other callback still receives the event. After the current step the state is saved, the
    epoch selected so far is scored and the result returned; an unfinished epoch does not count.
    Where no epoch has ended there is nothing to score, and the run is interrupted as by Ctrl-C.
    Either way ``resume`` continues from there.
    """


class Callback:
    """Receives the events of a run; a subclass overrides those it needs.

    Any event may raise :class:`StopTraining`. Whatever else one raises ends the run and reaches the
    caller unchanged; the run can be resumed from the last state that was saved.

    Events come in the order ``start``, then for each epoch its steps and ``epoch``, then ``end``;
    a run that fails or is interrupted has no ``end``. Their arguments must not be changed.
    ``phase`` comes before ``start`` and after the last epoch.
    """

    def phase(self, name: str) -> None:
        """Something other than training begins: reading and fitting features, or scoring."""

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Training starts: at most ``epochs`` of ``steps`` steps, ``resumed_from`` are done.

        Where a run continues in the middle of an epoch, its first step is not number 1.
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
    """Passes every event to several callbacks, in their order.

    ``stop_asked`` is whether one of them has raised :class:`StopTraining`.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self._callbacks = tuple(callbacks)
        self.stop_asked = False
        for event in ("phase", "start", "step", "epoch", "message", "end"):
            setattr(self, event, partial(self._pass, event))

    def _pass(self, event: str, *arguments: object) -> None:
        for callback in self._callbacks:
            try:
                getattr(callback, event)(*arguments)
            except StopTraining:
                self.stop_asked = True


class StopRequest:
    """A context in which Ctrl-C and SIGTERM raise ``KeyboardInterrupt``.

    Inside :meth:`between_steps` the first one only sets :attr:`asked`.
    """

    def __init__(self) -> None:
        self.asked = False
        self._patient = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        # Only the main thread may set handlers; a run elsewhere is stopped by its owner.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def between_steps(self) -> Iterator[None]:
        """Promise to look at :attr:`asked` after each step."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked or not self._patient:
            raise KeyboardInterrupt
        self.asked = True
