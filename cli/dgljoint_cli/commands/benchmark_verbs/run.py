"""``dgljoint benchmark run``: run what a suite has no metrics of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgljoint._internal.text import parse_numbers, plural
from dgljoint.errors import UsageError
from dgljoint_cli import arguments, console

if TYPE_CHECKING:
    from dgljoint.runs.many.job import Job
    from dgljoint.runs.records import RunRecord
    from dgljoint_bench.suites.plan import SuitePlan
    from dgljoint_bench.suites.suite import Suite

_DEMO = "demo"


@console.verb(
    "dgljoint benchmark run demo",
    "dgljoint benchmark run schemes --data twitter15.h5 --jobs 2",
    "dgljoint benchmark run schemes --data DIR --only contrastive --folds 0",
    "dgljoint benchmark run mine.toml --results mine.sqlite --dry-run",
)
@click.argument("suite", shell_complete=arguments.complete_suite)
@click.option(
    "--data", "places", multiple=True, type=click.Path(path_type=Path), metavar="FILE|DIR",
    help="Cascade file that the suite calls by the file's name, or a folder of such; repeatable, "
    "the working directory by default. Tables whose data are not there are left out.",
)
@click.option(
    "--results", type=click.Path(path_type=Path), metavar="FILE", default="results.sqlite",
    show_default=True, help="SQLite file that indexes the result of every run.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="DIR", default="runs/benchmark",
    show_default=True, help="Folder of the runs.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), show_default="1", metavar="N",
    help="Runs at a time, each in a process of its own.",
)
@click.option(
    "--cluster", metavar="ADDRESS",
    help="Run on the workers of the Dask scheduler at tcp://HOST:PORT, one run per thread of "
    "theirs; --out and --data on a file system that they share.",
)
@click.option("--only", multiple=True, metavar="NAME", help="This configuration; repeatable.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="This table; repeatable.")
@click.option("--folds", metavar="LIST", help="These folds instead of the suite's: 0-2, or 0,3.")
@click.option("--seeds", metavar="LIST", help="These seeds instead of the suite's.")
@click.option("--replace", is_flag=True, help="Run again what is recorded with other settings.")
@click.option("--dry-run", is_flag=True, help="List the runs that are left and train none.")
@console.device_option
@click.pass_obj
def run(
    talk: console.Talk, suite: str, places: tuple[Path, ...], results: Path, out: Path,
    jobs: int | None, cluster: str | None, only: tuple[str, ...], tables: tuple[str, ...],
    folds: str | None, seeds: str | None, replace: bool, dry_run: bool, device: str,
    as_json: bool,
) -> None:
    """Train the runs of a suite that have no metrics yet.

    SUITE is the name of one that ships (`benchmark suites` lists them) or a TOML file. Runs that
    RESULTS holds are not trained again: the same command continues after Ctrl-C or a kill.
    """
    if cluster is not None and jobs is not None:
        raise UsageError("--cluster trains one run per thread of its workers: it takes no --jobs")
    from dgljoint_bench.suites.names import check_known
    from dgljoint_bench.suites.suite import find_suite

    chosen = find_suite(suite)
    check_known(only, chosen.configurations, f"the suite {chosen.name} has no configuration")
    titles = [table.title for table in chosen.tables]
    check_known(tables, titles, f"the suite {chosen.name} has no table")
    files = _files(chosen, tables, places, talk, made_in=None if dry_run else out)
    from dgljoint.plugins.registry import installed_registry
    from dgljoint.training.processes import find_device
    from dgljoint_bench.suites.plan import plan_suite

    if cluster is None:
        find_device(device)  # refuses one that is not there
    plan = plan_suite(
        chosen, files, out, installed_registry(),
        folds=None if folds is None else parse_numbers(folds, "--folds"),
        seeds=None if seeds is None else parse_numbers(seeds, "--seeds"),
        configurations=only or None, tables=tables or None, device=device,
    )
    if dry_run:
        _show_plan(plan, _left(plan, results, replace=replace), as_json=as_json)
        return
    found = _run(talk, plan, results, out, jobs or 1, cluster, replace=replace)
    from dgljoint.runs.records import FAILED, done_runs, failure_of

    done = len(done_runs(found))
    if as_json:
        failed = {str(one.key): one.message for one in found if one.state == FAILED}
        console.print_json({"cells": len(found), "done": done, "failed": failed})
    else:
        click.echo(
            f"{done} of {plural(len(found), 'run')} of {plan.suite.name} are done; see them with: "
            f"dgljoint benchmark report {results} --suite {plan.suite.name}"
        )
    if (error := failure_of(found)) is not None:
        raise error


def _run(
    talk: console.Talk, plan: SuitePlan, results: Path, out: Path, jobs: int,
    cluster: str | None, *, replace: bool,
) -> tuple[RunRecord, ...]:
    from dgljoint._internal.files import locked
    from dgljoint.runs.many.executors import cluster_executor, local_executor
    from dgljoint_bench.results.database import Results
    from dgljoint_bench.suites.plan import run_suite
    from dgljoint_cli.progress import watching_runs

    data = [file for job in plan.jobs for file in job.files]
    with (
        locked(out, wait_seconds=5.0) as lock,
        Results(results, create=True) as file,
        cluster_executor(cluster, out, data) if cluster else local_executor(jobs) as pool,
        watching_runs(talk) as progress,
    ):
        return run_suite(
            plan, file, out, pool, progress=progress, keep_open=() if cluster else (lock,),
            replace=replace,
        )


def _files(
    suite: Suite, tables: Sequence[str], places: Sequence[Path], talk: console.Talk, *,
    made_in: Path | None,
) -> dict[str, Path]:
    """Find the cascade files of a suite, by the names it gives them; generate what is generated."""
    from dgljoint_data.generated import GENERATED

    asked = [table for table in suite.tables if not tables or table.title in tables]
    wanted = dict.fromkeys(name for table in asked for name in table.files)
    found = {name: file for name in wanted if (file := _file(name, places)) is not None}
    if _DEMO in wanted and _DEMO not in found:
        found[_DEMO] = arguments.demo_file(talk, made_in)
    for name in wanted:
        if name.startswith(GENERATED):
            found[name] = arguments.generated_file(name, made_in)
    missing = [table for table in asked if not set(table.files) <= found.keys()]
    if len(missing) == len(asked):
        names = ", ".join(f"{name}.h5" for name in wanted)
        raise UsageError(
            f"the data of the suite {suite.name} are not here: {names}",
            hint="write them with `dgljoint preprocess`, and name their place with --data",
        )
    for table in missing:
        talk.info(f"left out: '{table.title}', whose data are not here")
    return found


def _file(name: str, places: Sequence[Path]) -> Path | None:
    for place in places or (Path(),):
        file = place / f"{name}.h5" if place.is_dir() else place
        if file.stem == name and file.is_file():
            return file
    return None


def _left(plan: SuitePlan, results: Path, *, replace: bool) -> Sequence[Job]:
    if not results.exists():
        return plan.jobs
    from dgljoint_bench.results.database import Results
    from dgljoint_bench.suites.plan import jobs_left

    with Results(results) as file:
        return jobs_left(plan, file, replace=replace)


def _show_plan(plan: SuitePlan, left: Sequence[Job], *, as_json: bool) -> None:
    done = len(plan.jobs) - len(left)
    if as_json:
        console.print_json({
            "suite": plan.suite.name,
            "done": done,
            "cells": [
                {"cell": str(job.key), "folder": job.folder, "digest": job.digest,
                 "trials": [trial.config for trial in job.trials]}
                for job in left
            ],
        })
        return
    for record in plan.tables.values():
        click.echo(f"{record.name}: {record.cascades} cascades, {record.protocol}")
    trials = len(plan.suite.trials)
    each = f", {trials} trials each" if trials > 1 else ""
    recorded = f" ({done} more are done)" if done else ""
    click.echo(f"{plural(len(left), 'run')}{each}{recorded}{':' if left else ''}")
    for job in left:
        click.echo(f"  {job.key}")
