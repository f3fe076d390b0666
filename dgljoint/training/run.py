"""A whole run: from a configuration to a run folder and its test metrics; or its plan alone."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from dgljoint._internal.files import locked
from dgljoint._internal.tables import Sheet, Shown, TextTable, facts, figure
from dgljoint.config.run_config import SECTIONS
from dgljoint.errors import DgljointError, InterruptedRunError
from dgljoint.evaluation import scores
from dgljoint.evaluation.scores import Scores
from dgljoint.evaluation.verdicts import (
    MAJORITY,
    link_verdicts,
    rumor_baseline,
    rumor_verdicts,
    verdict_line,
)
from dgljoint.reporting.write import write_reports
from dgljoint.training.callbacks import Callback, Callbacks, EpochRecord, StopRequest
from dgljoint.training.checkpoint import fitting
from dgljoint.training.folder import RunFeatures, RunFolder
from dgljoint.training.initial import initial_state, start_from
from dgljoint.training.inputs import RunInputs
from dgljoint.training.parts import TEST, VALIDATION, parts_csv
from dgljoint.training.processes import Processes, find_device, joined, started
from dgljoint.training.scoring import assess_parts, assess_test, predictions_table
from dgljoint.training.setup import Setup, loss_names, put_in, refuse_changes, set_up
from dgljoint.training.trainable import idle_interactions
from dgljoint.training.trainer import Trainer, training_batches

PREPARING = "preparing: reading data, fitting features"
SCORING = "scoring: validation and test set"
"""The phases before and after the epochs."""
# The key of a saved state under which is what was read.
_SEEN = "seen"


@dataclass(frozen=True, slots=True, repr=False)
class RunResult(Shown):
    """The result of a run: its folder, and metrics of the selected epoch (from 1) on both sets.

    The test set was read once; ``notes`` are what the data did not allow to train.
    """

    folder: Path
    best_epoch: int
    validation: Scores
    test: Scores
    notes: tuple[str, ...] = ()

    def _sheet(self) -> Sheet:
        """Show both sets that a run is scored on, and the baselines of the test set."""
        test = self.test
        rows = {
            f"model, {one.part} set": scores.figures_of(one.to_dict())
            for one in (self.validation, test)
        }
        notes = ["the trivial baselines are those of the test set", *self.notes]
        if test.rumor is not None:
            rows[MAJORITY] = rumor_baseline(test.rumor)
            notes.append(verdict_line(rumor_verdicts(test.rumor)))
        if (links := test.links.get(scores.ALL)) is not None:
            guesses = {name: row for name, row in links.rows.items() if name != scores.MODEL}
            rows |= {f"parent: {name}": asdict(row) for name, row in guesses.items()}
            notes.append(verdict_line(link_verdicts(links)))
        rows |= scores.best_rows(test)
        columns = ("accuracy", "macro_f1", scores.MATCHED, "mrr", "hits1")
        cells = ((name, *(figure(of.get(one)) for one in columns)) for name, of in rows.items())
        table = TextTable(("", *(scores.TITLES[one] for one in columns)), tuple(cells))
        title = f"Run {self.folder}: epoch {self.best_epoch}, chosen on the validation set"
        return Sheet(title, (table,), tuple(filter(None, notes)))


def train(
    inputs: RunInputs, out: Path, *, callbacks: Iterable[Callback] = (), resume: bool = False,
    force: bool = False, device: str = "auto",
) -> RunResult:
    """Train, select on the validation set, score the test set once; see :func:`dgljoint.train`.

    ``inputs`` is what :func:`~dgljoint.training.inputs.resolve_run` returns. ``resume`` continues
    the run in ``out``, whose configuration must be the same; without a saved state it begins. Where
    ``torchrun`` started several processes, they divide the batches among them; the first writes and
    calls the callbacks. Ctrl-C or SIGTERM ends the run after the current step, where everything is
    saved; at once at the second, and before and after the steps.
    """
    folder = RunFolder(out)
    try:
        with StopRequest() as stop:
            return _train(inputs, folder, callbacks, stop, resume, force, device)
    except KeyboardInterrupt:
        saved = "what came after it was last saved is lost" if folder.started else "nothing began"
        again = folder.resume_command if folder.started else "the same command"
        raise InterruptedRunError(f"interrupted: {saved}", hint=f"continue with: {again}") from None


def _train(
    inputs: RunInputs, folder: RunFolder, callbacks: Iterable[Callback], stop: StopRequest,
    resume: bool, force: bool, device: str,
) -> RunResult:
    place = find_device(device, started().local_rank)
    with joined(place) as processes, ExitStack() as held:
        watchers = Callbacks(callbacks if processes.first else ())
        watchers.phase(PREPARING)
        setup = set_up(inputs, place, processes)
        config = setup.config
        folder = RunFolder(processes.from_first(lambda: folder.path))
        trainer = Trainer(
            config, setup.store, setup.features, setup.parts, setup.model, setup.weighter,
            setup.evaluator, watchers, processes,
        )
        initial = None
        if (start := config.train.init_from) and not (resume and folder.has_state):
            initial = processes.from_first(lambda: initial_state(Path(start), setup))
        state = processes.from_first(
            lambda: _take(folder, setup, watchers, held, resume=resume, force=force)
        )
        if state is not None:
            with fitting(folder.path):
                trainer.restore(state)
                setup.witness.restore(state[_SEEN])
        elif initial is not None:
            start_from(initial[0], setup, Path(start))
            watchers.message(initial[1])
        processes.from_first(lambda: _save_features(folder, setup))
        for note in setup.notes:
            watchers.message(note)
        watchers.start(config.train.epochs, trainer.batches.steps(0), trainer.position.epoch)
        _train_epochs(trainer, setup, folder, watchers, processes, stop)
        watchers.phase(SCORING)
        result = _score(setup, folder, processes)
        processes.from_first(lambda: _report(folder, watchers))
        watchers.end(result)
    return result


def _take(
    folder: RunFolder, setup: Setup, watchers: Callbacks, held: ExitStack, *, resume: bool,
    force: bool,
) -> dict[str, Any] | None:
    """Lock the run's folder; return the state to resume from, ``None`` to begin."""
    resumed = resume and folder.started
    if not (resumed or force):
        folder.refuse_others()
    held.enter_context(locked(folder.path))
    if not (resumed or force):
        folder.refuse_others()  # the last holder may have left a run
    folder.remove_leftovers()
    state = _saved_state(folder, setup, watchers) if resumed else None
    if state is None:
        folder.create(
            setup.config, setup.selection, setup.store, setup.split, setup.part_sizes,
            parameters=setup.parameters,
            trained={
                "tasks": setup.config.train.task_names, "classes": setup.trained_classes,
                "notes": setup.notes,
            },
        )
    return state


def _save_features(folder: RunFolder, setup: Setup) -> None:
    """Write what the model needs to read any data, and to recognise its own sets in them."""
    names, trained = setup.store.label_names, setup.trained_classes
    folder.save_features(RunFeatures(setup.features.state(), names, trained))
    folder.save_parts(parts_csv(setup.store, setup.all_parts))


def _saved_state(folder: RunFolder, setup: Setup, watchers: Callbacks) -> dict[str, Any] | None:
    """Read the state of an interrupted run, if any, and drop what was written after it.

    The selected model is read, too: it must not be missing when the run has ended.
    """
    refuse_changes(folder.config(), setup.config, folder.path)
    if not folder.has_state:
        watchers.message(f"{folder.path} has no saved state: its run begins again")
        return None
    folder.check_data(setup.store, setup.split)
    if changed := folder.changed_versions(setup.selection):
        watchers.message(
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


def _train_epochs(
    trainer: Trainer, setup: Setup, folder: RunFolder, callbacks: Callbacks,
    processes: Processes, stop: StopRequest,
) -> None:
    saved, save_minutes = time.monotonic(), setup.config.train.save_minutes

    def pause() -> bool:
        late = time.monotonic() - saved >= 60 * save_minutes
        return stop.asked or callbacks.stop_asked or late

    def save(record: EpochRecord | None, seen: Tensor) -> None:
        if record is not None:
            folder.append(record)
            if record.best:
                folder.save_best(trainer.model.state_dict(), record.epoch)
            callbacks.epoch(record)
        folder.save_last({**trainer.state(), _SEEN: seen})

    with stop.between_steps():
        while not trainer.finished and not processes.any(callbacks.stop_asked):
            record = trainer.train_epoch(pause)
            processes.from_first(partial(save, record, setup.witness.state(processes)))
            saved = time.monotonic()
            if processes.any(stop.asked):
                raise _interrupted("interrupted", trainer, folder)
    if not trainer.position.best_epoch:
        # Also where a callback allowed no step at all.
        processes.from_first(partial(save, None, setup.witness.state(processes)))
        raise _interrupted("stopped by a callback", trainer, folder)


def _interrupted(what: str, trainer: Trainer, folder: RunFolder) -> InterruptedRunError:
    position = trainer.position
    between = position.epoch and not position.step
    where = f"after epoch {position.epoch}" if between else f"in epoch {position.epoch + 1}"
    return InterruptedRunError(
        f"{what} {where}; everything is saved", hint=f"continue with: {folder.resume_command}"
    )


def _score(setup: Setup, folder: RunFolder, processes: Processes) -> RunResult:
    best = processes.from_first(folder.load_best)
    put_in(setup.model, best, folder)
    with fitting(folder.path):
        epoch = int(best["epoch"])
    assessed = assess_parts(setup, VALIDATION)
    seen = setup.witness.seen(processes, setup.all_parts[TEST])
    assessed[TEST] = assess_test(setup, assessed[VALIDATION])
    validation, test = assessed[VALIDATION].scores, assessed[TEST].scores

    def save() -> None:
        folder.record_seen(seen, idle_interactions(setup.model, folder.records()))
        folder.save_predictions(predictions_table(setup, assessed))
        folder.save_scores((validation, test))

    processes.from_first(save)
    return RunResult(folder.path, epoch, validation, test, setup.notes)


def _report(folder: RunFolder, callbacks: Callbacks) -> None:
    """Write the run's report; its scores are safe, and it can be written again."""
    try:
        write_reports(folder.path)
    except DgljointError as error:
        callbacks.message(
            f"no report was written: {error.message}; write it with: dgljoint runs report "
            f"{folder.path}"
        )


@dataclass(frozen=True, slots=True)
class PlannedComponent:
    """A component of the run, with its resolved options."""

    kind: str
    name: str
    summary: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Shown):
    """The resolved run."""

    data: dict[str, Any]  # name, path, cascades, posts, features and labels of the data set
    split: dict[str, Any]  # its name, the fold, ``grouped_by``, ``ordered_by`` and its digest
    # cascades in ``train``, ``meta`` (0 unless a weighter needs it), ``validation`` and ``test``
    parts: dict[str, int]
    components: tuple[PlannedComponent, ...]  # encoder, interactions in order, loss weighter
    losses: tuple[str, ...]  # names, tasks first
    parameters: int  # trainable parameters of the model
    steps: int  # optimizer steps of the first epoch; of each, unless posts bound a batch
    settings: dict[str, dict[str, Any]]  # the engine's own option sections, by name
    notes: tuple[str, ...]  # what the data do not allow to train, in words

    def _sheet(self) -> Sheet:
        parts = ", ".join(f"{name} {size:,}" for name, size in self.parts.items())
        components = (f"{one.kind} {one.name}" for one in self.components)
        table = facts(
            data=self.data.get("name"),
            split=f"{self.split.get('name')}, fold {self.split.get('fold')}",
            cascades=parts, components=", ".join(components), losses=", ".join(self.losses),
            parameters=f"{self.parameters:,}", steps_per_epoch=f"{self.steps:,}",
        )
        return Sheet("Plan of a run; nothing is written", (table,), tuple(self.notes))


def plan_run(inputs: RunInputs) -> Plan:
    """Work out what :func:`train` would do, and write nothing."""
    setup = set_up(inputs, find_device("cpu"))
    store, config = setup.store, setup.config
    return Plan(
        data={
            "name": store.name, "path": str(store.path), "cascades": len(store),
            "posts": store.posts, "labels": list(store.label_names),
            "features": {**setup.features.sparse, **setup.features.dense},
        },
        split={
            "name": setup.split.name, "fold": config.fold, "grouped_by": setup.split.grouped_by,
            "ordered_by": setup.split.ordered_by, "digest": setup.split.digest,
        },
        parts=setup.part_sizes,
        components=tuple(
            PlannedComponent(
                kind=component.spec.kind, name=component.spec.name, summary=component.spec.summary,
                options=component.options.model_dump(mode="json"),
            )
            for component in setup.selection.components
        ),
        losses=loss_names(config, setup.model), parameters=setup.parameters,
        steps=training_batches(store, setup.parts, config).steps(0),
        settings={
            section: getattr(setup.config, section).model_dump(mode="json") for section in SECTIONS
        },
        notes=setup.notes,
    )
