"""What a callback hears of a run, how it stops one, and what becomes of one that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dgljoint
from dgljoint.data.store import CascadeStore
from dgljoint.errors import InterruptedRunError
from dgljoint.training import EpochRecord, RunResult, resolve_run, train
from dgljoint.training.callbacks import Callbacks
from runs import assert_same_run, metrics, run
from toys import toy_config


class Ear(dgljoint.Callback):
    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        self.heard.append(("start", epochs, steps, resumed_from))

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        self.heard.append(("step", epoch, step, *losses))

    def epoch(self, record: EpochRecord) -> None:
        self.heard.append(("epoch", record.epoch))

    def end(self, result: RunResult) -> None:
        self.heard.append(("end", result.best_epoch))


class RaiseAt(dgljoint.Callback):
    """Raises at the step of an epoch; at the epoch's end for step 0."""

    def __init__(self, error: Exception, epoch: int, step: int = 0) -> None:
        self.error = error
        self.at = (epoch, step)

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        if (epoch, step) == self.at:
            raise self.error

    def epoch(self, record: EpochRecord) -> None:
        if (record.epoch, 0) == self.at:
            raise self.error


class StopAtOnce(dgljoint.Callback):
    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        raise dgljoint.StopTraining


def test_events_come_in_order(store: CascadeStore, tmp_path: Path) -> None:
    ear = Ear()
    result = run(store, tmp_path / "a", "train.epochs=2", callback=ear)
    steps = ear.heard[0][2]
    assert isinstance(steps, int)
    assert steps > 2
    expected: list[tuple[object, ...]] = [("start", 2, steps, 0)]
    for epoch in (1, 2):
        expected += [("step", epoch, n + 1, "cascade", "rumor") for n in range(steps)]
        expected.append(("epoch", epoch))
    assert ear.heard == [*expected, ("end", result.best_epoch)]


def test_every_callback_hears_of_every_event_in_their_order(
    store: CascadeStore, tmp_path: Path
) -> None:
    """Also of the one at which another stops the run."""
    first, last = Ear(), Ear()
    last.heard = first.heard
    train(
        resolve_run(toy_config(store)), tmp_path / "a",
        callbacks=(first, RaiseAt(dgljoint.StopTraining(), 1), last),
    )
    assert first.heard[::2] == first.heard[1::2]
    assert [event[0] for event in first.heard[-4:]] == ["epoch", "epoch", "end", "end"]


def test_messages_are_passed_on() -> None:
    said: list[str] = []

    class Quote(dgljoint.Callback):
        def message(self, text: str) -> None:
            said.append(text)

    Callbacks((Quote(), dgljoint.Callback(), Quote())).message("mind the gap")
    assert said == ["mind the gap"] * 2


@pytest.mark.parametrize("step", [0, 3])
def test_a_stop_ends_the_run_as_early_stopping_does_and_it_can_go_on(
    store: CascadeStore, tmp_path: Path, step: int
) -> None:
    """At the end of the second epoch, and in its middle: that epoch then does not count."""
    out = tmp_path / "a"
    result = run(store, out, callback=RaiseAt(dgljoint.StopTraining(), 2, step))
    lines = metrics(out)
    assert len(lines) == (1 if step else 2)
    assert result.best_epoch == max(line["epoch"] for line in lines if line["best"])
    assert (out / "scores.json").is_file()
    run(store, out, resume=True)
    run(store, tmp_path / "b")
    assert_same_run(out, tmp_path / "b")


@pytest.mark.parametrize("callback", [RaiseAt(dgljoint.StopTraining(), 1, 2), StopAtOnce()])
def test_a_stop_before_anything_can_be_scored_is_an_interruption(
    store: CascadeStore, tmp_path: Path, callback: dgljoint.Callback
) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError, match="stopped by a callback in epoch 1") as stopped:
        run(store, out, callback=callback)
    assert "--resume" in (stopped.value.hint or "")
    assert not (out / "scores.json").exists()
    run(store, out, resume=True)
    run(store, tmp_path / "b")
    assert_same_run(out, tmp_path / "b")


@pytest.mark.parametrize("step", [0, 3])
def test_what_a_callback_raises_is_the_caller_s_and_the_run_can_go_on(
    store: CascadeStore, tmp_path: Path, step: int
) -> None:
    out = tmp_path / "a"
    error = ZeroDivisionError("mine")
    with pytest.raises(ZeroDivisionError) as raised:
        run(store, out, callback=RaiseAt(error, 2, step))
    assert raised.value is error
    run(store, out, resume=True)
    run(store, tmp_path / "b")
    assert_same_run(out, tmp_path / "b")


def test_a_callback_needs_no_torch() -> None:
    code = (
        "import sys, dgljoint\n"
        "class Mine(dgljoint.Callback): ...\n"
        "Mine().message('x'); dgljoint.StopTraining\n"
        "print([name for name in ('torch', 'dgl', 'numpy', 'h5py') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
