"""Score the selected epoch of a run: on its own sets, by deadlines, or on another cascade file."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.files import write_text
from dgljoint._internal.tables import Sheet, Shown
from dgljoint._internal.text import all_of_one_class, did_you_mean, plural
from dgljoint.data.classes import new_names
from dgljoint.data.observation import Observation
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.assessment import (
    Assessed,
    assess,
    curve_csv,
    detect_early,
    interval_notes,
    intervals,
    judge,
)
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.metrics import PooledPredictions
from dgljoint.evaluation.predicting import predictions_csv
from dgljoint.evaluation.scores import EarlyDetection, Scores
from dgljoint.runs.stored import NOT_APART
from dgljoint.tasks.heads import CASCADE, RUMOR
from dgljoint.training.folder import RunFolder
from dgljoint.training.parts import NEW, TEST, VALIDATION, count_parts, read_parts
from dgljoint.training.setup import Setup, restored_features, selected


def evaluate_run(
    folder: Path, *, part: str, predictions: Path | None = None, device: str = "auto"
) -> Scores:
    """Score a finished or running run; see :func:`dgljoint.evaluate`.

    ``predictions`` is a CSV file to write, one line per cascade.
    """
    setup = _selected(folder, part, device)
    assessed = assess_parts(setup, part)[part]
    if predictions is not None:
        write_text(predictions, predictions_table(setup, {part: assessed}))
    return assessed.scores


def evaluate_together(folders: Sequence[Path], *, device: str = "auto") -> Scores:
    """Score the classes that runs with one test set predict together: their mean probabilities.

    Deep ensembles (Lakshminarayanan et al., 2017, arXiv 1612.01474) of at least one run.
    """
    setups = (_selected(folder, TEST, device) for folder in folders)
    found = []
    for setup in setups:
        if RUMOR not in setup.evaluator.tasks:
            raise UsageError(
                "together runs predict classes, and these did not train the rumor task",
                hint="score them one by one",
            )
        evaluator = replace(setup.evaluator, tasks=(RUMOR,))
        found.append(evaluator.predict(setup.model, setup.all_parts[TEST]))
    probability = np.mean([one.probability for one in found], axis=0)
    with np.errstate(divide="ignore"):  # a class that is never predicted has a logit of -inf
        pooled = replace(found[0], logits=np.log(probability))
    return judge(evaluator, pooled, TEST)


def _selected(folder: Path, part: str, device: str) -> Setup:
    if part not in (VALIDATION, TEST):
        raise UsageError(f"there is no part '{part}'", hint=did_you_mean(part, (VALIDATION, TEST)))
    return selected(folder, device)


def assess_parts(setup: Setup, *parts: str) -> dict[str, Assessed]:
    """Score sets; the validation set is read in any case, for the temperature."""
    validation = assess(setup.evaluator, setup.model, setup.all_parts[VALIDATION], VALIDATION)
    found = {VALIDATION: validation}
    if TEST in parts:
        found[TEST] = assess_test(setup, validation)
    return {part: found[part] for part in parts}


def assess_test(setup: Setup, validation: Assessed) -> Assessed:
    """Score the test set, with the temperature of the validation set."""
    return assess(setup.evaluator, setup.model, setup.all_parts[TEST], TEST, validation)


def predictions_table(setup: Setup, assessed: Mapping[str, Assessed]) -> str:
    """Return the predictions for the cascades of some sets, as CSV."""
    pooled = {part: one.predictions for part, one in assessed.items()}
    return predictions_csv(setup.store, pooled, setup.evaluator.tasks)


def evaluate_early(
    folder: Path, *, part: str, deadlines: Sequence[Observation],
    predictions: Path | None = None, curve: Path | None = None, device: str = "auto",
) -> EarlyDetection:
    """Score a run on what was visible by each deadline; see :func:`dgljoint.evaluate_early`.

    ``predictions`` and ``curve`` are CSV files to write: one line per deadline and cascade, and one
    line per deadline.
    """
    setup = _selected(folder, part, device)
    evaluator = setup.evaluator
    found, pooled = detect_early(evaluator, setup.model, setup.all_parts[part], part, deadlines)
    _write_early(found, pooled, evaluator, part, predictions, curve)
    return found


def _write_early(
    found: EarlyDetection, pooled: Mapping[str, PooledPredictions], evaluator: Evaluator,
    part: str, predictions: Path | None, curve: Path | None,
) -> None:
    if predictions is not None:
        table = predictions_csv(evaluator.store, pooled, evaluator.tasks, by_deadline_of=part)
        write_text(predictions, table)
    if curve is not None:
        write_text(curve, curve_csv(found))


FoundT = TypeVar("FoundT", Scores, EarlyDetection)


@dataclass(frozen=True, slots=True, repr=False)
class Transfer(Shown, Generic[FoundT]):
    """The scores of a run on another cascade file.

    Attributes:
        scores: with the other file as the set ``test``, next to trivial baselines.
        data: name of the other data set.
        trained_on: name of the run's own.
        cascades: number of those scored, with a label or without.
        shared: number of those left out because the run knows them, by its part that holds them:
            ``train``, ``validation`` and ``test``.
        doubts: what cannot be made sure of, in words.
    """

    scores: FoundT
    data: str
    trained_on: str
    cascades: int
    shared: dict[str, int]
    doubts: tuple[str, ...]

    @property
    def protocol(self) -> str:
        """What was scored and what was kept apart."""
        held = [f"{count:,} {part}" for part, count in self.shared.items() if count]
        left_out = f" but {', '.join(held)} cascades of this run" if held else ""
        return f"all cascades of {self.data}{left_out}: kept apart by their ids, {NOT_APART}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; those of the scores among the others."""
        on = {
            "data": self.data, "cascades": self.cascades, "shared": self.shared,
            "doubts": list(self.doubts),
        }
        return {"on": on, **self.scores.to_dict()}

    def _sheet(self) -> Sheet:
        inner: Sheet = self.scores._sheet()
        title = f"Trained on {self.trained_on}, scored on {plural(self.cascades, 'cascade')} of "
        notes = [*inner.notes, self.protocol, *(f"doubtful: {one}" for one in self.doubts)]
        return Sheet(title + self.data, inner.tables, tuple(notes))


def evaluate_transfer(
    folder: Path, other: Path, *, predictions: Path | None = None,
    device: str = "auto",
) -> Transfer[Scores]:
    """Score a run on another cascade file; see :func:`dgljoint.evaluate_transfer`.

    All its cascades are scored but those of the run's training, validation and test set, known by
    their ids, see :mod:`dgljoint.data.store.identity`. Words and scales are those of the training
    set; classes are matched by their names; the temperature is that of the validation set.
    """
    setup, evaluator, indices, shared = _opened(folder, other, device)
    validation = assess(setup.evaluator, setup.model, setup.all_parts[VALIDATION], VALIDATION)
    found = assess(evaluator, setup.model, indices, TEST, calibrated_on=validation)
    if predictions is not None:
        predicted = {NEW: found.predictions}
        write_text(predictions, predictions_csv(evaluator.store, predicted, evaluator.tasks))
    scores = found.scores
    why = _one_class(evaluator, indices) if RUMOR in evaluator.tasks else None
    if why is not None:
        event = evaluator.store.event[found.predictions.index]
        asked = CASCADE in evaluator.tasks
        links = intervals(found.predictions, event, (CASCADE,)) if asked else None
        notes = (why, *interval_notes(event, TEST)) if asked else (why,)
        scores = replace(scores, rumor=None, calibration=None, intervals=links, notes=notes)
    return _transfer(scores, setup, evaluator, len(indices), shared)


def evaluate_transfer_early(
    folder: Path, other: Path, *, deadlines: Sequence[Observation],
    predictions: Path | None = None, curve: Path | None = None, device: str = "auto",
) -> Transfer[EarlyDetection]:
    """Score a run on what was visible of another file's cascades by each deadline."""
    setup, evaluator, indices, shared = _opened(folder, other, device)
    _check_several_classes(evaluator, indices)
    found, predicted = detect_early(evaluator, setup.model, indices, TEST, deadlines)
    _write_early(found, predicted, evaluator, NEW, predictions, curve)
    return _transfer(found, setup, evaluator, len(indices), shared)


def _opened(
    folder: Path, other: Path, device: str
) -> tuple[Setup, Evaluator, NDArray[np.int64], dict[str, int]]:
    """Return the run, the other file's evaluator, the positions of the cascades to score in it.

    The last is the number of the other cascades, by the run's set that holds them.
    """
    setup = selected(folder, device)
    own, store = setup.store, CascadeStore(other)
    if store.content_digest == own.content_digest:
        raise DataError(
            f"{other} is the data this run was trained on",
            hint=f"dgljoint evaluate {folder} scores its test part",
        )
    known = read_parts(RunFolder(folder)).of(store, np.arange(len(store)))
    indices = np.flatnonzero([part == NEW for part in known])
    if not len(indices):
        raise DataError(
            f"every cascade of {other} is of the training, validation or test set of {folder}",
            hint=f"dgljoint predict {folder} {other} shows which; name a file with others",
        )
    shared = {part: count for part, count in count_parts(known).items() if part != NEW}
    store, indices = with_classes_of(
        setup.config.labels, setup.config.merge, own.label_names, store, indices,
        any_class=RUMOR not in setup.evaluator.tasks,
    )
    features, _ = restored_features(RunFolder(folder), store)
    return setup, replace(setup.evaluator, store=store, features=features), indices, shared


def _one_class(evaluator: Evaluator, indices: NDArray[np.int64]) -> str | None:
    """Note that all labelled cascades to be scored are of one class, if so."""
    label = evaluator.store.label[indices]
    label = label[label >= 0]
    if not len(label) or (label != label[0]).any():
        return None
    only = all_of_one_class(len(label), evaluator.store.label_names[label[0]])
    return f"rumor detection is not scored: {only}"


def _check_several_classes(evaluator: Evaluator, indices: NDArray[np.int64]) -> None:
    if RUMOR not in evaluator.tasks:
        return  # early detection is refused for that reason, whatever the labels are
    if not (evaluator.store.label[indices] >= 0).any():
        raise DataError(
            f"no cascade of {evaluator.store.path} that is scored has a label",
            hint="score it on data with labels; dgljoint predict needs none",
        )
    if why := _one_class(evaluator, indices):
        raise DataError(why, hint="score it on data with several classes")


def with_classes_of(
    labels: Collection[str], merge: Mapping[str, Collection[str]], names: Sequence[str],
    store: CascadeStore, indices: NDArray[np.int64], *, any_class: bool = False,
) -> tuple[CascadeStore, NDArray[np.int64]]:
    """Give another file the classes ``names`` of a run, as ``labels`` and ``merge`` made them.

    Returned with it are those of the cascades at ``indices`` that the run would be trained on: with
    ``labels``, none of another class. A :class:`DataError` where a cascade without ``labels`` is of
    a class that is not in ``names``, unless ``any_class`` will do, and where nothing is left.
    """
    renamed = new_names(merge)
    if labels:
        store = store.relabelled(names, renamed)
        chosen = indices[store.label[indices] >= 0]
        if not len(chosen):
            raise DataError(
                f"no cascade of {store.path} that is scored is of the classes {', '.join(names)}",
                hint="score it on data of the same classes; dgljoint predict classifies any",
            )
        return store, chosen
    present = np.unique(store.label[indices])
    now = [renamed.get(name, name) for name in store.label_names]
    unknown = [name for number, name in enumerate(now) if number in present and name not in names]
    if unknown and not any_class:
        raise DataError(
            f"{store.path} has cascades of the classes {', '.join(unknown)}; known are "
            f"{', '.join(names)}",
            hint="score it on data of the same classes; dgljoint predict classifies any",
        )
    return store.relabelled(names, renamed), indices


def _transfer(
    scores: FoundT, setup: Setup, evaluator: Evaluator, cascades: int, shared: dict[str, int]
) -> Transfer[FoundT]:
    store = evaluator.store
    return Transfer(
        scores=scores, data=store.name, trained_on=setup.store.name,
        cascades=cascades, shared=shared, doubts=evaluator.features.doubts,
    )
