"""What TensorBoard shows of a run, also of one that goes on or is started over."""

from __future__ import annotations

import importlib.util
import threading
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

import dgljoint
from dgljoint.data.store import CascadeStore
from dgljoint.errors import InterruptedRunError, RunFailedError, UsageError, install_hint
from dgljoint.training import resolve_run, train
from runs import StopAfter, metrics, run
from toys import toy_config

pytest.importorskip("tensorboard")

STEPS = 6  # an epoch of the toy run


@pytest.fixture(autouse=True)
def every_file_has_a_second_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read by the seconds in their names, and no real run takes less than one."""
    from tensorboard.summary.writer import event_file_writer

    seconds = count(1_000_000_000)
    monkeypatch.setattr(event_file_writer, "time", SimpleNamespace(time=lambda: next(seconds)))


def shown(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read what TensorBoard shows, by tag: a step and a value a point."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


class Raise(dgljoint.Callback):
    """Fails at the step of an epoch, as a process does that is killed."""

    def __init__(self, epoch: int, step: int) -> None:
        self.at = (epoch, step)

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        if (epoch, step) == self.at:
            raise ZeroDivisionError


def train_watched(
    store: CascadeStore, out: Path, *others: dgljoint.Callback, **settings: bool
) -> None:
    with dgljoint.TensorBoard(out / "board") as board:
        train(
            resolve_run(toy_config(store, "train.batch=12", encoder="gcn")),
            out, callbacks=(board, *others), **settings,
        )


def test_every_figure_of_an_epoch_and_every_loss_of_a_step_is_shown(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    train_watched(store, out)
    lines = metrics(out)
    epochs = shown(out / "board" / "epochs")
    expected = {
        f"{group}/{name}": [(line["epoch"], line[key][name]) for line in lines]
        for group, key in (
            ("loss", "losses"), ("weight", "weights"), ("validation", "validation"),
            ("diagnostics", "diagnostics"),
        )
        for name in lines[0][key]
    }
    for name in ("learning_rate", "gradient_norm"):
        expected[f"training/{name}"] = [(line["epoch"], line[name]) for line in lines]
    assert len(epochs.pop("training/seconds")) == 3
    assert set(epochs) == set(expected)
    for tag, points in expected.items():
        assert epochs[tag] == [(step, pytest.approx(value, rel=1e-6)) for step, value in points]
    steps = shown(out / "board" / "steps")
    assert set(steps) == {"step_loss/cascade", "step_loss/rumor"}
    for name in ("cascade", "rumor"):
        points = steps[f"step_loss/{name}"]
        assert [step for step, _ in points] == list(range(1, 3 * STEPS + 1))
        first = sum(value for _, value in points[:STEPS]) / STEPS
        assert first == pytest.approx(lines[0]["losses"][name], rel=1e-5)


@pytest.mark.parametrize("step", [3, STEPS])
def test_a_run_that_goes_on_shows_every_point_once(
    store: CascadeStore, tmp_path: Path, step: int
) -> None:
    """Interrupted in the middle of the second epoch and after its last step, then killed."""
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        train_watched(store, out, StopAfter(STEPS + step))
    assert len(shown(out / "board" / "steps")["step_loss/rumor"]) == STEPS + step
    with pytest.raises(ZeroDivisionError):
        train_watched(store, out, Raise(3, 4), resume=True)
    train_watched(store, out, resume=True)
    train_watched(store, tmp_path / "b")
    for part in ("steps", "epochs"):
        found, whole = (shown(folder / "board" / part) for folder in (out, tmp_path / "b"))
        for points in (found, whole):
            points.pop("training/seconds", None)
        assert found == whole


def test_a_run_that_is_started_over_shows_nothing_of_the_one_before(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    train_watched(store, out)
    with pytest.raises(ZeroDivisionError):
        train_watched(store, out, Raise(2, 2), force=True)
    assert len(shown(out / "board" / "steps")["step_loss/rumor"]) == STEPS + 2
    assert len(shown(out / "board" / "epochs")["loss/rumor"]) == 1


def test_one_board_may_watch_one_run_after_another_and_lets_go_of_its_files(
    store: CascadeStore, tmp_path: Path
) -> None:
    before = set(threading.enumerate())
    points = []
    with dgljoint.TensorBoard(tmp_path / "board") as board:
        for out in ("a", "b"):
            run(store, tmp_path / out, "train.epochs=1", callback=board)
            points.append(shown(tmp_path / "board" / "steps")["step_loss/rumor"])
            assert len(set(threading.enumerate()) - before) == 2  # a writer each
    assert not set(threading.enumerate()) - before
    assert points[0] == points[1]
    assert len(shown(tmp_path / "board" / "epochs")["loss/rumor"]) == 1


def test_nothing_is_written_before_training_starts(tmp_path: Path) -> None:
    with dgljoint.TensorBoard(tmp_path / "board"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UsageError, match="is a file, and TensorBoard needs a folder"):
        dgljoint.TensorBoard(file)
    with pytest.raises(RunFailedError, match=r"cannot write .*Not a directory"):
        run(store, tmp_path / "a", callback=dgljoint.TensorBoard(file / "board"))


def test_without_the_extra_the_command_that_brings_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name)
    )
    with pytest.raises(UsageError, match="not installed") as refused:
        dgljoint.TensorBoard(tmp_path)
    assert refused.value.hint == install_hint("tensorboard")
