"""The process of a job; :func:`dgljoint.runs.many.runner.run_job` starts it.

    python -m dgljoint.runs.many.run_process FOLDER

Does the job that ``FOLDER/job.json`` describes. The metrics of a run are in its own files;
``FOLDER/result.json`` has the costs, and the metrics that no run folder has.
"""

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from dgljoint._internal.child_process import Report, as_child
from dgljoint._internal.files import write_text
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, DivergedError, InterruptedRunError, RunFailedError
from dgljoint.evaluation.scores import MODEL
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.runs.many.job import RESULT, Job, program_of, read_job, read_object, scored_trials
from dgljoint.runs.stored import TEST, StoredRun
from dgljoint.runs.summary import rows_of
from dgljoint.training.callbacks import Callback, EpochRecord

Rows = dict[str, dict[str, float]]


def main(arguments: Sequence[str]) -> int:
    """Do a job; return the exit code."""
    return as_child(lambda report: do(read_job(Path(arguments[0])), report))


def do(job: Job, report: Report) -> None:
    """Do a job, and write down what it cost."""
    try:
        if job.program:
            check_data(job)
            check_program(job)
        rows = train_trials(job, report) if job.trials else _without_model(job)
    except (KeyboardInterrupt, InterruptedRunError):
        write_result(job)
        raise
    write_result(job, rows)


def check_data(job: Job) -> None:
    """Refuse files that have changed since the job was planned: hours may have passed."""
    store = CascadeStore(job.data)
    found = [(job.data, store.content_digest, job.data_digest)]
    found.append((job.data, store.split(job.split).digest, job.split_digest))
    if job.test_on:
        found.append((job.test_on, CascadeStore(job.test_on).content_digest, job.test_digest))
    for file, digest, planned in found:
        if digest != planned:
            raise DataError(
                f"{file} has changed since the run was planned: digest {digest}, expected "
                f"{planned}", hint="bring that file back, or run the suite on the new one",
            )


def check_program(job: Job) -> None:
    """Refuse another program than the job was planned with: this machine may have another."""
    registry = installed_registry()
    found = program_of(
        used.entry for trial in job.trials for used in select(registry, trial.run_config).components
    )
    for name in sorted(job.program.keys() | found.keys()):
        if found.get(name) != job.program.get(name):
            raise RunFailedError(
                f"the run was planned with another program: {name} is {found.get(name)} here, "
                f"planned was {job.program.get(name)}",
                hint="run the suite again, with the same versions on all machines",
            )


def train_trials(job: Job, report: Report) -> Rows:
    """Train every trial to its end; return the metrics that the best one's folder has not.

    One that diverges is the worst; when all do, the run fails.
    """
    diverged = None
    for number in range(len(job.trials)):
        try:
            _finish(job, number, report)
        except DivergedError as error:
            diverged = diverged or error
    if diverged is not None and not any(run.finished for run in job.runs):
        raise diverged
    _, best = scored_trials(job)
    return _other_metrics(job, job.runs[best])


def _finish(job: Job, number: int, report: Report) -> None:
    """Train a trial to its end, unless that was done before."""
    from dgljoint.training import resolve_run, train

    run = job.runs[number]
    # One that saw test data, or that an earlier version began without noting it, is trained anew.
    stale = run.finished and run.test_cascades_seen() != 0
    if stale or not run.finished:
        resume = run.resumable and not stale
        train(
            resolve_run(job.trials[number].run_config), run.path,
            callbacks=(_Reporting(report, number, len(job.trials)),), resume=resume,
            # What a run left that did not get to its first checkpoint is no loss.
            force=not resume, device=job.device,
        )


@dataclass(slots=True)
class _Reporting(Callback):
    """Reports the epochs, counted over all trials."""

    report: Report
    trial: int
    trials: int
    epochs: int = 0

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        self.epochs = epochs
        self._report(resumed_from, None)

    def epoch(self, record: EpochRecord) -> None:
        self._report(record.epoch, record.validation.get("score"))

    def _report(self, epoch: int, score: float | None) -> None:
        self.report({
            "event": "epoch", "epoch": self.trial * self.epochs + epoch,
            "epochs": self.trials * self.epochs, "score": score,
        })


def _other_metrics(job: Job, run: StoredRun) -> Rows:
    """Return metrics on another file, and those of early detection, by row."""
    from dgljoint.data.observation import parse_deadlines
    from dgljoint.training.scoring import evaluate_early, evaluate_transfer, evaluate_transfer_early

    rows = Rows()
    if job.test_on:
        test = evaluate_transfer(run.path, job.test_on, device=job.device).scores
        rows = rows_of(test)
    else:
        test = run.typed_scores()[TEST]
    if not job.deadlines or test.rumor is None:
        return rows
    deadlines = parse_deadlines(job.deadlines)
    if job.test_on:
        early = evaluate_transfer_early(
            run.path, job.test_on, deadlines=deadlines, device=job.device
        ).scores
    else:
        early = evaluate_early(run.path, part=TEST, deadlines=deadlines, device=job.device)
    rows.setdefault(MODEL, {}).update({
        f"{name}@{one.deadline}": value
        for one in early.deadlines
        for name, value in (("accuracy", one.rumor.accuracy), ("macro_f1", one.rumor.macro_f1))
    })
    return rows


def _without_model(job: Job) -> Rows:
    module, _, name = job.without_model.partition(":")
    found: Rows = getattr(import_module(module), name)(job)
    return found


def write_result(job: Job, rows: Rows | None = None) -> None:
    """Write the costs of this process and the earlier ones of the job, those that were not killed.

    Seconds, CPU seconds, and the most memory resident at once, in megabytes; without ``rows`` the
    job has not ended.
    """
    before: dict[str, Any] = read_object(job.folder / RESULT)
    # VmHWM, and not getrusage: that counts towards a process what its parent held.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    # The time at which this process was started is the 22nd field: imports count, too.
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    found = {
        "finished": rows is not None,
        "figures": rows or {},
        "seconds": before.get("seconds", 0.0) + time.clock_gettime(time.CLOCK_BOOTTIME) - started,
        "cpu_seconds": before.get("cpu_seconds", 0.0) + time.process_time(),
        "peak_megabytes": max(
            before.get("peak_megabytes", 0.0), int(peak.group(1)) / 1000 if peak else 0.0
        ),
    }
    write_text(job.folder / RESULT, json.dumps(found) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
