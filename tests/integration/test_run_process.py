"""What a job comes to: its figures are those of the best trial, tested where the suite says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dgljoint
from dgljoint.errors import DataError, DivergedError, RunFailedError
from dgljoint.plugins.registry import installed_registry
from dgljoint.runs.many import run_process
from dgljoint.runs.many.job import Job, program_of, read_record
from dgljoint.runs.records import RunRecord
from dgljoint.runs.summary import all_figures
from dgljoint_bench.suites.plan import plan_suite
from stored_runs import write_run
from suites import TINY, suite_of
from toys import toy_store

DEADLINES = ("0", "1h", "all")


def job_of(folder: Path, more: str = "") -> Job:
    """Plan the run of a suite with deadlines; ``other`` shares 40 of its 64 cascades."""
    files = {"toy": folder / "toy.h5", "other": folder / "other.h5"}
    toy_store(files["toy"], cascades=40)
    toy_store(files["other"], cascades=64, seed=1)
    table = TINY.replace("folds = [0, 1]", f"folds = [0]\n{more}")
    suite = suite_of(folder, f'deadlines = "{",".join(DEADLINES)}"\n{table}')
    plan = plan_suite(suite, files, folder / "out", installed_registry(), configurations=["joint"])
    return plan.jobs[0]


@pytest.mark.parametrize("other", ["", "other.h5"])
def test_figures_and_early_detection_are_of_what_is_tested_on(tmp_path: Path, other: str) -> None:
    job = job_of(tmp_path, 'test_on = "other"' if other else "")
    found = train(job).figures["model"]
    run = job.folder
    if other:
        whole = dgljoint.evaluate_transfer(run, tmp_path / other).scores
        early = dgljoint.evaluate_transfer_early(
            run, tmp_path / other, deadlines=",".join(DEADLINES)
        ).scores
        assert whole.rumor is not None
        assert whole.rumor.cascades == 24
    else:
        whole = dgljoint.evaluate(run)
        early = dgljoint.evaluate_early(run, part="test", deadlines=",".join(DEADLINES))
    said = {name: value for name, value in found.items() if "@" not in name}
    assert said == all_figures(whole)
    assert {name: found[f"accuracy@{name}"] for name in DEADLINES} == {
        one.deadline: one.rumor.accuracy for one in early.deadlines
    }
    assert [f"macro_f1@{name}" in found for name in DEADLINES] == [True] * 3


def silent(event: Any) -> None:
    """Hear nothing."""


def train(job: Job) -> RunRecord:
    """Train a job in this process, without the checks of its data and its program."""
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "job.json").write_text(job.to_json())
    run_process.write_result(job, run_process.train_trials(job, silent))
    found = read_record(job)
    assert found is not None
    return found


class Training:
    """Stands in for :func:`dgljoint.training.train`: writes what a run leaves, or raises.

    Attributes:
        begun: the trials trained, and whether from their beginning.
        diverge: those that do.
    """

    def __init__(self) -> None:
        self.begun: list[tuple[str, bool]] = []
        self.diverge: set[str] = set()

    def __call__(self, config: Any, path: Path, *, force: bool, **rest: Any) -> None:
        self.begun.append((path.name, force))
        diverges = path.name in self.diverge
        if not path.exists():
            write_run(path, epochs=1 if diverges else 2, finished=not diverges)
        if diverges:
            raise DivergedError(f"{path.name}: a loss is not finite")


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    made = Training()
    monkeypatch.setattr("dgljoint.training.train", made)
    monkeypatch.setattr("dgljoint.runs.stored.StoredRun.test_cascades_seen", lambda run: 0)
    return made


def two_trials(folder: Path) -> Job:
    job = job_of(folder)
    return replace(job, deadlines="", trials=(*job.trials, *job.trials))


def test_a_trial_that_diverges_is_the_worst(tmp_path: Path, training: Training) -> None:
    training.diverge = {"trial0"}
    found = train(two_trials(tmp_path))
    assert [(one.chosen, one.epochs) for one in found.trials] == [(False, 1), (True, 2)]
    assert found.trials[0].validation is None
    assert found.trials[1].validation is not None


def test_where_all_diverge_the_run_fails(tmp_path: Path, training: Training) -> None:
    training.diverge = {"trial0", "trial1"}
    with pytest.raises(DivergedError, match="trial0"):
        train(two_trials(tmp_path))


@pytest.mark.parametrize(("seen", "again"), [(0, False), (7, True), (None, True)])
def test_a_trial_that_saw_test_data_or_does_not_say_is_trained_anew(
    tmp_path: Path, training: Training, monkeypatch: pytest.MonkeyPatch, seen: int | None,
    again: bool,
) -> None:
    job = job_of(tmp_path)
    run = replace(job, deadlines="")
    write_run(job.folder, epochs=2)
    monkeypatch.setattr(
        "dgljoint.runs.stored.StoredRun.test_cascades_seen",
        lambda run: 0 if training.begun else seen,
    )
    run_process.train_trials(run, silent)
    assert training.begun == ([(job.folder.name, True)] if again else [])


@pytest.mark.parametrize("file", ["toy.h5", "other.h5"])
def test_files_that_changed_since_the_plan_are_refused(tmp_path: Path, file: str) -> None:
    job = job_of(tmp_path, 'test_on = "other"')
    run_process.check_data(job)
    toy_store(tmp_path / file, seed=9)
    with pytest.raises(DataError, match=rf"{file} has changed since the run was planned"):
        run_process.check_data(job)


def test_a_split_that_changed_since_the_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected another"):
        run_process.check_data(replace(job_of(tmp_path), split_digest="another"))


def test_seconds_count_from_the_start_of_the_process(tmp_path: Path) -> None:
    code = "import sys, time; time.sleep(0.5)\n"
    code += "from pathlib import Path; from dgljoint.runs.many import job, run_process\n"
    code += "run_process.write_result(job.read_job(Path(sys.argv[1])))"
    (tmp_path / "job.json").write_text(
        replace(job_of(tmp_path), folder=tmp_path).to_json()
    )
    begun = time.monotonic()
    spent = []
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
        spent.append(json.loads((tmp_path / "result.json").read_text())["seconds"])
    assert spent[0] > 0.5
    assert spent[1] > spent[0] + 0.5
    assert spent[1] < time.monotonic() - begun + 0.1  # the system counts in hundredths


def test_a_run_is_recorded_with_the_program_that_ran_it(tmp_path: Path) -> None:
    job = replace(
        job_of(tmp_path), trials=(), observed_share=0.5, deadlines="", program=program_of([])
    )
    told(job)
    run_process.do(job, silent)
    found = read_record(job)
    assert found is not None
    assert found.versions == job.program
    assert len(found.figures) > 0


@pytest.mark.parametrize(
    ("planned", "said"),
    [
        ({"torch": "1.0"}, r"torch is \d.*, planned was 1.0"),
        ({"source of dgljoint": "another"}, "source of dgljoint is .*, planned was another"),
        ({"source of mine": "x"}, "source of mine is None here, planned was x"),
    ],
)
def test_another_program_than_was_planned_runs_nothing(
    tmp_path: Path, planned: dict[str, str], said: str
) -> None:
    job = job_of(tmp_path)
    job = replace(job, program={**job.program, **planned})
    told(job)
    with pytest.raises(RunFailedError, match=said):
        run_process.do(job, silent)
    assert [file.name for file in job.folder.iterdir()] == ["job.json"]


def test_what_the_plan_knew_nothing_of_is_another_program(tmp_path: Path) -> None:
    job = job_of(tmp_path)
    known = {name: version for name, version in job.program.items() if name != "dgl"}
    job = replace(job, program=known)
    told(job)
    with pytest.raises(RunFailedError, match=r"dgl is \d.* here, planned was None"):
        run_process.do(job, silent)


def told(job: Job) -> None:
    job.folder.mkdir(parents=True)
    (job.folder / "job.json").write_text(job.to_json())
