"""What passes through the guard around foreign code, and what does not."""

from __future__ import annotations

import pytest
import torch

from dgljoint.errors import DataError, PluginError, one_line
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry

ENTRY = PluginEntry("mine", "dgljoint-mine", "0.2", "mine.module")


@pytest.mark.parametrize("error", [ValueError("bad width"), SystemExit(2), StopIteration()])
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
