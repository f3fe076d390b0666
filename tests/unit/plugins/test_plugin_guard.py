"""What passes through the guard around foreign code, and what does not."""

from __future__ import annotations

import sys
from io import StringIO

import pytest
import torch

from dgljoint.errors import DataError, PluginError, one_line
from dgljoint.plugins.guard import guarded, unguarded
from dgljoint.plugins.registry import PluginEntry

ENTRY = PluginEntry("mine", "dgljoint-mine", "0.2", "mine.module")


class StopAll(BaseException):
    """As some libraries have them."""


@pytest.mark.parametrize(
    "error", [ValueError("bad width"), SystemExit(2), StopIteration(), StopAll("now")]
)
def test_foreign_exception_becomes_an_error_naming_plugin_and_method(error):
    with pytest.raises(PluginError) as caught, guarded(ENTRY, "couple"):
        raise error
    assert caught.value.message.startswith("plugin 'mine' (dgljoint-mine 0.2) failed in couple: ")
    assert one_line(error) in caught.value.message
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        DataError("not a tree"),
        KeyboardInterrupt(),
        GeneratorExit(),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
    ],
)
def test_messages_interrupts_and_lack_of_memory_pass(error):
    with pytest.raises(type(error)) as caught, guarded(ENTRY, "build"):
        raise error
    assert caught.value is error


def test_one_line_of_an_exception_without_message_is_its_name():
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("\n  first\nsecond")) == "ValueError: first"


def test_an_exception_that_cannot_say_what_it_is_has_a_name():
    class Odd(Exception):  # noqa: N818
        def __str__(self):
            raise KeyError("message")

    with pytest.raises(PluginError, match=r"failed in couple: Odd\n"), guarded(ENTRY, "couple"):
        raise Odd


def test_prints_go_to_stderr_and_stdout_is_back_after(capsys):
    stdout = sys.stdout
    with guarded(ENTRY, "couple"):
        print("inside")  # noqa: T201  # as plugins do
        sys.stdout = StringIO()
    assert sys.stdout is stdout
    with pytest.raises(PluginError), guarded(ENTRY, "couple"):
        raise ValueError
    assert sys.stdout is stdout
    assert capsys.readouterr() == ("", "inside\n")


def test_a_failure_that_nobody_guarded_names_the_plugin_in_whose_code_it_was():
    names = {"__name__": "mine.other"}
    exec("def train():\n    int('x')\n", names)  # noqa: S102  # code of another module
    try:
        names["train"]()
    except ValueError as error:
        found = unguarded(error, [PluginEntry("theirs", "x", "1", "their"), ENTRY])
        nobody = unguarded(error, [PluginEntry("theirs", "x", "1", "min")])
    assert found is not None
    assert found.message.startswith("plugin 'mine' (dgljoint-mine 0.2) failed in train: ValueError")
    assert nobody is None


def test_what_another_plugin_raised_inside_names_that_one_and_where():
    names = {"__name__": "their.part"}
    exec("def backward():\n    1 / 0\n", names)  # noqa: S102  # code of another module
    theirs = PluginEntry("theirs", "x", "1", "their")
    with pytest.raises(PluginError) as caught, guarded(ENTRY, "backward", [theirs]):
        names["backward"]()
    assert caught.value.message.startswith("plugin 'theirs' (x 1) failed in backward: ZeroDiv")
    assert str(caught.value.hint).startswith("raised in backward, ")


def test_where_nobody_raised_it_all_that_may_have_are_in_the_hint():
    theirs = PluginEntry("theirs", "x", "1", "their")
    with pytest.raises(PluginError) as caught, guarded(ENTRY, "backward", [theirs]):
        raise RuntimeError("invalid gradient")
    assert caught.value.message.startswith("plugin 'mine' (dgljoint-mine 0.2) failed in backward")
    assert str(caught.value.hint).startswith("it runs through plugin 'theirs' (x 1) too; ")
