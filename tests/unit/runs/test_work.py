"""A job's process: what comes back of it, however it ends. Real processes of stand-ins."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from dgljoint._internal import child_process
from dgljoint.config.sources import resolve_config
from dgljoint.errors import PluginError, RunFailedError
from dgljoint.runs.many import runner as work
from dgljoint.runs.many.job import (
    HELD,
    JOB,
    LOG,
    RESULT,
    Job,
    TrialPlan,
    read_job,
    read_record,
)
from dgljoint.runs.many.runner import AT_ONCE, run_job
from dgljoint.runs.records import UNFINISHED, Key, Trial
from stored_runs import write_run

ROWS = {"model": {"accuracy": 1}}
LEFT = "dict(finished=True, figures=dict(model=dict(accuracy=1)))"
LEAVES = f"Path(folder, {RESULT!r}).write_text(json.dumps({LEFT}))"


def job_in(folder: Path, digest: str = "d", version: str = "1", **settings: Any) -> Job:
    """Return a job without a model, whose process leaves all there is to its record."""
    values: dict[str, Any] = {
        "key": Key("s", "toy", "", 0, 0), "digest": digest, "folder": folder, "trials": (),
        "data": Path("/data/toy.h5"), "split": "event", "fold": 0, "data_digest": "e",
        "split_digest": "f", "program": {"source of mine": version},
    }
    return Job(**{**values, **settings})


def with_trials(folder: Path, trials: int) -> Job:
    config = resolve_config(command_line={"data": "/data/toy.h5"}).model_dump(mode="json")
    plans = [TrialPlan({"x": n} if n else {}, config) for n in range(trials)]
    return job_in(folder, trials=tuple(plans))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], list[int]]]:
    """Give what makes some lines of Python the process of a run; their ids are returned."""

    def install(code: str) -> list[int]:
        begun: list[int] = []
        head = "import json, os, signal, sys, time\nfrom pathlib import Path\n"
        head += "folder = sys.argv[1]\n"

        def start(
            module: str, arguments: Iterable[str], log: Path, *, keep_open: Iterable[int],
            environment: dict[str, str],
        ) -> subprocess.Popen[bytes]:
            assert module == "dgljoint.runs.many.run_process"
            child = subprocess.Popen(
                [sys.executable, "-S", "-c", head + code, *arguments], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, env=environment, pass_fds=tuple(keep_open),
                process_group=0,
            )
            begun.append(child.pid)
            return child

        monkeypatch.setattr(child_process, "start", start)
        monkeypatch.setattr(work, "_SECONDS_A_LOOK", 0.02)
        return begun

    return install  # type: ignore[return-value]  # a plain fixture


def test_what_the_process_leaves_is_returned(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    begun = stand_in(LEAVES)
    job = job_in(tmp_path / "cell")
    stop = tmp_path / "stop"
    found = run_job(job, stop)
    assert (found.state, found.figures, found.tests_seen) == ("done", ROWS, 0)
    assert found.versions == {"source of mine": "1"}
    assert read_job(job.folder) == job
    # It was not recorded: whoever asked was killed. It is taken as it is.
    assert run_job(job, stop).figures == ROWS
    stop.touch()
    assert run_job(job, stop).figures == ROWS
    assert len(begun) == 1


def test_a_process_that_is_killed_fails_its_run(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    stand_in("os.kill(os.getpid(), signal.SIGKILL)")
    found = run_job(job_in(tmp_path), tmp_path / "stop")
    assert found.message == "its process was killed, perhaps for want of memory"
    assert "--jobs" in str(found.hint)
    assert found.exit_code == 1


def test_what_a_killed_process_forked_holds_nobody_up(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    """Neither who waits for the process's events nor who wants the run next."""
    read, held = os.pipe()
    forks = f"if not os.fork(): time.sleep(20); os.write({held}, b'!'); os._exit(0)\n"
    stand_in(forks + "os.kill(os.getpid(), signal.SIGKILL)")
    job, stop = job_in(tmp_path), tmp_path / "stop"
    assert "killed" in str(run_job(job, stop, [held]).message)
    os.close(held)
    with os.fdopen(read, "rb") as left:
        assert left.read() == b""
    stand_in(LEAVES)
    assert run_job(job, stop).figures == ROWS


def test_a_process_without_events_is_reported(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    stand_in("os._exit(7)")
    found = run_job(job_in(tmp_path), tmp_path / "stop")
    assert found.message == "its process ended with code 7"
    assert str(tmp_path / LOG) in str(found.hint)


def test_an_error_that_the_process_tells_of_is_returned(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    event = {"event": "error", "message": "boom", "hint": None, "exit_code": 5}
    stand_in(f"print('noise'); print({json.dumps(event)!r}); sys.exit(5)")
    found = run_job(job_in(tmp_path), tmp_path / "stop")
    assert (found.state, found.message, found.hint, found.exit_code) == ("failed", "boom", None, 5)


def test_a_stop_file_interrupts_and_another_word_kills(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    stop = tmp_path / "stop"
    stand_in(f"Path({str(stop)!r}).touch(); sys.stdin.read(1); os._exit(130)")
    assert run_job(job_in(tmp_path / "a"), stop).state == UNFINISHED
    begun = stand_in("")
    assert run_job(job_in(tmp_path / "b"), stop).state == UNFINISHED
    assert begun == []
    stop.unlink()
    begun = stand_in(f"Path({str(stop)!r}).write_text({AT_ONCE!r}); time.sleep(600)")
    assert "killed" in str(run_job(job_in(tmp_path / "c"), stop).message)
    with pytest.raises(ChildProcessError):  # it was waited for
        os.waitpid(begun[0], os.WNOHANG)


def test_what_was_begun_with_other_settings_gives_way(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    cell, stop = tmp_path / "cell", tmp_path / "stop"
    stand_in("os.mkdir(folder + '/trial0'); Path(folder, 'trial0/config.toml').touch()")
    run_job(job_in(cell, "old"), stop)
    stand_in("print(); os._exit(1)")
    run_job(job_in(cell, "old"), stop)
    assert (cell / "trial0" / "config.toml").exists()
    stand_in(LEAVES)
    assert run_job(job_in(cell), stop).figures == ROWS
    assert not (cell / "trial0").exists()


def test_so_does_what_another_program_left(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    """Finished or not: an edited plugin would have the metrics of the one before."""
    cell, stop = tmp_path / "cell", tmp_path / "stop"
    begun = stand_in(f"os.mkdir(folder + '/trial0'); {LEAVES}")
    assert run_job(job_in(cell), stop).figures == ROWS
    edited = job_in(cell, version="2")
    left = LEAVES.replace("model=dict(accuracy=1)", "two={}")
    begun = stand_in(f"if not os.path.exists(folder + '/trial0'): {left}")
    assert run_job(edited, stop).figures == {"two": {}}
    assert run_job(edited, stop).figures == {"two": {}}
    assert len(begun) == 1


def test_so_does_what_nobody_knows_the_settings_of(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    (tmp_path / "trial0").mkdir()  # left by a clearing that was killed after the job's own file
    stand_in(f"if not os.path.exists(folder + '/trial0'): {LEAVES}")
    assert run_job(job_in(tmp_path), tmp_path / "stop").figures == ROWS


def test_a_run_that_saw_test_data_is_reported_and_run_again(
    tmp_path: Path, stand_in: Callable[[str], list[int]]
) -> None:
    seen = {"seen_before_test": {"cascades": 32, "of_the_test_part": 7}}
    write_run(tmp_path, described=seen)
    (tmp_path / JOB).write_text(with_trials(tmp_path, 1).to_json())
    begun, stop = stand_in(LEAVES), tmp_path / "stop"
    for times in (1, 2):
        assert run_job(with_trials(tmp_path, 1), stop).tests_seen == 7
        assert len(begun) == times
    stand_in("os._exit(7)")
    assert "ended with code 7" in str(run_job(with_trials(tmp_path, 1), stop).message)


@pytest.mark.parametrize(("code", "kept"), [(PluginError.exit_code, False), (1, True)])
def test_what_a_plugin_left_that_raised_is_not_gone_on_with(
    tmp_path: Path, stand_in: Callable[[str], list[int]], code: int, kept: bool
) -> None:
    event = json.dumps({"event": "error", "message": "boom", "hint": None, "exit_code": code})
    stand_in(f"os.mkdir(folder + '/trial0'); print({event!r}); sys.exit({code})")
    stop = tmp_path / "stop"
    assert run_job(job_in(tmp_path), stop).message == "boom"
    stand_in(LEAVES)
    run_job(job_in(tmp_path), stop)
    assert (tmp_path / "trial0").exists() == kept


def test_a_run_that_runs_elsewhere_is_waited_for(
    tmp_path: Path, stand_in: Callable[[str], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stop, waits = stand_in(LEAVES), tmp_path / "stop", Event()
    job, lock = job_in(tmp_path / "cell"), work._lock

    def seen(held: int) -> bool:
        got = lock(held)
        waits.set()
        return got

    monkeypatch.setattr(work, "_lock", seen)
    job.folder.mkdir()
    with (job.folder / HELD).open("w") as other, ThreadPoolExecutor(1) as threads:
        fcntl.flock(other, fcntl.LOCK_EX)
        asked = threads.submit(run_job, job, stop)
        assert waits.wait(300)
        stop.touch()
        assert asked.result(300).state == UNFINISHED
        stop.unlink()
        waits.clear()
        asked = threads.submit(run_job, job, stop)
        assert waits.wait(300)
        (job.folder / JOB).write_text(job.to_json())
        (job.folder / RESULT).write_text('{"finished": true, "figures": {"two": {}}}')
        fcntl.flock(other, fcntl.LOCK_UN)
        assert asked.result(300).figures == {"two": {}}
    assert begun == []


def test_the_process_holds_its_run(tmp_path: Path, stand_in: Callable[[str], list[int]]) -> None:
    code = "held = [n for n in os.listdir('/proc/self/fd') if "
    code += f"os.path.realpath('/proc/self/fd/' + n) == {str(tmp_path / HELD)!r}]\n"
    stand_in(code + f"if held: {LEAVES}")
    assert run_job(job_in(tmp_path), tmp_path / "stop").figures == ROWS


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunFailedError, match="cannot write"):
        run_job(job_in(tmp_path / "file" / "cell"), tmp_path / "stop")


def test_a_job_has_the_threads_of_its_runs(
    tmp_path: Path, stand_in: Callable[[str], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    stand_in(f"if os.environ['OMP_NUM_THREADS'] == '1': {LEAVES}")
    assert run_job(job_in(tmp_path), tmp_path / "stop").figures == ROWS


def test_the_trial_with_the_best_validation_score_counts(tmp_path: Path) -> None:
    """Whatever the others' test metrics are: the trial that is best in every one of them loses."""
    job = with_trials(tmp_path, 2)
    write_run(
        job.folder / "trial0", accuracy=0.9, mrr=0.9, validated=(0.6, 0.3), epochs=1
    )
    write_run(
        job.folder / "trial1", accuracy=0.25, mrr=0.1, validated=(0.5, 0.55), epochs=2
    )
    (job.folder / JOB).write_text(job.to_json())
    (job.folder / RESULT).write_text('{"finished": true, "seconds": 3.5}')
    found = read_record(job)
    assert found is not None
    assert found.figures["model"]["accuracy"] == 0.25
    assert "0.9" not in json.dumps(found.figures)
    assert [trial.validation for trial in found.trials] == pytest.approx([0.45, 0.575])
    assert [replace(trial, validation=None) for trial in found.trials] == [
        Trial({}, None, 1, False), Trial({"x": 1}, None, 2, True)
    ]
    assert len(found.curve) == 2
    assert found.tests_seen == 0
    assert (found.parameters, found.best_epoch, found.seconds) == (1234, 2, 3.5)
    assert found.versions["plugin gcn"] == "dgljoint 0.1.0"
    assert found.config["data"] == "small.h5"
