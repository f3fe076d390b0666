"""What measures does so in a process of its own, which is answered for and not left behind."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dgljoint._internal import child_process
from dgljoint_bench.speed import SpeedRequest
from dgljoint_bench.speed.memory import watched_memory
from dgljoint_bench.speed.process import NEEDS_LESS, MeasuringFailedError, measured
from dgljoint_bench.timing import SETTINGS

WORKER = (sys.executable, "-m", "dgljoint_bench.speed.worker")


def refuse(text: str) -> None:
    raise AssertionError(text)


def test_a_bug_in_it_is_no_result(capfd):
    with pytest.raises(MeasuringFailedError, match="unexpected KeyError") as caught:
        measured("build", {}, settings={}, tell=refuse)
    assert caught.value.hint == "this is a bug in dgljoint"
    assert "Traceback" in capfd.readouterr().err


@pytest.fixture
def stand_in(monkeypatch):
    """Give what makes a line of Python the process that measures."""

    def install(code):
        def start(module, arguments, log, *, environment):
            assert (module, log) == ("dgljoint_bench.speed.worker", None)
            return subprocess.Popen(
                [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, process_group=0,
            )

        monkeypatch.setattr(child_process, "start", start)

    return install


def test_an_error_that_it_tells_of_is_that_of_the_command(stand_in):
    error = {"event": "error", "message": "no such file", "hint": "look", "exit_code": 3}
    stand_in(f"print({json.dumps(error)!r}); raise SystemExit(3)")
    with pytest.raises(MeasuringFailedError, match="no such file") as caught:
        measured("train", {}, settings={}, tell=refuse)
    assert (caught.value.hint, caught.value.exit_code) == ("look", 3)


@pytest.mark.parametrize(("end", "message", "hint"), [
    ("os.kill(os.getpid(), 9)", "its process was killed", NEEDS_LESS),
    ("os._exit(0)", "its process ended with code 0", "what it wrote above may say why"),
])
def test_one_that_ends_in_the_middle_of_its_result_measured_nothing(stand_in, end, message, hint):
    stand_in(f"import os; os.write(1, b'{{\"event\": \"result\", \"figu'); {end}")
    with pytest.raises(MeasuringFailedError, match=f"measuring failed: {message}") as caught:
        measured("build", {}, settings={}, tell=refuse)
    assert caught.value.hint == hint


def test_settings_hold_from_its_start_and_those_of_the_user_stand(monkeypatch, tmp_path):
    monkeypatch.delenv("MALLOC_TOP_PAD_", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    request = SpeedRequest(sections=("preprocess",), rounds=1)
    told: list[str] = []
    found = measured(
        "sections", request.model_dump(mode="json"), settings=SETTINGS, tell=told.append
    )
    assert found["machine"]["environment"] == {**SETTINGS, "OMP_NUM_THREADS": "2"}
    assert found["machine"]["threads"] == 2
    assert told == ["preprocess"]


def test_it_ends_with_who_started_it():
    request = json.dumps({"sections": ["preprocess"], "rounds": 10_000})
    with subprocess.Popen(
        [*WORKER, "sections", request], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"event": "tell", "text": "preprocess"}
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=300) == 1


def test_building_takes_no_torch(tmp_path):
    arguments = json.dumps({"file": str(tmp_path / "a.h5"), "posts": 1000, "seed": 0})
    code = (
        "import sys; from dgljoint_bench.speed.worker import main; "
        f"main(['build', {arguments!r}]); assert 'torch' not in sys.modules"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        built = json.loads(process.stdout.readline())["figures"]
        assert process.wait(timeout=300) == 0
    assert 500 < built["posts"] < 2000
    assert built["peak_megabytes"] > 0
    assert (tmp_path / "a.h5").exists()


def test_memory_is_that_of_the_peak():
    with watched_memory() as memory:
        held = bytearray(200_000_000)
        held[::4096] = b"x" * len(held[::4096])
        memory.look()
        del held
    before = memory.peak_megabytes
    assert before > 200
    memory.look()
    assert memory.peak_megabytes == before
