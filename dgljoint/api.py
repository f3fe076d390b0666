"""The verbs of the command line as functions: the same settings, the same runs.

Each does what the verb of its name does, by the same code. ``DGLJOINT_*`` variables are for the
command line and are not read here: every setting is an argument.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgljoint.config.arguments import CASCADE_FILE, configuration_of, names, numbers, path_of
from dgljoint.data.observation import parse_deadlines
from dgljoint.data.store import CascadeStore
from dgljoint.errors import UsageError
from dgljoint.evaluation.loaded_run import Run
from dgljoint.evaluation.loaded_runs import Runs
from dgljoint.runs.folders import default_folder, resumed_folder, settings_of
from dgljoint.runs.many import study
from dgljoint.runs.many.runner import RunsProgress
from dgljoint.training import run as engine
from dgljoint.training import scoring
from dgljoint.training.callbacks import Callback
from dgljoint.training.inputs import resolve_run
from dgljoint.training.lines import LineProgress, LineRunsProgress, timed_line
from dgljoint.training.run import plan_run

if TYPE_CHECKING:
    from dgljoint.evaluation.scores import EarlyDetection, Scores
    from dgljoint.runs.summary import StudySummary
    from dgljoint.training.run import Plan
    from dgljoint.training.scoring import Transfer

    PathLike = str | os.PathLike[str]
    Data = PathLike | CascadeStore
    Names = str | Sequence[str]
    Numbers = int | str | Iterable[int] | None
    Settings = Mapping[str, Mapping[str, Any]]
    Merge = Names | Mapping[str, Sequence[str]]
    AnyRun = Run | engine.RunResult | PathLike


def train(
    data: Data | None = None, *, plugins: Names = (), encoder: str | None = None,
    preset: PathLike | None = None, config: PathLike | None = None, features: Names = (),
    labels: Names = (), merge: Merge = (), split: str | None = None, fold: int | None = None,
    seed: int | None = None, epochs: int | None = None, batch_posts: int | None = None,
    precision: str | None = None, tasks: str | None = None, init_from: str | None = None,
    options: Settings | None = None, out: PathLike | None = None, resume: bool = False,
    force: bool = False, callbacks: Callback | Iterable[Callback] = (),
    device: str = "auto", verbose: bool = False,
) -> engine.RunResult:
    """Train both tasks together; see ``dgljoint train``.

    Args:
        data: cascade file of ``dgljoint preprocess`` or ``dgljoint_data.demo_store()``; not needed
            where ``config`` names the file, or with ``resume``.
        plugins: interactions, applied in this order, and at most one loss weighter.
        encoder: name of the shared encoder.
        preset: name or TOML file of settings; every other argument overrides it.
        config: TOML file of settings; ``config.toml`` of a run folder repeats that run.
        features: names of the features of the data to use; all by default.
        labels: classes of the run, after ``merge``: cascades of others are left out. All by
            default.
        merge: classes that are joined under a new name: ``{"rumor": ["true", "false"]}``, or
            ``"rumor=true+false"``.
        split: name of a split of the data; ``"event"`` by default.
        fold: number of the fold that is the test set; 0 by default.
        seed: of everything random; 0 by default.
        epochs: most epochs; like the next three a setting of the section ``train``.
        batch_posts: most posts per step, which bound its memory.
        precision: ``"32"`` or ``"bf16"``.
        init_from: run whose parameters the model starts from, where shapes are the same.
        tasks: ``"both"``, ``"cascade"`` or ``"rumor"``.
        options: settings by section (``model``, ``train``, ``cascade``, ``features``) or by
            component: ``{"train": {"batch": 64}, "contrastive": {"temperature": 0.2}}``.
        out: the run folder; by default a folder named after the run under ``runs/``.
        resume: continue the interrupted run in ``out`` with its own settings.
        force: replace what the run folder contains.
        callbacks: a :class:`dgljoint.Callback` or several, which may stop the run.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"`` for CUDA where torch finds it.
        verbose: write a line per epoch to stderr.

    Raises:
        UsageError: a name, option, path or folder is wrong.
        DataError: the data or the checkpoint cannot be used.
        PluginError: a plugin failed.
        DivergedError: a loss or a gradient is not finite; the checkpoints are kept.
        InterruptedRunError: Ctrl-C, or a callback in the first epoch; ``resume`` continues it.
        RunFailedError: the file system refuses.

    >>> dgljoint.train("twitter15.h5", plugins="contrastive", epochs=20)  # doctest: +SKIP
    """
    folder, watching = _optional(out, "out", "the run folder"), _callbacks(callbacks)
    given: dict[str, Any] = {
        "data": data, "plugins": plugins, "encoder": encoder, "preset": preset,
        "features": features, "labels": labels, "merge": merge, "split": split, "fold": fold,
        "seed": seed, "epochs": epochs, "batch_posts": batch_posts, "precision": precision,
        "tasks": tasks, "init_from": init_from, "options": options,
    }
    if resume:
        folder = resumed_folder(folder, force=force)
        needed = all(v is None or (isinstance(v, Sized) and not len(v)) for v in given.values())
        config = config or settings_of(folder, needed=needed)
    inputs = resolve_run(configuration_of(config=config, **given))
    return engine.train(
        inputs, folder or default_folder(inputs.config, inputs.store.name), resume=resume,
        force=force, callbacks=(LineProgress(), *watching) if verbose else watching, device=device,
    )


def train_study(  # noqa: D417  # the others are those of train
    data: Data | None = None, *, folds: Numbers = None, seeds: Numbers = None, jobs: int = 1,
    plugins: Names = (), encoder: str | None = None, preset: PathLike | None = None,
    config: PathLike | None = None, features: Names = (), labels: Names = (),
    merge: Merge = (), split: str | None = None, epochs: int | None = None,
    batch_posts: int | None = None, precision: str | None = None, tasks: str | None = None,
    init_from: str | None = None, options: Settings | None = None,
    out: PathLike | None = None, resume: bool = False, force: bool = False,
    device: str = "auto", verbose: bool = False,
) -> StudySummary:
    """Train once for every fold and seed; see ``dgljoint train --folds --seeds``.

    Each run has a process and a folder of its own; one that fails stops no other. Arguments that
    are not listed here are those of :func:`train`.

    Args:
        folds: the folds that are tested, one per run: a number, several, or a text such as
            ``"0-3"``; ``"all"``, which the split offers, by default.
        seeds: one per run, in the same forms; 0 by default.
        jobs: runs at a time.
        out: folder of the run folders; by default a folder named after the runs under ``runs/``.
        resume: continue the interrupted study in ``out`` with its own settings, folds and seeds.
        force: start over where runs are.
        verbose: write a line to stderr when a run starts and when it ends.

    Returns:
        The scores of every run, and their mean and spread over the runs. Where runs failed,
        ``error()`` of it is what the command would end with.

    Raises:
        DgljointError: as :func:`train` would before it trains.
        InterruptedRunError: Ctrl-C; everything is saved for ``resume``.
        RunFailedError: the file system refuses, or the study is being trained already.
    """
    folder = _optional(out, "out", "the folder of the runs")
    tested, drawn = numbers(folds, "folds", "all"), numbers(seeds, "seeds")
    if not isinstance(jobs, int) or jobs < 1:
        raise UsageError(f"jobs is {jobs!r}, expected a number of runs at a time, 1 or more")
    if resume:
        folder = resumed_folder(folder, force=force)
        if study.is_study(folder):
            before = study.folds_and_seeds(folder)
            # all folds that the split offers are asked for by name
            tested = before[0] if folds is None else tested
            drawn = drawn or before[1]
        config = config or settings_of(folder, several=True)
    resolved = configuration_of(
        data=data, plugins=plugins, encoder=encoder, preset=preset, config=config,
        features=features, labels=labels, merge=merge, split=split, epochs=epochs,
        batch_posts=batch_posts, precision=precision, tasks=tasks, init_from=init_from,
        options=options,
    )
    planned = study.plan_study(resolved, folder, folds=tested, seeds=drawn or (0,), device=device)
    progress = LineRunsProgress() if verbose else RunsProgress()
    return study.train_study(planned, jobs=jobs, progress=progress, resume=resume, force=force)


def plan(
    data: Data | None = None, *, plugins: Names = (), encoder: str | None = None,
    preset: PathLike | None = None, config: PathLike | None = None, features: Names = (),
    labels: Names = (), merge: Merge = (), split: str | None = None, fold: int | None = None,
    seed: int | None = None, epochs: int | None = None, batch_posts: int | None = None,
    precision: str | None = None, tasks: str | None = None, init_from: str | None = None,
    options: Settings | None = None,
) -> Plan:
    """Work out what :func:`train` would do, and write nothing; see ``dgljoint train --dry-run``.

    The arguments are those of :func:`train`.

    Raises:
        DgljointError: as :func:`train` would.
    """
    resolved = configuration_of(
        data=data, plugins=plugins, encoder=encoder, preset=preset, config=config,
        features=features, labels=labels, merge=merge, split=split, fold=fold, seed=seed,
        epochs=epochs, batch_posts=batch_posts, precision=precision, tasks=tasks,
        init_from=init_from, options=options,
    )
    return plan_run(resolve_run(resolved))


def evaluate(
    run: AnyRun, part: str = "test", *, device: str = "auto", verbose: bool = False
) -> Scores:
    """Score the selected epoch of a run again; see ``dgljoint evaluate``.

    Args:
        run: a run, what :func:`train` returned, or a run folder.
        part: ``"test"`` or ``"validation"``.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        verbose: write to stderr what is done and how long it took.

    Raises:
        UsageError: ``part`` is neither.
        DataError: the folder, its data or its checkpoint cannot be used.
        PluginError: a plugin failed.
    """
    folder = _folder(run)
    with timed_line(verbose, f"scoring the {part} set of {folder}"):
        return scoring.evaluate_run(folder, part=part, device=device)


def evaluate_early(  # noqa: D417
    run: AnyRun, deadlines: Names, part: str = "test", *, device: str = "auto",
    verbose: bool = False,
) -> EarlyDetection:
    """Score a run on what was visible by each deadline; see ``dgljoint evaluate --deadlines``.

    Arguments that are not listed here are those of :func:`evaluate`.

    Args:
        deadlines: ``"0,10m,1h,all"``, or a list of such.

    Raises:
        UsageError: a deadline cannot be read, ``part`` is neither, the run did not train the rumor
            task, or there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used, or nothing has a label.
        PluginError: a plugin failed.
    """
    folder, asked = _folder(run), ",".join(names(deadlines, "deadlines"))
    with timed_line(verbose, f"scoring the {part} set of {folder} by {asked}"):
        return scoring.evaluate_early(
            folder, part=part, deadlines=parse_deadlines(asked), device=device
        )


def evaluate_transfer(  # noqa: D417
    run: AnyRun, on: Data, *, device: str = "auto", verbose: bool = False
) -> Transfer[Scores]:
    """Score a run on another cascade file; see ``dgljoint evaluate --on``.

    Arguments that are not listed here are those of :func:`evaluate`.

    Args:
        on: the file. Those of its cascades that the run's own data contain are left out.

    Raises:
        UsageError: there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used; or ``on`` is the run's own
            data, lacks a feature, has a class that the run does not know, or nothing is left.
        PluginError: a plugin failed.
    """
    folder, other = _folder(run), path_of(on, "on", CASCADE_FILE)
    with timed_line(verbose, f"scoring {other} by {folder}"):
        return scoring.evaluate_transfer(folder, other, device=device)


def evaluate_transfer_early(  # noqa: D417
    run: AnyRun, on: Data, deadlines: Names, *, device: str = "auto", verbose: bool = False
) -> Transfer[EarlyDetection]:
    """Score a run on another file by each deadline; see ``dgljoint evaluate --on --deadlines``.

    Arguments that are not listed here are those of :func:`evaluate`.

    Args:
        on: as for :func:`evaluate_transfer`.
        deadlines: as for :func:`evaluate_early`.

    Raises:
        DgljointError: as :func:`evaluate_transfer` and :func:`evaluate_early` would.
    """
    folder, other = _folder(run), path_of(on, "on", CASCADE_FILE)
    asked = ",".join(names(deadlines, "deadlines"))
    with timed_line(verbose, f"scoring {other} by {folder} by {asked}"):
        return scoring.evaluate_transfer_early(
            folder, other, deadlines=parse_deadlines(asked), device=device
        )


def load_run(path: AnyRun, *, device: str = "auto") -> Run:
    """Open a run folder.

    Args:
        path: of it, or what :func:`train` returned.
        device: where its model computes: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Raises:
        DataError: it is no run folder; the hint names runs near it.
    """
    return Run(_folder(path), device)


def load_runs(path: PathLike, *, device: str = "auto") -> Runs:
    """Open the finished runs below a folder, such as :func:`train_study` makes.

    Args:
        path: of the folder.
        device: where their models compute: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Raises:
        UsageError: the runs are not of the same tasks, classes, features and data.
        DataError: there are none, or one cannot be read.
    """
    return Runs(path_of(path, "path", "a folder of runs"), device)


def _folder(run: object) -> Path:
    place = run.folder if isinstance(run, engine.RunResult) else run
    return path_of(place, "run", "a run folder")


def _optional(value: PathLike | None, argument: str, what: str) -> Path | None:
    return None if value is None else path_of(value, argument, what)


def _callbacks(callbacks: object) -> tuple[Callback, ...]:
    found = [callbacks] if isinstance(callbacks, Callback) else callbacks
    several = list(found) if isinstance(found, Iterable) else [found]
    known = tuple(one for one in several if isinstance(one, Callback))
    if len(known) < len(several):
        raise UsageError(
            f"callbacks is {callbacks!r}, expected a dgljoint.Callback or several",
            hint="give instances of a subclass: callbacks=[Mine()]",
        )
    return known
