"""What a terminal shows while a run trains."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from dgljoint.training import EpochRecord
from dgljoint_cli.console import Talk
from dgljoint_cli.progress import LiveProgress, curve, watching

RECORD = EpochRecord(
    epoch=2, losses={"cascade": 2.1, "rumor": 1.25}, weights={"cascade": 0.4, "rumor": 0.6},
    diagnostics={"gradient_cosine": 0.1}, validation={"score": 0.5, "mrr": 0.25},
    learning_rate=1e-3, gradient_norm=0.7, best=True, seconds=1.5,
)


class Screen:
    """A terminal and a clock that is set by hand."""

    def __init__(self, width: int = 120) -> None:
        self.file = StringIO()
        self.seconds = 0.0
        console = Console(
            file=self.file, force_terminal=True, width=width, height=40, markup=False,
            highlight=False, legacy_windows=False,
        )
        self.view = LiveProgress(console, clock=lambda: self.seconds)

    def shows(self) -> list[str]:
        """Draw once more; return the lines, without what styles them."""
        self.file.seek(0)
        self.file.truncate()
        self.view.live.refresh()
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.file.getvalue())
        return [line.rstrip() for line in text.replace("\r", "\n").splitlines()]


@pytest.fixture
def screen():
    made = Screen()
    with made.view.live:
        yield made


def row(lines: list[str], name: str) -> list[str]:
    (found,) = (line for line in lines if line.strip().startswith(f"{name} "))
    return found.split()


def test_before_the_first_step_only_the_bar_is_shown(screen: Screen) -> None:
    screen.view.start(epochs=3, steps=5, resumed_from=1)
    lines = [line for line in screen.shows() if line]
    assert len(lines) == 1
    assert lines[0].startswith("epoch 2/3 ")
    assert "left, at most" in lines[0]


def headline(screen: Screen) -> str:
    return next(line for line in screen.shows() if line)


def test_preparing_validating_and_scoring_are_told_from_training(screen: Screen) -> None:
    screen.view.phase("preparing: reading data")
    assert headline(screen).startswith("preparing ")
    screen.view.start(epochs=60, steps=5, resumed_from=0)
    screen.view.step(1, 4, {"rumor": 1.5})
    assert headline(screen).startswith("epoch 1/60 ")
    screen.view.step(1, 5, {"rumor": 1.5})
    assert headline(screen).startswith("epoch 1/60, validating ")
    screen.view.epoch(replace(RECORD, epoch=1))
    assert headline(screen).startswith("epoch 1/60 ")
    screen.view.phase("scoring: validation and test set")
    assert headline(screen).startswith("scoring ")


def test_elapsed_and_left_have_their_names_in_80_columns() -> None:
    screen = Screen(width=80)
    with screen.view.live:
        screen.view.start(epochs=60, steps=1000, resumed_from=0)
        for step in range(1, 1001):
            screen.view.step(1, step, {"rumor": 1.5})
        line = headline(screen)
    assert re.search(r"elapsed \d:\d\d:\d\d left, at most [\d-]:[\d-]{2}:[\d-]{2}$", line), line
    assert len(line) <= 80


def test_losses_of_the_step_stand_beside_those_of_the_epoch(screen: Screen) -> None:
    screen.view.start(epochs=3, steps=5, resumed_from=0)
    screen.view.step(1, 1, {"cascade": 2.25, "rumor": 1.5})
    lines = screen.shows()
    assert row(lines, "loss") == ["loss", "step", "epoch", "weight", "curve"]
    assert row(lines, "cascade") == ["cascade", "2.250", "–", "–"]
    screen.view.epoch(replace(RECORD, epoch=1))
    assert row(screen.shows(), "rumor")[:4] == ["rumor", "–", "1.250", "0.600"]
    screen.view.step(2, 1, {"cascade": 2.0, "rumor": 1.125})
    assert row(screen.shows(), "rumor")[:4] == ["rumor", "1.125", "1.250", "0.600"]


def test_validation_stands_beside_the_best_epoch_with_its_course() -> None:
    screen = Screen(width=70)  # one table below the other
    with screen.view.live:
        screen.view.start(epochs=5, steps=5, resumed_from=0)
        for epoch, score in enumerate((0.1, 0.8, 0.4), start=1):
            screen.view.epoch(
                replace(RECORD, epoch=epoch, best=score > 0.4 or epoch == 1,
                        validation={"score": score})
            )
        lines = screen.shows()
        assert row(lines, "validation") == ["validation", "last", "epoch", "2", "curve"]
        assert row(lines, "score") == ["score", "0.400", "0.800", "▁█▄"]
        assert any(line.startswith("best epoch 2, 1 ago · 1.5 s per epoch") for line in lines)
        assert max(map(len, lines)) <= 70


def test_everything_else_of_an_epoch_is_in_the_last_line(screen: Screen) -> None:
    screen.view.start(epochs=5, steps=5, resumed_from=1)
    screen.view.epoch(RECORD)
    assert screen.shows()[-1] == (
        "best epoch 2 · 1.5 s per epoch · learning rate 1.0e-03 · gradient norm 0.7 · "
        "gradient_cosine 0.100"
    )


@pytest.mark.parametrize(("seconds_a_step", "shown"), [(0.1, False), (0.7, True)])
def test_only_an_epoch_that_takes_long_has_a_bar_of_its_own(
    screen: Screen, seconds_a_step: float, shown: bool
) -> None:
    screen.view.start(epochs=3, steps=5, resumed_from=0)
    for step in (1, 2, 3):
        screen.view.step(1, step, {"rumor": 1.0})
        screen.seconds += seconds_a_step
    assert any(line.startswith("step 3/5 ") for line in screen.shows()) == shown
    screen.view.epoch(replace(RECORD, epoch=1))
    assert not any(line.startswith("step ") for line in screen.shows())


def test_a_run_that_goes_on_begins_where_it_stands(screen: Screen) -> None:
    screen.view.start(epochs=4, steps=5, resumed_from=2)
    screen.view.step(3, 4, {"rumor": 1.0})
    assert any(line.startswith("epoch 3/4 ") for line in screen.shows())
    assert screen.view._bar.tasks[0].completed == 14


def test_an_epoch_of_more_steps_than_the_first_stays_within_its_bar(screen: Screen) -> None:
    screen.view.start(epochs=2, steps=5, resumed_from=0)
    screen.view.step(1, 6, {"rumor": 1.0})
    assert screen.view._bar.tasks[0].completed == 5


def test_messages_stand_above_the_bars(screen: Screen) -> None:
    screen.view.start(epochs=2, steps=5, resumed_from=0)
    screen.view.message("a [note]")
    assert screen.file.getvalue().index("a [note]") < screen.file.getvalue().rindex("epoch 1/2")


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0.5], ""),
        ([0.5, 0.5], "▁▁"),
        ([0.0, 0.5, 1.0], "▁▅█"),
        ([None, 0.0, float("nan"), 1.0], "▁█"),
        ([9.0] * 20 + [0.0] * 15 + [7.0], "▁" * 15 + "█"),
    ],
)
def test_a_course_runs_from_the_lowest_to_the_highest(
    values: list[float | None], drawn: str
) -> None:
    assert curve(values) == drawn


def test_a_terminal_gets_the_live_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with watching(Talk()) as view:
        assert isinstance(view, LiveProgress)
