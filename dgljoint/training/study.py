"""One configuration over folds and seeds: every pair a run of its own, and all of them together.

A study is a folder: ``settings.toml`` (the configuration of every run, but for fold and seed),
``foldF-seedS/`` (a run folder each) and ``summary.json`` (which folds and seeds there are, how each
run stands, and the figures so far), which is written anew whenever a run ends.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dgljoint._internal.files import locked, remove_leftovers, write_text
from dgljoint._internal.text import number_list
from dgljoint.config.options import parse_options
from dgljoint.config.run_config import RunConfig, dump_config
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import DataError, InterruptedRunError, UsageError
from dgljoint.evaluation.scores import Scores
from dgljoint.runs.naming import default_folder
from dgljoint.training.callbacks import StopRequest
from dgljoint.training.cells import Cell, Failure, StudyProgress, run_cells
from dgljoint.training.folder import RunFolder
from dgljoint.training.inputs import resolve_run
from dgljoint.training.parts import TEST, folds_offered, part_under_test, training_parts
from dgljoint.training.setup import refuse_changes
from dgljoint.training.study_summary import (
    DONE,
    FAILED,
    NOT_STARTED,
    UNFINISHED,
    CellState,
    StudySummary,
    model_figures,
    over_cells,
)
from dgljoint.training.trainable import find_trainable

SETTINGS = "settings.toml"
_SUMMARY = "summary.json"
# What a study's processes need at most to notice that it was killed.
_SECONDS_TO_WAIT = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What is to be trained; made by :func:`plan_study`.

    Attributes:
        folder: of the study.
        config: of every run, but for fold, seed and what the data do not allow to train.
        store: its data.
        split: how they are divided.
        folds: that are tested, one a run.
        seeds: one a run.
        cells: every pair of them: all folds with the first seed, then with the next.
        notes: what the data do not allow to train, in words.
    """

    folder: Path
    config: RunConfig
    store: CascadeStore
    split: StoredSplit
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    notes: tuple[str, ...]


def plan_study(
    config: RunConfig, folder: Path | None, *, folds: Sequence[int] | None, seeds: Sequence[int],
) -> Study:
    """Work out what :func:`train_study` would do, and write nothing.

    Args:
        config: of every run; its own fold and seed count for nothing.
        folder: of the study; named after it where it is ``None``.
        folds: that are tested; ``None`` for all that the split offers.
        seeds: of everything random.

    Raises:
        UsageError: a name or option is wrong, or the split has no such fold.
        DataError: the data cannot be used, or a fold leaves too little to train on.
        PluginError: a plugin cannot be imported.
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

    def cell(fold: int, seed: int) -> Cell:
        settings = {**config.model_dump(), "fold": fold, "seed": seed}
        own = parse_options(RunConfig, settings, "configuration")
        parts = training_parts(store, split, fold, seed=seed, meta=meta)
        trainable = find_trainable(own, store, split, parts)
        notes.update({f"fold {fold}: {note}": None for note in trainable.notes})
        sizes = {
            "train": len(parts.train), "meta": len(parts.meta),
            "validation": len(parts.validation), "test": len(part_under_test(split, fold)),
        }
        return Cell(trainable.config, place / f"fold{fold}-seed{seed}", sizes)

    cells = tuple(cell(fold, seed) for seed in seeds for fold in folds)
    return Study(place, config, store, split, folds, tuple(seeds), cells, tuple(notes))


def is_study(folder: Path) -> bool:
    """Say whether ``folder`` is that of a study."""
    return (folder / _SUMMARY).is_file()


def folds_and_seeds(folder: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read which folds and seeds a study has.

    Raises:
        DataError: it is damaged.
    """
    file = folder / _SUMMARY
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
        folds, seeds = (tuple(found[name]) for name in ("folds", "seeds"))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{file} is not readable ({error})") from error
    if not all(isinstance(number, int) for number in (*folds, *seeds)):
        raise DataError(f"{file} is not readable: folds and seeds are numbers")
    return folds, seeds


def state_of(cell: Cell) -> str:
    """Say how a cell stands, by its folder."""
    folder = RunFolder(cell.folder)
    if folder.finished:
        return DONE
    return UNFINISHED if folder.resumable else NOT_STARTED


def check_runs(study: Study, *, started_over: bool = False) -> None:
    """Make sure that the runs of a study that are there can be gone on with.

    Args:
        study: planned for the folder they lie in.
        started_over: they will be, so that it does not matter what they are.

    Raises:
        UsageError: they have another configuration, or the folder is that of a single run.
        DataError: they were trained on other data.
    """
    if (study.folder / "config.toml").exists():
        raise UsageError(
            f"{study.folder} is the folder of a single run", hint="choose another --out"
        )
    for cell in study.cells:
        if not started_over and state_of(cell) != NOT_STARTED:
            run = RunFolder(cell.folder)
            refuse_changes(run.config(), cell.config, cell.folder)
            run.check_data(study.store, study.split)


def train_study(
    study: Study, *, jobs: int = 1, progress: StudyProgress, resume: bool = False,
    force: bool = False, device: str = "auto",
) -> StudySummary:
    """Train the cells of a study that have no figures yet, each in a process of its own.

    A cell that fails stops no other; the summary says why it did.

    Args:
        study: to train.
        jobs: processes at a time, each of as many threads as the configuration says.
        progress: is told what happens.
        resume: go on with what ``study.folder`` holds; its runs must have this configuration.
            Where it holds nothing, everything is started.
        force: start over where runs are.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: the folder holds something else, or runs of another configuration.
        DataError: the data are not those of the runs that are there.
        InterruptedRunError: Ctrl-C; everything is saved for ``resume``.
        RunFailedError: the file system refuses, or the study is being trained already.
    """
    # The processes of the cells hold the folder, too: a study that was killed is not gone on with
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
            for cell in study.cells:
                RunFolder(cell.folder).clear()
        write_text(study.folder / SETTINGS, dump_config(study.config))
        failures: dict[Cell, Failure] = {}
        left = [cell for cell in study.cells if state_of(cell) != DONE]
        summary = _summarise(study, failures)
        progress.start(len(study.cells), len(study.cells) - len(left))
        with _interruptible(study, failures, jobs) as stop, closing(
            run_cells(left, jobs, progress, lambda: stop.asked, keep_open=lock, device=device)
        ) as ended:
            for cell, failure in ended:
                if failure is not None:
                    failures[cell] = failure
                summary = _summarise(study, failures)
                progress.end(cell, failure)
            if stop.asked and summary.done + summary.failed < len(study.cells):
                raise KeyboardInterrupt
        return summary


@contextmanager
def _interruptible(
    study: Study, failures: Mapping[Cell, Failure], jobs: int
) -> Iterator[StopRequest]:
    """Say how to go on after Ctrl-C, whether the cells were waited for or not."""
    try:
        with StopRequest() as stop, stop.between_steps():
            yield stop
    except KeyboardInterrupt:
        summary = _summarise(study, failures)
        failed = f", {summary.failed} failed" if summary.failed else ""
        again = f"dgljoint train --resume --out {shlex.quote(str(study.folder))}"
        raise InterruptedRunError(
            f"interrupted: {summary.done} of {len(study.cells)} runs are done{failed}; "
            "everything is saved",
            hint=f"continue with: {again}" + (f" --jobs {jobs}" if jobs > 1 else ""),
        ) from None


def _summarise(study: Study, failures: Mapping[Cell, Failure]) -> StudySummary:
    """Read what the cells came to, and write it down."""
    tests = {cell: _test_scores(cell) for cell in study.cells if state_of(cell) == DONE}
    summary = StudySummary(
        data=study.store.name,
        split=study.split.name,
        disjoint=study.store.kept_apart(study.split.name),
        ordered=bool(study.split.ordered_by),
        folds=study.folds,
        seeds=study.seeds,
        cells=tuple(
            _described(cell, tests.get(cell), failures.get(cell)) for cell in study.cells
        ),
        figures=over_cells(tests.values()),
    )
    text = json.dumps(summary.to_dict(), indent=2, ensure_ascii=False)
    write_text(study.folder / _SUMMARY, text + "\n")
    return summary


def _test_scores(cell: Cell) -> Scores:
    run = RunFolder(cell.folder)
    run.figures(TEST)  # says what is wrong where there are none
    return run.typed_scores()[TEST]


def _described(
    cell: Cell, test: Scores | None, failure: Failure | None
) -> CellState:
    known = CellState(
        fold=cell.config.fold,
        seed=cell.config.seed,
        run=cell.folder.name,
        state=FAILED if failure else state_of(cell),
        figures={} if test is None else model_figures(test),
    )
    if failure is None:
        return known
    log = str(cell.log) if cell.log.exists() else None
    return replace(known, **asdict(failure), log=log)
