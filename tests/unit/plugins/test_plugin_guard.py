"""What passes through the guard around foreign code, and what does not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import torch

from dgljoint.errors import DataError, PluginError, one_line
from dgljoint.plugins.guard import guarded, unguarded
from dgljoint.plugins.registry import PluginEntry
from dgljoint.plugins.tracing import VARIABLE, active_trace

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


@pytest.mark.parametrize("fails", [False, True])
def test_settings_of_torch_are_put_back_whether_it_fails_or_not(fails):
    def changes() -> None:
        torch.set_default_dtype(torch.float64)
        if fails:
            raise ValueError("first of all")

    with pytest.raises(PluginError) as caught, guarded(ENTRY, "couple"):
        changes()
    assert torch.get_default_dtype() == torch.float32
    assert ("first of all" if fails else "default type to torch.float64") in caught.value.message
    with pytest.raises(PluginError, match="gradients switched off"), guarded(ENTRY, "couple"):
        torch.set_grad_enabled(False)
    assert torch.is_grad_enabled()


def test_torch_may_be_drawn_from_and_seeded_aside():
    with guarded(ENTRY, "couple"):
        torch.rand(3)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(11)
        torch.Generator().manual_seed(12)
    with guarded(ENTRY, "import of mine"):
        torch.manual_seed(13)


def test_a_failure_that_nobody_guarded_is_laid_to_the_plugin_in_whose_code_it_was():
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


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Switch tracing on."""
    monkeypatch.setenv(VARIABLE, "1")
    active_trace.cache_clear()
    yield
    trace = active_trace()
    assert trace is not None
    trace.forget()
    active_trace.cache_clear()


@pytest.mark.usefixtures("traced")
def test_every_call_is_traced_and_summed_up_by_plugin_and_method(capsys):
    for _ in range(2):
        with guarded(ENTRY, "couple"):
            pass
    with pytest.raises(PluginError), guarded(ENTRY, "losses"):
        raise ValueError
    told = capsys.readouterr().err.splitlines()
    assert [line.split()[:3] for line in told] == [
        ["trace:", "mine", "couple"], ["trace:", "mine", "couple"], ["trace:", "mine", "losses"],
    ]
    trace = active_trace()
    assert trace is not None
    trace.sum_up()
    head, *rows = capsys.readouterr().err.splitlines()
    assert head.split() == ["trace:", "plugin", "call", "calls", "total", "ms", "mean", "ms"]
    assert {tuple(row.split()[1:4]) for row in rows} == {
        ("mine", "couple", "2"), ("mine", "losses", "1"),
    }


@pytest.mark.parametrize("value", [None, "", "0"])
def test_nothing_is_traced_unless_it_is_asked_for(monkeypatch, capsys, value):
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    active_trace.cache_clear()
    with guarded(ENTRY, "couple"):
        pass
    assert active_trace() is None
    assert capsys.readouterr().err == ""
    active_trace.cache_clear()
