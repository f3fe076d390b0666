"""Score the selected model of a run on cascades of another file than it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.files import write_text
from dgljoint._internal.tables import Sheet, Shown
from dgljoint._internal.text import all_of_one_class
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError
from dgljoint.evaluation.assessment import Assessed, assess, curve_csv, detect_early
from dgljoint.evaluation.bootstrap import intervals
from dgljoint.evaluation.deadlines import Deadline
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.predicting import predictions_csv
from dgljoint.evaluation.scores import EarlyDetection, Scores
from dgljoint.runs.stored import NOT_APART
from dgljoint.tasks.losses import CASCADE, RUMOR
from dgljoint.training.folder import RunFolder
from dgljoint.training.parts import NEW, TEST, VALIDATION, count_parts, read_parts
from dgljoint.training.setup import (
    Setup,
    restored_features,
    selected,
)

FoundT = TypeVar("FoundT", Scores, EarlyDetection)


@dataclass(frozen=True, slots=True, repr=False)
class Transfer(Shown, Generic[FoundT]):
    """The scores of a run on another cascade file.

    Attributes:
        scores: with the other file as the set ``test``. The trivial baselines are next to the
            figures; that of the commonest class is the run's training part's.
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
        return {
            "on": {
                "data": self.data,
                "cascades": self.cascades,
                "shared": self.shared,
                "doubts": list(self.doubts),
            },
            **self.scores.to_dict(),
        }

    def _sheet(self) -> Sheet:
        from dgljoint.evaluation.result_tables import transfer_sheet

        return transfer_sheet(self)


def evaluate_transfer(
    folder: Path, other: Path, *, predictions: Path | None = None,
    device: str = "auto",
) -> Transfer[Scores]:
    """Score the selected epoch of a run on another cascade file.

    All cascades of that file are scored but those of the run's training, validation and test set:
    equal ids, see :mod:`dgljoint.data.store.identity`. Words
    and scales are those of the run's training part; classes are matched by their names; a
    temperature is that of the run's validation part.

    Args:
        folder: a run folder; the data it was trained on must be there.
        other: the cascade file.
        predictions: CSV file to write, one row per cascade.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used; or ``other`` is the run's
            own data, lacks a feature, has a class that the run does not know, or no cascade of its
            own.
        PluginError: a plugin failed.
        RunFailedError: the file system refuses.
    """
    setup, evaluator, indices, shared = _opened(folder, other, device)
    validation = assess(setup.evaluator, setup.model, setup.indices(VALIDATION), VALIDATION)
    found = assess(evaluator, setup.model, indices, TEST, calibrated_on=validation)
    if predictions is not None:
        predicted = {NEW: found.predictions}
        write_text(predictions, predictions_csv(evaluator.store, predicted, evaluator.tasks))
    scores = _without_one_class(found, evaluator)
    return _transfer(scores, setup, evaluator, shared)


def evaluate_transfer_early(
    folder: Path, other: Path, *, deadlines: Sequence[Deadline],
    predictions: Path | None = None, curve: Path | None = None, device: str = "auto",
) -> Transfer[EarlyDetection]:
    """Score a run on what was visible of another file's cascades by each deadline.

    Args:
        folder: as for :func:`evaluate_transfer`, like the others that both have.
        other: the cascade file.
        deadlines: at least one.
        predictions: CSV file to write, a line a deadline and cascade.
        curve: CSV file to write, a line a deadline.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: the run did not train the rumor task, or there is no such device.
        DataError: as :func:`evaluate_transfer`, or no cascade has a label, or all have the same.
        PluginError: a plugin failed.
        RunFailedError: the file system refuses.
    """
    setup, evaluator, indices, shared = _opened(folder, other, device)
    _check_several_classes(evaluator, indices)
    found, predicted = detect_early(evaluator, setup.model, indices, TEST, deadlines)
    if predictions is not None:
        table = predictions_csv(evaluator.store, predicted, evaluator.tasks, by_deadline_of=NEW)
        write_text(predictions, table)
    if curve is not None:
        write_text(curve, curve_csv(found))
    return _transfer(found, setup, evaluator, shared)


def _opened(
    folder: Path, other: Path, device: str
) -> tuple[Setup, Evaluator, NDArray[np.int64], dict[str, int]]:
    """Return the run, what scores the other file, which cascades to score, and whose it is not.

    The third are positions of cascades in the file, the last the number of the others by part.
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
    if RUMOR in setup.evaluator.tasks:
        check_classes(store, indices, own.label_names)
    store = store.relabelled(own.label_names)
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


def _without_one_class(found: Assessed, evaluator: Evaluator) -> Scores:
    """Leave rumor detection out where there is only one class."""
    scores = found.scores
    why = _one_class(evaluator, found.predictions.index) if RUMOR in evaluator.tasks else None
    if why is None:
        return scores
    links = intervals(found.predictions, (CASCADE,)) if CASCADE in evaluator.tasks else None
    return replace(scores, rumor=None, calibration=None, intervals=links, notes=(why,))


def check_classes(
    store: CascadeStore, indices: NDArray[np.int64], names: Sequence[str]
) -> None:
    """Raise :class:`DataError` where some cascade to be scored is of a class not among ``names``.

    Args:
        store: that is tested on.
        indices: its cascades that are scored.
        names: of the classes that are known.
    """
    present = np.unique(store.label[indices])
    unknown = [
        name for number, name in enumerate(store.label_names)
        if number in present and name not in names
    ]
    if unknown:
        raise DataError(
            f"{store.path} has cascades of the classes {', '.join(unknown)}; known are "
            f"{', '.join(names)}",
            hint="score it on data of the same classes; dgljoint predict classifies any",
        )


def _transfer(
    scores: FoundT, setup: Setup, evaluator: Evaluator, shared: dict[str, int]
) -> Transfer[FoundT]:
    store = evaluator.store
    return Transfer(
        scores=scores,
        data=store.name,
        trained_on=setup.store.name,
        cascades=len(store) - sum(shared.values()),
        shared=shared,
        doubts=evaluator.features.doubts,
    )
