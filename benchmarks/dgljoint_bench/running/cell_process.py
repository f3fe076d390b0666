"""What runs in the process of a cell.

    python -m dgljoint_bench.running.cell_process FOLDER

Does the job that ``FOLDER/job.json`` describes and leaves ``FOLDER/outcome.json``.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dgljoint._internal.child_process import as_child
from dgljoint._internal.files import write_text
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, DivergedError, InterruptedRunError, RunFailedError
from dgljoint.evaluation.scores import selection_score
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.runs.stored import StoredRun
from dgljoint_bench.results.records import MODEL, Trial
from dgljoint_bench.running.job import JOB, OUTCOME, SPENT, Job, TrialPlan
from dgljoint_bench.running.plan import as_config
from dgljoint_bench.running.program import program_of

_CURVE = ("score", "accuracy", "macro_f1", "mrr")


def main(arguments: Sequence[str]) -> int:
    """Do a cell's job; return the exit code."""
    return as_child(lambda _: _do(Path(arguments[0])))


def _do(folder: Path) -> None:
    try:
        job = Job.from_dict(json.loads((folder / JOB).read_text(encoding="utf-8")))
        _check_data(job)
        _check_program(job)
        found = _train(job) if job.trials else _without_model(job)
    except (KeyboardInterrupt, InterruptedRunError):
        _spend(folder)
        raise
    spent = _spend(folder)
    found["versions"] = {**found.get("versions", {}), **job.program}
    by = {"digest": job.digest, "program": job.program}
    write_text(folder / OUTCOME, json.dumps({**by, **found, **spent}) + "\n")


def _check_data(job: Job) -> None:
    """Refuse files that have changed since the cell was planned: hours may lie between."""
    store = CascadeStore(Path(job.data))
    found = [(job.data, store.content_digest, job.data_digest)]
    found.append((job.data, store.split(job.split).digest, job.split_digest))
    if job.test_on:
        found.append((job.test_on, CascadeStore(Path(job.test_on)).content_digest, job.test_digest))
    for file, digest, planned in found:
        if digest != planned:
            raise DataError(
                f"{file} has changed since the cell was planned: digest {digest}, expected "
                f"{planned}", hint="bring that file back, or run the suite on the new one",
            )


def _check_program(job: Job) -> None:
    """Refuse another program than the cell was planned with: this machine may have another."""
    registry = installed_registry()
    plugins = {
        used.entry for trial in job.trials for used in select(registry, as_config(trial)).components
    }
    found = program_of(plugins)
    for name in sorted(job.program.keys() | found.keys()):
        if found.get(name) != job.program.get(name):
            raise RunFailedError(
                f"the cell was planned with another program: {name} is {found.get(name)} here, "
                f"planned was {job.program.get(name)}",
                hint="run the suite again, with the same versions on all machines",
            )


def _train(job: Job) -> dict[str, Any]:
    """Train every trial, and take the figures of the one with the best validation score.

    One that diverges is the worst; when all do, the cell fails.
    """
    runs = [StoredRun(job.path / f"trial{number}") for number in range(len(job.trials))]
    diverged: dict[int, DivergedError] = {}
    scores: dict[int, float] = {}
    for number, (trial, run) in enumerate(zip(job.trials, runs, strict=True)):
        try:
            _finish(job, trial, run)
        except DivergedError as error:
            diverged[number] = error
        else:
            scores[number] = selection_score(run.typed_scores()["validation"])
    if not scores:
        raise diverged[0]
    best = max(scores, key=lambda number: scores[number])
    chosen, records = runs[best], [run.records() for run in runs]
    return {
        # Where the file lay is nobody's business who is given the results.
        "config": {
            **chosen.config().model_dump(mode="json"), "data": Path(job.data).name
        },
        "versions": chosen.versions(),
        "figures": _figures(job, chosen),
        "trials": [
            asdict(Trial(trial.settings, scores.get(number), len(lines), number == best))
            for number, (trial, lines) in enumerate(zip(job.trials, records, strict=True))
        ],
        "curve": [
            {
                **{name: line["validation"][name] for name in _CURVE if name in line["validation"]},
                "seconds": line["seconds"],
            }
            for line in records[best]
        ],
        "parameters": chosen.manifest()["parameters"],
        "best_epoch": max(
            (line["epoch"] for line in records[best] if line["best"]), default=None
        ),
        "tests_seen": max(_tests_seen(runs[number]) for number in scores),
    }


def _finish(job: Job, trial: TrialPlan, run: StoredRun) -> None:
    """Train a trial to its end, unless that was done before."""
    from dgljoint.training import resolve_run, train

    # One that saw test data, or that an earlier version began and does not say, is trained anew.
    stale = run.finished and run.test_cascades_seen() != 0
    if stale or not run.finished:
        resume = run.resumable and not stale
        train(
            resolve_run(as_config(trial)), run.path, resume=resume,
            force=not resume, device=job.device,
        )


def _tests_seen(run: StoredRun) -> int:
    seen = run.test_cascades_seen()
    if seen is None:
        raise DataError(f"{run.path} does not say which cascades were read before it was selected")
    return seen


def _figures(job: Job, run: StoredRun) -> dict[str, dict[str, float]]:
    """Return the figures of the test part by row: the model's and those of guesses."""
    from dgljoint.training.study_summary import all_figures, guess_figures

    if job.test_on:
        from dgljoint.training.transfer import evaluate_transfer

        test = evaluate_transfer(
            run.path, Path(job.test_on), device=job.device
        ).scores
    else:
        test = run.typed_scores()["test"]
    found = {MODEL: all_figures(test), **guess_figures(test)}
    if job.deadlines and test.rumor is not None:
        found[MODEL] |= _early(job, run)
    return found


def _early(job: Job, run: StoredRun) -> dict[str, float]:
    from dgljoint.evaluation.deadlines import parse_deadlines
    from dgljoint.training.scoring import evaluate_early
    from dgljoint.training.transfer import evaluate_transfer_early

    deadlines = parse_deadlines(job.deadlines)
    if job.test_on:
        found = evaluate_transfer_early(
            run.path, Path(job.test_on), deadlines=deadlines, device=job.device
        ).scores
    else:
        found = evaluate_early(
            run.path, part="test", deadlines=deadlines, device=job.device
        )
    return {
        f"{name}@{one.deadline}": value
        for one in found.deadlines
        for name, value in (("accuracy", one.rumor.accuracy), ("macro_f1", one.rumor.macro_f1))
    }


def _without_model(job: Job) -> dict[str, Any]:
    from dgljoint_bench.running.probes import probe_figures

    figures = probe_figures(
        Path(job.data), job.split, job.fold, job.observed_share,
        test_on=Path(job.test_on) if job.test_on else None, deadlines=job.deadlines,
    )
    # They are fitted on the indices of the other folds, and select nothing.
    return {"figures": figures, "tests_seen": 0}


def _spend(folder: Path) -> dict[str, float]:
    """Add this process's time to what earlier ones of the cell spent, those that were not killed.

    Returns:
        Seconds, CPU seconds, and the most memory resident at once, in megabytes.
    """
    file = folder / SPENT
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    # VmHWM, and not getrusage: that counts towards a process what its parent held.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    # The time at which this process was started is the 22nd field: imports count, too.
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    spent = {
        "seconds": before.get("seconds", 0.0) + time.clock_gettime(time.CLOCK_BOOTTIME) - started,
        "cpu_seconds": before.get("cpu_seconds", 0.0) + time.process_time(),
        "peak_megabytes": max(
            before.get("peak_megabytes", 0.0), int(peak.group(1)) / 1000 if peak else 0.0
        ),
    }
    write_text(file, json.dumps(spent) + "\n")
    return spent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
