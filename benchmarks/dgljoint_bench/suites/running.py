"""Run what a suite has no metrics of, and index the records in a results file."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from dgljoint.errors import DataError, UsageError
from dgljoint.runs.many.executors import Pool
from dgljoint.runs.many.job import Job
from dgljoint.runs.many.runner import RunsProgress, run_jobs
from dgljoint.runs.records import DONE, Key, RunRecord, failed
from dgljoint_bench.results.database import Results
from dgljoint_bench.suites.plan import SuitePlan


def run_suite(
    plan: SuitePlan, results: Results, out: Path, pool: Pool, *, progress: RunsProgress,
    keep_open: Iterable[int] = (), replace: bool = False,
) -> tuple[RunRecord, ...]:
    """Run the jobs of a plan that are not recorded; each is recorded as soon as it ends.

    A run that fails stops no other, and is tried again the next time.

    Returns:
        The records of all runs of the plan, in its order.
    """
    left = jobs_left(plan, results, replace=replace)
    results.describe(plan.suite.name, plan.suite.model_dump(mode="json"), plan.tables)
    waiting = {job.key for job in left}
    known = {one.key: one for one in results.cells(plan.suite.name)}
    done = [known[job.key] for job in plan.jobs if job.key not in waiting]

    def keep(record: RunRecord) -> RunRecord:
        try:
            results.record(record)
        except DataError as error:
            record = failed(record.key, record.digest, error)
            results.record(record)
        return record

    found = run_jobs(
        left, done, out, pool, keep=keep, progress=progress, keep_open=keep_open,
        go_on=f"continue with the same command: dgljoint {shlex.join(sys.argv[1:])}",
    )
    by_key = {one.key: one for one in (*done, *found)}
    return tuple(by_key[job.key] for job in plan.jobs)


def jobs_left(plan: SuitePlan, results: Results, *, replace: bool) -> list[Job]:
    """Return the jobs of a plan that are not recorded."""
    known = results.digests(plan.suite.name)
    # What has failed may be corrected.
    done = {key: digest for key, (digest, state) in known.items() if state == DONE}
    asked = {job.key: job.digest for job in plan.jobs}
    changed = [key for key, digest in asked.items() if done.get(key, digest) != digest]
    if changed and not replace:
        raise UsageError(
            f"{results.path} holds {_several(changed)}, run with other settings",
            hint="name another --results file, or run them again with --replace",
        )
    others = [key for key in done if key not in asked]
    stale = [key for key in others if plan.digest_of(key) not in (None, done[key])]
    if stale:
        raise UsageError(
            f"{results.path} holds {_several(stale)}, run with other settings, and what runs now "
            "would be compared with it",
            hint="name another --results file, or run all of them again: --replace, and nothing "
            "left out by --only, --table, --folds or --seeds",
        )
    return [job for job in plan.jobs if done.get(job.key) != job.digest]


def _several(keys: Sequence[Key]) -> str:
    return f"{keys[0]}" + (f", and {len(keys) - 1} more runs" if len(keys) > 1 else "")
