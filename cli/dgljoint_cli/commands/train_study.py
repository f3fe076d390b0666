"""``dgljoint train --folds --seeds``: many runs of one configuration."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dgljoint._internal.text import parse_numbers
from dgljoint.errors import UsageError
from dgljoint_cli import console, views

if TYPE_CHECKING:
    from dgljoint.config.run_config import RunConfig
    from dgljoint.runs.many.study import Study

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which runs the command line asks for."""

    folds: tuple[int, ...] | None  # that are tested; `None` for that of the configuration
    every_fold: bool  # all that the split offers
    seeds: tuple[int, ...] | None  # of everything random; `None` for that of the configuration
    jobs: int

    def plan(self, config: RunConfig, out: Path | None, device: str) -> Study:
        """Return the runs; their folder is named after them when ``out`` is ``None``."""
        from dgljoint.runs.many.study import plan_study

        chosen = None if self.every_fold else self.folds or (config.fold,)
        seeds = self.seeds or (config.seed,)
        return plan_study(config, out, folds=chosen, seeds=seeds, device=device)


def study_options(function: FunctionT) -> FunctionT:
    """Add ``--folds``, ``--seeds`` and ``--jobs``."""
    for option in (
        click.option(
            "--jobs", type=click.IntRange(min=1), metavar="N",
            help="Of several runs, how many at a time, each in a process of its own; 1 by default.",
        ),
        click.option("--seeds", metavar="LIST", help="Train once with each seed: 0-4, or 0,3."),
        click.option(
            "--folds", metavar="LIST|all",
            help="Test each fold once: all, 0-3, or 0,2. With --seeds every pair is a run folder "
            "in --out; a table sums them up.",
        ),
    ):
        function = option(function)
    return function


def asked_for(
    folds: str | None, seeds: str | None, jobs: int | None, *, fold: int | None, seed: int | None,
    resumed: Path | None,
) -> Asked | None:
    """Work out which runs are asked for; ``None`` for a single one."""
    for one, many, name in ((fold, folds, "fold"), (seed, seeds, "seed")):
        if one is not None and many is not None:
            raise UsageError(
                f"--{name} and --{name}s exclude each other",
                hint=f"leave one out; --{name}s {one} is possible too",
            )
    before = _resumed(resumed)
    if folds is None and seeds is None and before is None:
        if jobs is not None:
            raise UsageError(
                "--jobs is for several runs", hint="ask for them: --folds all, or --seeds 0-4"
            )
        return None
    if "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1":
        raise UsageError(
            "several runs are processes of their own, and torchrun would start each many times",
            hint="leave torchrun out, or train one run at a time: --fold and --seed",
        )
    every_fold = folds == _ALL
    chosen = None if folds is None or every_fold else parse_numbers(folds, "--folds", "all")
    drawn = None if seeds is None else parse_numbers(seeds, "--seeds")
    if before is not None:
        chosen = before[0] if folds is None and fold is None else chosen
        drawn = before[1] if seeds is None and seed is None else drawn
    return Asked(chosen, every_fold, drawn, jobs or 1)


def _resumed(folder: Path | None) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the folds and seeds of what is gone on with; ``None`` for a single run."""
    if folder is None:
        return None
    from dgljoint.runs.many.study import folds_and_seeds, is_study

    return folds_and_seeds(folder) if is_study(folder) else None


def train_study(
    talk: console.Talk, study: Study, *, jobs: int, resume: bool, force: bool, as_json: bool
) -> None:
    """Train the runs and show their results."""
    from dgljoint.runs.many import study as engine
    from dgljoint_cli.progress import watching_runs

    for note in study.notes:
        talk.info(note)
    with watching_runs(talk) as progress:
        summary = engine.train_study(
            study, jobs=jobs, progress=progress, resume=resume, force=force
        )
    if as_json:
        console.print_json({"study": study.folder, **summary.to_dict()})
    else:
        tables = views.run_tables.summary_tables(summary)
        views.rendering.render(*tables, f"run folders: {study.folder}")
    if (error := summary.error()) is not None:
        raise error


def show_study_plan(study: Study, *, jobs: int, as_json: bool) -> None:
    """Show the runs, and what each of them does, by the first of them."""
    from dgljoint.runs.many.study import check_runs, state_of
    from dgljoint.training import plan_run, resolve_run

    check_runs(study)
    plan = plan_run(resolve_run(study.jobs[0].trials[0].run_config))
    if as_json:
        cells = [
            {
                "fold": job.key.fold, "seed": job.key.seed, "run": job.folder.name,
                "state": state_of(job), "parts": dict(sizes),
            }
            for job, sizes in zip(study.jobs, study.sizes, strict=True)
        ]
        first = asdict(plan)
        console.print_json({
            "study": study.folder, "folds": study.folds, "seeds": study.seeds, "jobs": jobs,
            "cells": cells, "first": first,
        })
        return
    runs = views.run_tables.plan_table(study, jobs)
    views.rendering.render(runs, "the first of them:", views.rendering.plan_tree(plan))
