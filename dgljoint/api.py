"""The verbs of the command line as functions: the same settings, the same runs.

Each does what the verb of its name does, by the same means; what the command line takes from
``DGLJOINT_*`` variables is not looked at here, where every setting stands in the call.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgljoint.config import SECTIONS, RunConfig, resolve_config
from dgljoint.errors import UsageError
from dgljoint.evaluation.deadlines import parse_deadlines
from dgljoint.loaded_run import Run
from dgljoint.plugins.registry import installed_registry
from dgljoint.presets import find_preset
from dgljoint.runs.naming import default_folder, resumed_folder, settings_of
from dgljoint.store import CascadeStore
from dgljoint.training import early, study, transfer
from dgljoint.training import run as engine
from dgljoint.training.callbacks import Callback
from dgljoint.training.cells import StudyProgress
from dgljoint.training.plan import plan_run
from dgljoint.training.scoring import evaluate_run

if TYPE_CHECKING:
    from dgljoint.evaluation.scores import EarlyDetection, Scores
    from dgljoint.training.plan import Plan
    from dgljoint.training.study_summary import StudySummary
    from dgljoint.training.transfer import Transfer

    PathLike = str | os.PathLike[str]
    Settings = Mapping[str, Mapping[str, Any]]


def train(
    data: PathLike | None = None,
    *,
    plugins: Sequence[str] = (),
    encoder: str | None = None,
    preset: PathLike | None = None,
    config: PathLike | None = None,
    features: Sequence[str] = (),
    split: str | None = None,
    fold: int | None = None,
    seed: int | None = None,
    options: Settings | None = None,
    out: PathLike | None = None,
    resume: bool = False,
    force: bool = False,
    callbacks: Iterable[Callback] = (),
    device: str = "auto",
) -> engine.RunResult:
    """Train both tasks together; see ``dgljoint train``.

    Args:
        data: file that ``dgljoint preprocess`` wrote; :func:`dgljoint_data.demo_store` makes a
            small one. It may be left out where ``config`` names it, or ``resume`` is given.
        plugins: interactions in this order, and at most one loss weighter.
        encoder: shared encoder.
        preset: name or TOML file of settings to lie under all others.
        config: TOML file of settings; ``config.toml`` of a run folder repeats that run.
        features: those of the data to use; all when empty.
        split: name of a split of the data; ``event`` by default.
        fold: that is the test part; 0 by default.
        seed: of everything random; 0 by default.
        options: by section (``model``, ``train``, ``cascade``, ``features``) or component:
            ``{"train": {"epochs": 5}, "contrastive": {"temperature": 0.2}}``.
        out: run folder; named after the run under ``runs/`` by default.
        resume: go on with the interrupted run in ``out``, by its own settings.
        force: replace what the run folder holds.
        callbacks: are told what happens, and may stop the run.
        device: ``cpu``, ``cuda``, or ``auto`` for CUDA where torch finds it.

    Returns:
        The run folder, the selected epoch, and its figures on the validation and test parts.

    Raises:
        UsageError: a name, option or folder is wrong.
        DataError: the data or the checkpoint cannot be used.
        PluginError: a plugin failed.
        DivergedError: a loss or a gradient is not finite; the checkpoints stand.
        InterruptedRunError: Ctrl-C, or a callback before the first epoch ended; everything is saved
            for ``resume``.
        RunFailedError: the file system refuses.
    """
    folder = Path(out) if out is not None else None
    if resume:
        folder = resumed_folder(folder, force=force)
        given = (data, preset, features, options, plugins, encoder, split, fold, seed)
        needed = all(value in (None, (), {}) for value in given)
        config = config or settings_of(folder, needed=needed)
    resolved = _resolve(
        data, preset, config, features, options,
        plugins=tuple(plugins), encoder=encoder, split=split, fold=fold, seed=seed,
    )
    if folder is None:
        folder = default_folder(resolved, CascadeStore(Path(resolved.data)).name)
    return engine.train(
        resolved, folder, registry=installed_registry(), callbacks=callbacks, resume=resume,
        force=force, device=device,
    )


def train_study(
    data: PathLike | None = None,
    *,
    folds: Sequence[int] | None = None,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    plugins: Sequence[str] = (),
    encoder: str | None = None,
    preset: PathLike | None = None,
    config: PathLike | None = None,
    features: Sequence[str] = (),
    split: str | None = None,
    options: Settings | None = None,
    out: PathLike | None = None,
    resume: bool = False,
    force: bool = False,
    device: str = "auto",
) -> StudySummary:
    """Train once for every fold and seed; see ``dgljoint train --folds --seeds``.

    Each run has a process and a folder of its own; one that fails stops no other.

    Args:
        data: as for :func:`train`, like the others that both have.
        folds: that are tested, one a run; all that the split offers by default.
        seeds: of everything random, one a run; 0 by default.
        jobs: runs at a time.
        plugins: interactions in this order, and at most one loss weighter.
        encoder: shared encoder.
        preset: name or TOML file of settings to lie under all others.
        config: TOML file of settings.
        features: those of the data to use; all when empty.
        split: name of a split of the data; ``event`` by default.
        options: by section or component.
        out: folder of the run folders; named after the runs under ``runs/`` by default.
        resume: go on with the interrupted study in ``out``, by its own settings, folds and seeds.
        force: start over where runs are.
        device: ``cpu``, ``cuda``, or ``auto`` for CUDA where torch finds it.

    Returns:
        What every run came to, and mean and spread of the figures over them. Where runs failed, its
        ``error()`` is what the command would end with.

    Raises:
        UsageError: a name, option or folder is wrong.
        DataError: the data cannot be used, or are not those of the runs that are there.
        PluginError: a plugin cannot be imported.
        InterruptedRunError: Ctrl-C; everything is saved for ``resume``.
        RunFailedError: the file system refuses, or the study is being trained already.
    """
    folder = Path(out) if out is not None else None
    if resume:
        folder = resumed_folder(folder, force=force)
        if study.is_study(folder):
            before = study.folds_and_seeds(folder)
            folds, seeds = folds or before[0], seeds or before[1]
        config = config or settings_of(folder, several=True)
    resolved = _resolve(
        data, preset, config, features, options,
        plugins=tuple(plugins), encoder=encoder, split=split,
    )
    planned = study.plan_study(
        resolved, folder, folds=folds, seeds=seeds or (0,), registry=installed_registry()
    )
    return study.train_study(
        planned, jobs=jobs, progress=StudyProgress(), resume=resume, force=force, device=device
    )


def plan(
    data: PathLike | None = None,
    *,
    plugins: Sequence[str] = (),
    encoder: str | None = None,
    preset: PathLike | None = None,
    config: PathLike | None = None,
    features: Sequence[str] = (),
    split: str | None = None,
    fold: int | None = None,
    seed: int | None = None,
    options: Settings | None = None,
) -> Plan:
    """Work out what :func:`train` would do, and write nothing; see ``dgljoint train --dry-run``.

    Raises:
        DgljointError: as :func:`train` would.
    """
    resolved = _resolve(
        data, preset, config, features, options,
        plugins=tuple(plugins), encoder=encoder, split=split, fold=fold, seed=seed,
    )
    return plan_run(resolved, registry=installed_registry())


def evaluate(run: Run | PathLike, part: str = "test", *, device: str = "auto") -> Scores:
    """Score the selected epoch of a run again; see ``dgljoint evaluate``.

    Args:
        run: or its folder.
        part: ``test`` or ``validation``.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: ``part`` is neither.
        DataError: the folder, its data or its checkpoint cannot be used.
        PluginError: a plugin failed.
    """
    return evaluate_run(
        _folder(run), registry=installed_registry(), part=part, device=device
    )


def evaluate_early(
    run: Run | PathLike, deadlines: str, part: str = "test", *, device: str = "auto"
) -> EarlyDetection:
    """Score a run on what was visible by each deadline; see ``dgljoint evaluate --deadlines``.

    Args:
        run: or its folder.
        deadlines: with commas between them: ``"0,10m,1h,all"``.
        part: ``test`` or ``validation``.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: a deadline cannot be read, ``part`` is neither, the run did not train the rumor
            task, or there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used, or nothing has a label.
        PluginError: a plugin failed.
    """
    return early.evaluate_early(
        _folder(run), registry=installed_registry(), part=part,
        deadlines=parse_deadlines(deadlines), device=device,
    )


def evaluate_transfer(
    run: Run | PathLike, on: PathLike, *, device: str = "auto"
) -> Transfer[Scores]:
    """Score a run on another cascade file; see ``dgljoint evaluate --on``.

    Args:
        run: or its folder.
        on: the file. Those of its cascades that stand in the run's own data are left out.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used; or ``on`` is the run's own
            data, lacks a feature, has a class that the run does not know, or nothing is left.
        PluginError: a plugin failed.
    """
    return transfer.evaluate_transfer(
        _folder(run), Path(on), registry=installed_registry(), device=device
    )


def evaluate_transfer_early(
    run: Run | PathLike, on: PathLike, deadlines: str, *, device: str = "auto"
) -> Transfer[EarlyDetection]:
    """Score a run on another file by each deadline; see ``dgljoint evaluate --on --deadlines``.

    Args:
        run: or its folder.
        on: as for :func:`evaluate_transfer`.
        deadlines: with commas between them: ``"0,10m,1h,all"``.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: a deadline cannot be read, the run did not train the rumor task, or there is no
            such device.
        DataError: as :func:`evaluate_transfer`, or nothing has a label.
        PluginError: a plugin failed.
    """
    return transfer.evaluate_transfer_early(
        _folder(run), Path(on), registry=installed_registry(),
        deadlines=parse_deadlines(deadlines), device=device,
    )


def load_run(path: PathLike, *, device: str = "auto") -> Run:
    """Open a run folder.

    Args:
        path: of it.
        device: where its model is to compute: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        DataError: it is none.
    """
    return Run(Path(path), device)


def _folder(run: Run | PathLike) -> Path:
    return run.path if isinstance(run, Run) else Path(run)


def _resolve(
    data: PathLike | None, preset: PathLike | None, config: PathLike | None,
    features: Sequence[str], options: Settings | None, **fields: Any,
) -> RunConfig:
    given = dict(options or {})
    sections = {name: given.pop(name) for name in SECTIONS if name in given}
    if features:
        sections["features"] = {**sections.get("features", {}), "use": tuple(features)}
    resolved = resolve_config(
        preset=find_preset(os.fspath(preset)) if preset else None,
        file=Path(config) if config else None,
        command_line={
            "data": os.fspath(data) if data else None, **fields, **sections, "options": given
        },
    )
    if not resolved.data:
        raise UsageError(
            "no cascade file is named",
            hint="dgljoint_data.demo_store() makes a small one, `dgljoint preprocess` any other",
        )
    return resolved
