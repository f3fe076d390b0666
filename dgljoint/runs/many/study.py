"""Plan and run one configuration over folds and seeds: every pair a run of its own.

A study is a folder: ``settings.toml`` (the configuration of every run, but for fold and seed),
``foldF-seedS/`` (a run folder each) and ``summary.json`` (which folds and seeds there are, the
state of each run, and the metrics so far), which is written anew whenever a run ends.
"""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dgljoint._internal.files import locked, remove_leftovers, write_text
from dgljoint._internal.text import number_list
from dgljoint.config.options import parse_options
from dgljoint.config.run_config import RunConfig, dump_config
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import DataError, UsageError
from dgljoint.runs.folders import default_folder, parse_object, read_plain
from dgljoint.runs.many.executors import local_executor
from dgljoint.runs.many.job import RESULT, Job, TrialPlan, read_record
from dgljoint.runs.many.runner import RunsProgress, run_jobs
from dgljoint.runs.records import DONE, NOT_STARTED, UNFINISHED, Key, RunRecord, done_runs
from dgljoint.runs.stored import Protocol
from dgljoint.runs.summary import StudySummary, over_runs, run_name
from dgljoint.training.folder import RunFolder
from dgljoint.training.inputs import resolve_run
from dgljoint.training.parts import folds_offered, part_under_test, training_parts
from dgljoint.training.setup import refuse_changes
from dgljoint.training.trainable import find_trainable

SETTINGS = "settings.toml"
_SUMMARY = "summary.json"
# What a study's processes need at most to notice that it was killed.
_SECONDS_TO_WAIT = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What is to be trained; made by :func:`plan_study`."""

    folder: Path
    config: RunConfig  # of every run, but for fold, seed and what the data do not allow to train
    store: CascadeStore
    split: StoredSplit  # how they are divided
    folds: tuple[int, ...]  # that are tested, one per run
    seeds: tuple[int, ...]  # one per run
    jobs: tuple[Job, ...]  # every pair of them: all folds with the first seed, then with the next
    # of each job, cascades in `train`, `meta`, `validation` and `test`
    sizes: tuple[Mapping[str, int], ...]
    notes: tuple[str, ...]  # what the data do not allow to train, in words


def plan_study(
    config: RunConfig, folder: Path | None, *, folds: Sequence[int] | None, seeds: Sequence[int],
    device: str = "auto",
) -> Study:
    """Work out what :func:`train_study` would do, and write nothing.

    The fold and the seed of ``config`` count for nothing; ``folds`` is ``None`` for all that the
    split offers.
    """
    inputs = resolve_run(config)
    config, store, split = inputs.config, inputs.store, inputs.split
    folds = tuple(range(folds_offered(split)) if folds is None else folds)
    if not folds or not seeds:
        raise UsageError("a study has at least one fold and one seed")
    meta = inputs.selection.weighter.spec.needs_meta_split
    place = folder or default_folder(
        config, store.name, fold=number_list(folds), seed=number_list(seeds)
    )

    notes: dict[str, None] = {}

    def job(fold: int, seed: int) -> tuple[Job, Mapping[str, int]]:
        settings = {**config.model_dump(), "fold": fold, "seed": seed}
        own = parse_options(RunConfig, settings, "configuration")
        parts = training_parts(store, split, fold, seed=seed, meta=meta)
        trainable = find_trainable(own, store, split, parts)
        notes.update({f"fold {fold}: {note}": None for note in trainable.notes})
        sizes = {
            "train": len(parts.train), "meta": len(parts.meta),
            "validation": len(parts.validation), "test": len(part_under_test(split, fold)),
        }
        key = Key("", "", config.encoder, fold, seed)
        trial = TrialPlan({}, trainable.config.model_dump(mode="json"))
        made = Job(
            key=key, folder=(place / run_name(key)).resolve(), trials=(trial,),
            data=Path(config.data), split=config.split, fold=fold, device=device,
        )
        return made, sizes

    planned = [job(fold, seed) for seed in seeds for fold in folds]
    jobs, sizes = zip(*planned, strict=True)
    return Study(place, config, store, split, folds, tuple(seeds), jobs, sizes, tuple(notes))


def is_study(folder: Path) -> bool:
    """Return whether ``folder`` is that of a study."""
    return (folder / _SUMMARY).is_file()


def folds_and_seeds(folder: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read which folds and seeds a study has."""
    file = folder / _SUMMARY
    found = parse_object(read_plain(folder, file), str(file))
    try:
        read = TypeAdapter(tuple[int, ...]).validate_python
        return read(found.get("folds")), read(found.get("seeds"))
    except ValidationError as error:
        raise DataError(f"{file} is not readable: folds and seeds are numbers") from error


def state_of(job: Job) -> str:
    """Return the state of a job of a study, by its folder."""
    folder = RunFolder(job.folder)
    if folder.finished:
        return DONE
    return UNFINISHED if folder.resumable else NOT_STARTED


def check_runs(study: Study, *, started_over: bool = False) -> None:
    """Make sure that the runs of a study that are there can be gone on with."""
    if (study.folder / "config.toml").exists():
        raise UsageError(
            f"{study.folder} is the folder of a single run", hint="choose another --out"
        )
    for job in study.jobs:
        if not started_over and state_of(job) != NOT_STARTED:
            run = RunFolder(job.folder)
            refuse_changes(run.config(), job.trials[0].run_config, study.folder / job.folder.name)
            run.check_data(study.store, study.split)


def train_study(
    study: Study, *, jobs: int = 1, progress: RunsProgress, resume: bool = False,
    force: bool = False,
) -> StudySummary:
    """Train the runs of a study that have no metrics yet, each in a process of its own.

    A run that fails stops no other; the summary has the reason. With ``resume``, what the folder
    holds is gone on with, and everything is started where it holds nothing; with ``force``
    everything is started over.
    """
    # The processes of the runs hold the folder, too: a study that was killed is not gone on with
    # before they have noticed.
    with locked(study.folder, _SECONDS_TO_WAIT) as lock:
        remove_leftovers(study.folder)
        if not (resume or force) and any(study.folder.iterdir()):
            raise UsageError(
                f"{study.folder} is not empty",
                hint="continue with --resume, start over with --force, or choose another --out",
            )
        check_runs(study, started_over=force)
        if force:
            for job in study.jobs:
                (job.folder / RESULT).unlink(missing_ok=True)
                RunFolder(job.folder).clear()
        write_text(study.folder / SETTINGS, dump_config(study.config))
        found = {
            job.key: read_record(job) or RunRecord(job.key, "", state_of(job))
            for job in study.jobs
        }
        done = done_runs(found.values())
        left = [job for job in study.jobs if found[job.key].state != DONE]
        write_summary(study, found.values())

        def keep(record: RunRecord) -> RunRecord:
            found[record.key] = record
            write_summary(study, found.values())
            return record

        again = f"dgljoint train --resume --out {shlex.quote(str(study.folder))}"
        try:
            with local_executor(jobs) as pool:
                run_jobs(
                    left, done, study.folder, pool, keep=keep, progress=progress,
                    go_on=f"continue with: {again}" + (f" --jobs {jobs}" if jobs > 1 else ""),
                    keep_open=(lock,),
                )
        finally:
            for job in left:  # those that were stopped
                if found[job.key].state in (NOT_STARTED, UNFINISHED):
                    found[job.key] = RunRecord(job.key, "", state_of(job))
            summary = write_summary(study, found.values())
        return summary


def write_summary(study: Study, records: Iterable[RunRecord]) -> StudySummary:
    """Sum up the runs, and write the summary into the folder of the study."""
    runs = tuple(records)
    disjoint = study.store.kept_apart(study.split.name)
    summary = StudySummary(
        protocol=Protocol(
            study.store.name, study.split.name, study.folds[0], disjoint,
            bool(study.split.ordered_by), classes=study.config.classes,
        ),
        folds=study.folds,
        seeds=study.seeds,
        runs=runs,
        figures=over_runs((one.key.seed, one.figures) for one in done_runs(runs)),
    )
    text = json.dumps(summary.to_dict(), indent=2, ensure_ascii=False)
    write_text(study.folder / _SUMMARY, text + "\n")
    return summary
