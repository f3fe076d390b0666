"""Ctrl-C ends a command wherever it is heard, and lets it tidy up."""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest

from dgljoint.errors import InterruptedRunError
from dgljoint_cli.commands import preprocess
from dgljoint_cli.commands.preprocess import interruptible, terminable


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "_SECONDS_PER_LOOK", 0.01)


def work_on() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.01)


class Forgetful(type):
    """A class of which NumPy asks attributes: it forgets whatever that raises."""

    def __getattr__(cls, name: str) -> object:
        if name.startswith("__array"):
            signal.raise_signal(signal.SIGINT)
        raise AttributeError(name)


class Number(int, metaclass=Forgetful):
    """Compared with a number of NumPy's."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_end_what_goes_on_and_give_their_handlers_back(
    number: signal.Signals, tmp_path
) -> None:
    before = [signal.getsignal(one) for one in (number, signal.SIGALRM)]
    with (
        pytest.raises(InterruptedRunError, match=r"interrupted: .*a\.h5 was not written"),
        interruptible(tmp_path / "a.h5"),
    ):
        signal.raise_signal(number)
    assert [signal.getsignal(one) for one in (number, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_one_that_is_lost_on_the_way_is_raised_again() -> None:
    def loses_it() -> None:
        assert np.uint8(3) > Number(2)
        work_on()

    with pytest.raises(KeyboardInterrupt), terminable():
        loses_it()


def test_what_tidies_up_is_left_alone() -> None:
    tidied = []

    def tidies_up() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            for place in range(10):
                time.sleep(0.02)
                signal.raise_signal(signal.SIGINT)
                tidied.append(place)
            fails()

    def fails() -> None:
        try:
            raise OSError("the disk")
        finally:
            time.sleep(0.05)
            tidied.append(10)

    with pytest.raises(OSError, match="the disk"), terminable():
        tidies_up()
    assert tidied == list(range(11))
