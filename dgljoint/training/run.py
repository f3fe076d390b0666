"""A whole run: from a configuration to a run folder and its test figures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dgljoint.config import SECTIONS, RunConfig, flat
from dgljoint.errors import DgljointError, InterruptedRunError, UsageError
from dgljoint.evaluation.assessment import Assessed, assess
from dgljoint.evaluation.evaluate import Evaluator
from dgljoint.evaluation.listing import predictions_csv
from dgljoint.evaluation.scores import Scores
from dgljoint.files import write_text
from dgljoint.nn.features import FeatureSpace, choose_features
from dgljoint.nn.hosted import Hosted
from dgljoint.nn.model import JointModel
from dgljoint.nn.protocols import LossWeighter
from dgljoint.plugins.registry import Registry
from dgljoint.plugins.selection import Selection, select
from dgljoint.processes import ALONE, Processes, joined, started
from dgljoint.reporting import write_reports
from dgljoint.store import CascadeStore, StoredSplit
from dgljoint.suggest import did_you_mean
from dgljoint.training.build import build_model, build_weighter, count_parameters, loss_names
from dgljoint.training.callbacks import Callback, Callbacks
from dgljoint.training.devices import find_device
from dgljoint.training.folder import RunFolder
from dgljoint.training.interruption import StopRequest
from dgljoint.training.lock import locked
from dgljoint.training.parts import TrainingParts, part_under_test, training_parts
from dgljoint.training.plan import Plan, PlannedComponent
from dgljoint.training.record import EpochRecord
from dgljoint.training.restoring import fitting, load_model
from dgljoint.training.trainer import Trainer, training_batches

# What a run comes to does not hang on these settings.
_HARMLESS = ("train.save_minutes",)
VALIDATION = "validation"
TEST = "test"


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes:
        folder: the run folder.
        best_epoch: the selected epoch, from 1.
        validation: figures of the selected epoch on the validation part.
        test: figures of the selected epoch on the test part, read once.
    """

    folder: Path
    best_epoch: int
    validation: Scores
    test: Scores


@dataclass(frozen=True, slots=True, eq=False)
class _Setup:
    """What a run is made of; see :func:`_set_up`."""

    config: RunConfig
    selection: Selection
    store: CascadeStore
    split: StoredSplit
    parts: TrainingParts
    features: FeatureSpace
    model: JointModel
    weighter: Hosted[LossWeighter]
    evaluator: Evaluator


def _set_up(
    config: RunConfig, registry: Registry, device: torch.device, processes: Processes = ALONE
) -> _Setup:
    """Build everything a run is made of from its configuration and the data."""
    if not config.data:
        raise UsageError("no cascade file is named")
    torch.set_num_threads(config.train.threads)
    selection = select(registry, config)
    store = CascadeStore(Path(config.data))
    split = store.split(config.split)
    parts = training_parts(
        store,
        split,
        config.fold,
        seed=config.seed,
        meta=selection.weighter.spec.needs_meta_split,
    )
    features = FeatureSpace.fit(store, parts.train, config.features)
    classes = len(store.label_names)
    model = build_model(config, selection, features, classes)
    weighter = build_weighter(config, selection, model, classes)
    model.to(device)
    weighter.module.to(device)
    label = store.label[parts.train]
    majority = int(np.bincount(label[label >= 0], minlength=classes).argmax())
    return _Setup(
        config=with_all_options(config, selection, store),
        selection=selection,
        store=store,
        split=split,
        parts=parts,
        features=features,
        model=model,
        weighter=weighter,
        evaluator=Evaluator(
            store, features, config.cascade, majority, config.train.task_names, processes
        ),
    )


def plan_run(config: RunConfig, *, registry: Registry) -> Plan:
    """Work out what :func:`train` would do, and write nothing.

    Raises:
        DgljointError: as :func:`train` would.
    """
    setup = _set_up(config, registry, find_device("cpu"))
    store = setup.store
    return Plan(
        data={
            "name": store.name,
            "path": str(store.path),
            "cascades": len(store),
            "posts": store.posts,
            "labels": list(store.label_names),
            "features": {**setup.features.sparse, **setup.features.dense},
        },
        split={
            "name": setup.split.name,
            "fold": config.fold,
            "grouped_by": setup.split.grouped_by,
            "ordered_by": setup.split.ordered_by,
            "digest": setup.split.digest,
        },
        parts=_part_sizes(setup),
        components=tuple(
            PlannedComponent(
                kind=component.spec.kind,
                name=component.spec.name,
                summary=component.spec.summary,
                options=component.options.model_dump(mode="json"),
            )
            for component in setup.selection.components
        ),
        losses=loss_names(config, setup.model),
        parameters=count_parameters(setup.model),
        steps=training_batches(store, setup.parts, config).steps(0),
        settings={
            section: getattr(setup.config, section).model_dump(mode="json") for section in SECTIONS
        },
    )


def _part_sizes(setup: _Setup) -> dict[str, int]:
    parts = setup.parts
    return {
        "train": len(parts.train),
        "meta": len(parts.meta),
        "validation": len(parts.validation),
        "test": len(part_under_test(setup.split, setup.config.fold)),
    }


def train(
    config: RunConfig,
    out: Path,
    *,
    registry: Registry,
    callbacks: Iterable[Callback] = (),
    resume: bool = False,
    force: bool = False,
    device: str = "auto",
) -> RunResult:
    """Train, select on the validation part, score the test part once.

    Args:
        config: of the run.
        out: the run folder.
        registry: where components are found.
        callbacks: are told what happens, and may stop the run.
        resume: go on with the run in ``out``, whose configuration must be ``config``; begin where
            it holds no state yet.
        force: start over in a folder that is not empty.
        device: ``cpu``, ``cuda`` or ``auto``.

    Where ``torchrun`` started several processes, they divide the batches among them; the first
    writes and tells the callbacks.

    Raises:
        UsageError: a name, option or folder is wrong.
        DataError: the data or the checkpoint cannot be used.
        PluginError: a plugin failed.
        DivergedError: a loss or a gradient is not finite; the checkpoints stand.
        InterruptedRunError: Ctrl-C or SIGTERM: after the step under way, where everything is saved
            for ``resume``; at once at the second, and before and after the steps. Or a callback
            before the first epoch ended.
        RunFailedError: the file system refuses, or another process is at work in ``out``.
    """
    folder = RunFolder(out)
    try:
        with StopRequest() as stop:
            return _train(config, folder, registry, callbacks, stop, resume, force, device)
    except KeyboardInterrupt:
        saved = "what came after it was last saved is lost" if folder.started else "nothing began"
        again = folder.resume_command if folder.started else "the same command"
        raise InterruptedRunError(f"interrupted: {saved}", hint=f"go on with: {again}") from None


def _train(
    config: RunConfig, folder: RunFolder, registry: Registry, callbacks: Iterable[Callback],
    stop: StopRequest, resume: bool, force: bool, device: str,
) -> RunResult:
    place = find_device(device, started().local_rank)
    with joined(place.type) as processes, ExitStack() as held:
        setup = _set_up(config, registry, place, processes)
        folder = RunFolder(processes.from_first(lambda: folder.path))
        told = Callbacks(callbacks if processes.first else ())
        trainer = Trainer(
            config,
            setup.store,
            setup.features,
            setup.parts,
            setup.model,
            setup.weighter,
            setup.evaluator,
            told,
            processes,
        )
        state = processes.from_first(
            lambda: _take(folder, setup, told, held, resume=resume, force=force)
        )
        if state is not None:
            with fitting(folder.path):
                trainer.restore(state)
        processes.from_first(
            lambda: folder.save_features(setup.features.state(), setup.store.label_names)
        )
        told.start(config.train.epochs, trainer.batches.steps(0), trainer.position.epoch)
        _train_epochs(trainer, folder, told, processes, stop, config.train.save_minutes)
        result = _score(setup, folder, processes)
        processes.from_first(lambda: _report(folder, told))
        told.end(result)
    return result


def _take(
    folder: RunFolder, setup: _Setup, told: Callbacks, held: ExitStack, *, resume: bool,
    force: bool,
) -> dict[str, Any] | None:
    """Take hold of the run's folder; return the state to go on from, ``None`` to begin."""
    go_on = resume and folder.started
    if not (go_on or force):
        folder.refuse_others()
    held.enter_context(locked(folder.path))
    if not (go_on or force):
        folder.refuse_others()  # who held it until now may have left a run
    folder.remove_leftovers()
    state = _state_to_go_on(folder, setup, told) if go_on else None
    if state is None:
        folder.create(
            setup.config, setup.selection, setup.store, setup.split, _part_sizes(setup),
            parameters=count_parameters(setup.model),
        )
    return state


def _state_to_go_on(
    folder: RunFolder, setup: _Setup, told: Callbacks
) -> dict[str, Any] | None:
    """Read the state of an interrupted run, and drop what came after it; ``None``: there is none.

    The selected model is looked at, too: it must not be found missing when the run has ended.
    """
    refuse_changes(folder.config(), setup.config, folder.path)
    if not folder.has_state:
        told.message(f"{folder.path} holds no saved state: its run begins again")
        return None
    folder.check_data(setup.store, setup.split)
    if changed := folder.changed_versions(setup.selection):
        told.message(
            f"{folder.path} was begun with other versions: {'; '.join(changed)}. What follows may "
            "differ from the run that was not interrupted"
        )
    state = folder.load_last()
    with fitting(folder.path):
        position = state["position"]
        epochs, selected = int(position["epoch"]), int(position["best_epoch"])
    if selected:
        put_in(setup.model, folder.load_best(), folder)
    folder.keep_epochs(epochs)
    return state


def evaluate_run(
    folder: Path, *, registry: Registry, part: str, predictions: Path | None = None,
    device: str = "auto",
) -> Scores:
    """Score the selected epoch of a finished or running run.

    Args:
        folder: a run folder.
        registry: where components are found.
        part: ``test`` or ``validation``.
        predictions: CSV file to write, a line a cascade.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: ``part`` is neither, or there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used.
        PluginError: a plugin failed.
        RunFailedError: the file system refuses.
    """
    check_part(part)
    setup = selected(folder, registry, device)
    assessed = _assess(setup, part)[part]
    if predictions is not None:
        write_text(predictions, _table(setup, {part: assessed}))
    return assessed.scores


def selected(folder: Path, registry: Registry, device: str) -> _Setup:
    """Build a run with its selected model in it.

    Raises:
        UsageError: there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used.
        PluginError: a plugin failed.
    """
    run = RunFolder(folder)
    setup = _set_up(run.config(), registry, find_device(device))
    run.check_data(setup.store, setup.split)
    put_in(setup.model, run.load_best(), run)
    return setup


def _train_epochs(
    trainer: Trainer, folder: RunFolder, callbacks: Callbacks, processes: Processes,
    stop: StopRequest, save_minutes: float,
) -> None:
    saved = time.monotonic()

    def pause() -> bool:
        late = time.monotonic() - saved >= 60 * save_minutes
        return stop.asked or callbacks.stop_asked or late

    def save(record: EpochRecord | None) -> None:
        if record is not None:
            folder.append(record)
            if record.best:
                folder.save_best(trainer.model.state_dict(), record.epoch)
            callbacks.epoch(record)
        folder.save_last(trainer.state())

    with stop.between_steps():
        while not trainer.finished and not processes.any(callbacks.stop_asked):
            record = trainer.train_epoch(pause)
            processes.from_first(partial(save, record))
            saved = time.monotonic()
            if processes.any(stop.asked):
                raise _interrupted("interrupted", trainer, folder)
    if not trainer.position.best_epoch:
        # Also where a callback allowed not a single step.
        processes.from_first(lambda: folder.save_last(trainer.state()))
        raise _interrupted("stopped by a callback", trainer, folder)


def _interrupted(what: str, trainer: Trainer, folder: RunFolder) -> InterruptedRunError:
    position = trainer.position
    between = position.epoch and not position.step
    where = f"after epoch {position.epoch}" if between else f"in epoch {position.epoch + 1}"
    return InterruptedRunError(
        f"{what} {where}; everything is saved", hint=f"go on with: {folder.resume_command}"
    )


def _score(setup: _Setup, folder: RunFolder, processes: Processes) -> RunResult:
    best = processes.from_first(folder.load_best)
    put_in(setup.model, best, folder)
    with fitting(folder.path):
        epoch = int(best["epoch"])
    assessed = _assess(setup, VALIDATION, TEST)
    validation, test = assessed[VALIDATION].scores, assessed[TEST].scores

    def save() -> None:
        folder.save_predictions(_table(setup, assessed))
        folder.save_scores((validation, test))

    processes.from_first(save)
    return RunResult(folder.path, epoch, validation, test)


def _report(folder: RunFolder, callbacks: Callbacks) -> None:
    """Write the run's report; its scores are safe, and it can be written again."""
    try:
        write_reports(folder.path)
    except DgljointError as error:
        callbacks.message(
            f"no report was written: {error.message}; write it with: dgljoint runs report "
            f"{folder.path}"
        )


def put_in(model: JointModel, checkpoint: dict[str, Any], folder: RunFolder) -> None:
    """Give ``model`` the parameters of a checkpoint of a run.

    Raises:
        DataError: they are those of another model.
    """
    with fitting(folder.path):
        load_model(model, checkpoint["model"])


def _assess(setup: _Setup, *parts: str) -> dict[str, Assessed]:
    """Score parts; the validation part is read in any case, for the temperature."""
    validation = assess(setup.evaluator, setup.model, part_indices(setup, VALIDATION), VALIDATION)
    found = {VALIDATION: validation}
    if TEST in parts:
        found[TEST] = assess(
            setup.evaluator, setup.model, part_indices(setup, TEST), TEST, calibrated_on=validation
        )
    return {part: found[part] for part in parts}


def part_indices(setup: _Setup, part: str) -> NDArray[np.int64]:
    """Return the positions in the store of a part's cascades."""
    tested = part == TEST
    return part_under_test(setup.split, setup.config.fold) if tested else setup.parts.validation


def _table(setup: _Setup, assessed: Mapping[str, Assessed]) -> str:
    said = {part: one.predictions for part, one in assessed.items()}
    return predictions_csv(setup.store, said, setup.evaluator.tasks)


def check_part(part: str) -> None:
    """Raise :class:`UsageError` for a part that is not reported on."""
    if part not in (VALIDATION, TEST):
        raise UsageError(f"there is no part '{part}'", hint=did_you_mean(part, (VALIDATION, TEST)))


def with_all_options(
    config: RunConfig, selection: Selection, store: CascadeStore
) -> RunConfig:
    """Write out every option and feature, so that the folder says what was used.

    Raises:
        DgljointError: as :func:`~dgljoint.nn.features.choose_features` would.
    """
    options = {
        component.spec.name: component.options.model_dump(mode="json")
        for component in selection.components
    }
    data = str(Path(config.data).resolve())
    names = tuple(choose_features(store, config.features.use))
    use = config.features.model_copy(update={"use": names})
    return config.model_copy(update={"options": options, "data": data, "features": use})


def refuse_changes(stored: RunConfig, wanted: RunConfig, out: Path) -> None:
    """Raise :class:`UsageError` if a run would go on with another configuration."""
    before, now = flat(stored.model_dump(mode="json")), flat(wanted.model_dump(mode="json"))
    changed = sorted(
        key for key in before | now if before.get(key) != now.get(key) and key not in _HARMLESS
    )
    if changed:
        what = ", ".join(f"{key} {before.get(key)!r} -> {now.get(key)!r}" for key in changed)
        raise UsageError(
            f"{out} was started with another configuration: {what}",
            hint="resume with the same one, or start over in another --out",
        )
