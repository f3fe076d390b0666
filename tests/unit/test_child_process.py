"""A process that another one starts: what is heard of it, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from dgljoint._internal import child_process
from dgljoint._internal.child_process import Event

Start = Callable[[str], Popen[bytes]]
HEAD = """
import json, os, signal, subprocess, sys, threading, time
from dgljoint._internal.child_process import as_child
from dgljoint.errors import DataError
number = int(sys.argv[1])
def ends_late():
    time.sleep(20)
    os.write(number, b"!")
    os._exit(0)
"""


@pytest.fixture
def held() -> Iterator[tuple[int, int]]:
    """Give the ends of a pipe; children keep the second open."""
    ends = os.pipe()
    yield ends
    os.close(ends[0])


@pytest.fixture
def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: tuple[int, int]
) -> Iterator[Start]:
    """Give what starts a child of some lines of Python."""
    monkeypatch.syspath_prepend(tmp_path)
    begun: list[Popen[bytes]] = []

    def go(code: str) -> Popen[bytes]:
        (tmp_path / "the_child.py").write_text(HEAD + code)
        child = child_process.start(
            "the_child", [str(held[1])], tmp_path / "log", keep_open=[held[1]]
        )
        os.close(held[1])
        begun.append(child)
        return child

    yield go
    for child in begun:
        child_process.end(child)


def heard(child: Popen[bytes]) -> tuple[int, list[Event]]:
    events: list[Event] = []
    code = child_process.hear(child, events.append)
    return code, events


def left_by(held: tuple[int, int]) -> bytes:
    """Wait until nobody holds the pipe; return what was written to it."""
    return os.read(held[0], 1)


def test_events_are_told_in_order_and_nothing_else_is(start: Start, tmp_path: Path) -> None:
    code, events = heard(start("""
def work(say):
    say({"event": "a"})
    print("words of a plugin", flush=True)
    say({"event": "b"})
sys.stdout.write("noise\\n3\\n")
sys.stdout.flush()
sys.exit(as_child(work))
"""))
    assert (code, events) == (0, [{"event": "a"}, {"event": "b"}])
    assert (tmp_path / "log").read_text() == "words of a plugin\n"


def test_half_a_line_of_a_process_that_was_killed_is_no_event(start: Start) -> None:
    code, events = heard(start("""
os.write(1, b'{"event": "a"}\\n{"event": "resu')
os.kill(os.getpid(), signal.SIGKILL)
"""))
    assert (code, events) == (-signal.SIGKILL, [{"event": "a"}])


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(0)"])
@pytest.mark.parametrize("holds_stdout", [True, False])
def test_what_a_child_forked_ends_with_it(
    start: Start, held: tuple[int, int], end: str, holds_stdout: bool
) -> None:
    """Whether it holds the child's stdout, whose end is waited for, or something else alone."""
    code, _ = heard(start(f"""
if not os.fork():
    if not {holds_stdout}:
        os.close(1)
    ends_late()
{end}
"""))
    assert code == (0 if "exit" in end else -signal.SIGKILL)
    assert left_by(held) == b""


def test_a_child_that_is_ended_leaves_nothing_it_started(
    start: Start, held: tuple[int, int]
) -> None:
    child = start("""
if not os.fork():
    ends_late()
print(flush=True)
time.sleep(600)
""")
    assert child.stdout is not None
    with child.stdout as lines:
        lines.readline()
        child_process.end(child)
    child_process.end(child)
    assert child.returncode == -signal.SIGKILL
    assert left_by(held) == b""


def test_an_error_of_who_listens_goes_on_and_the_child_can_be_ended(start: Start) -> None:
    child = start("""
print(json.dumps({"event": "a"}), flush=True)
time.sleep(600)
""")
    with pytest.raises(ZeroDivisionError):
        child_process.hear(child, lambda event: 1 / 0)
    child_process.end(child)
    assert child.returncode == -signal.SIGKILL


def test_an_interrupt_is_a_ctrl_c_and_no_failure(start: Start) -> None:
    child = start("""
def work(say):
    say({"event": "a"})
    time.sleep(600)
sys.exit(as_child(work))
""")
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        child_process.interrupt(child)

    assert child_process.hear(child, tell) == 130
    assert told == [{"event": "a"}]
    child_process.interrupt(child)  # who has ended needs none


@pytest.mark.parametrize(("raised", "error"), [
    ("DataError('no cascade', hint='look')", ("no cascade", "look", 3)),
    ("KeyError('x')", ("unexpected KeyError: 'x'", "this is a bug in dgljoint", 1)),
    ("MemoryError()", ("out of memory: MemoryError", "take less", 1)),
    ("SystemExit(9)", ("unexpected SystemExit: 9", "this is a bug in dgljoint", 1)),
])
def test_whatever_a_child_raises_is_told_of(
    start: Start, tmp_path: Path, raised: str, error: tuple[str, str, int]
) -> None:
    code, events = heard(start(f"""
def work(say):
    raise {raised}
sys.exit(as_child(work, needs_less="take less"))
"""))
    message, hint, exit_code = error
    assert code == exit_code
    assert events == [
        {"event": "error", "message": message, "hint": hint, "exit_code": exit_code}
    ]
    # A user's mistake needs no looking into.
    assert ("Traceback" in (tmp_path / "log").read_text()) == (exit_code == 1)


@pytest.mark.parametrize(("code", "message", "hint"), [
    (7, "its process ended with code 7", "its log may show why: {}"),
    (-11, "its process ended by signal 11, Segmentation fault", "its log may show why: {}"),
    (-9, "its process was killed, perhaps for want of memory", child_process.NEEDS_LESS),
])
def test_how_a_child_died_is_said(tmp_path: Path, code: int, message: str, hint: str) -> None:
    died = child_process.death(code, tmp_path / "log")
    assert (died.message, died.hint) == (message, hint.format(tmp_path / "log"))


def test_what_a_child_without_a_log_wrote_is_seen(capfd: pytest.CaptureFixture[str]) -> None:
    child = child_process.start("json.tool", ["--no-such-option"], None)
    try:
        assert heard(child) == (2, [])
    finally:
        child_process.end(child)
    assert "no-such-option" in capfd.readouterr().err
    assert child_process.death(2, None).hint == "its output above may show why"
    assert child_process.death(-9, None, needs_less="take less").hint == "take less"
