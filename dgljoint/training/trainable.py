"""Which tasks of a run the data allow to train, and which classes of the rumor task.

A head without training predicts something for every cascade all the same. So a task that has
nothing to learn from the training set is left out of the run, and a class that no training cascade
has is never predicted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgljoint._internal.text import all_of_one_class, plural
from dgljoint.config.run_config import RunConfig
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import DataError
from dgljoint.nn.model import JointModel
from dgljoint.nn.protocols import Interaction
from dgljoint.tasks.heads import CASCADE, RUMOR
from dgljoint.tasks.targets import evaluation_targets
from dgljoint.training.parts import Indices, TrainingParts, part_under_test

# Methods of an interaction by which the views stay as they are.
_OF_LOSSES = (
    "loss_coefficients", "losses", "opponent_losses", "opponent_parameters", "diagnostics",
)
_AT_ONCE = 1024  # cascades that are read together


@dataclass(frozen=True, slots=True)
class Trainable:
    """What a run can train; ``notes`` describe what was left out and why."""

    config: RunConfig  # ``train.tasks`` are those that are trained
    classes: tuple[int, ...]  # those that a training cascade has; empty without the rumor task
    notes: tuple[str, ...]


def find_trainable(
    config: RunConfig, store: CascadeStore, split: StoredSplit, parts: TrainingParts
) -> Trainable:
    """Leave the task out of ``config`` that has nothing to learn from the training set.

    A :class:`DataError` where it is asked for by name, where no task is left, or where no epoch can
    be selected.
    """
    held = np.bincount(_known(store, parts.train), minlength=len(store.label_names))
    classes = tuple(np.flatnonzero(held).tolist())
    links = _any_links(store, parts.train)
    why_not = {
        RUMOR: _no_classes(store, held),
        CASCADE: "" if links
        else "no post of the training set has a choice among strictly earlier posts",
    }
    asked = config.train.task_names
    left = tuple(task for task in asked if not why_not[task])
    if not left:
        free = (task for task, why in why_not.items() if task not in asked and not why)
        other = next((f"train the other task: -s train.tasks={task}" for task in free), None)
        raise DataError(
            f"{store.path}, split '{split.name}', fold {config.fold}: "
            + "; ".join(f"the {task} task cannot be trained: {why_not[task]}" for task in asked),
            hint=other or "another --split or --fold may have what is missing; else read data that "
            "have",
        )
    notes = [
        f"the {task} task is left out, and the {left[0]} task is trained alone: {why_not[task]}"
        for task in asked if task not in left
    ]
    if left != asked:
        train = config.train.model_copy(update={"tasks": left[0]})
        config = config.model_copy(update={"train": train})
    if config.labels:
        out = int((store.label < 0).sum())
        notes.append(f"{plural(out, 'cascade')} left out, of no class of this run")
    if RUMOR in left:
        notes += _missing_classes(store, held, part_under_test(split, config.fold))
    notes += _selection_notes(config, store, parts)
    notes += _shared_groups(split, parts)
    return Trainable(config, classes if RUMOR in left else (), tuple(notes))


def idle_interactions(model: JointModel, epochs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the interactions that had no part in a run, by the records of its epochs.

    They leave the views as they are, and none of their losses was ever anything but 0: in a batch
    of one cascade, for instance, there is none to compare it with.
    """
    losses = {
        name for record in epochs for name, value in record.get("losses", {}).items() if value
    }
    acting = {model.loss_owners[name].name for name in losses & model.loss_owners.keys()}
    return [
        hosted.entry.name for hosted in model.hosted_interactions
        if hosted.entry.name not in acting and not _changes_views(hosted.module)
    ]


def _changes_views(interaction: Interaction) -> bool:
    """Return whether an interaction has a method of its own other than those of its losses."""
    return any(
        getattr(type(interaction), name) is not own for name, own in vars(Interaction).items()
        if not name.startswith("_") and name not in _OF_LOSSES
    )


def _known(store: CascadeStore, indices: Indices) -> Indices:
    """Return the classes of the labelled cascades among some."""
    label = store.label[indices].astype(np.int64)
    return label[label >= 0]


def _no_classes(store: CascadeStore, held: Indices) -> str:
    """Return why there is nothing to learn a class from; empty where there is."""
    classes = np.flatnonzero(held).tolist()
    if not classes:
        return "no cascade of the training set has a label"
    if len(classes) == 1:
        name = store.label_names[classes[0]]
        return all_of_one_class(int(held.sum()), name, " of the training set")
    return ""


def _any_links(store: CascadeStore, indices: Indices, observed_share: float = 0.0) -> bool:
    stretches = (indices[n : n + _AT_ONCE] for n in range(0, len(indices), _AT_ONCE))
    return any(len(evaluation_targets(store.read(some), observed_share).post) for some in stretches)


def _missing_classes(store: CascadeStore, held: Indices, tested: Indices) -> list[str]:
    """Name the classes that are never predicted, and how many test cascades that costs."""
    missing = np.flatnonzero(held == 0).tolist()
    if not missing:
        return []
    names = ", ".join(f"'{store.label_names[number]}'" for number in missing)
    known = _known(store, tested)
    lost = int(np.isin(known, missing).sum())
    return [
        f"no cascade of the training set is of class {names}: it is never predicted, and "
        f"{lost:,} of {plural(len(known), 'labelled test cascade')} count as wrong"
    ]


def _shared_groups(split: StoredSplit, parts: TrainingParts) -> list[str]:
    """Note that the sets held out of training are not of groups of their own."""
    if split.group is None:
        return []
    trained = split.group[parts.train]
    held = {"validation": parts.validation, "meta": parts.meta}
    shared = [name for name, some in held.items() if np.isin(split.group[some], trained).any()]
    if not shared:
        return []
    sets = f"the {' and the '.join(shared)} set {'share' if len(shared) > 1 else 'shares'}"
    return [
        f"{sets} {split.grouped_by}s with the training set: whole ones would be too few or lack a "
        f"class; the test set shares none"
    ]


def _selection_notes(config: RunConfig, store: CascadeStore, parts: TrainingParts) -> list[str]:
    """Name the task that selects the epoch where the validation set does not score every task."""
    tasks, share = config.train.task_names, config.cascade.observed_share
    lacks = {}
    if RUMOR in tasks and not len(_known(store, parts.validation)):
        lacks[RUMOR] = "has no labelled cascade"
    if CASCADE in tasks and not _any_links(store, parts.validation, share):
        lacks[CASCADE] = "asks for no link: no late post has a choice among strictly earlier posts"
    left = [task for task in tasks if task not in lacks]
    if not left:
        what = " and ".join(lacks[task] for task in tasks)
        raise DataError(
            f"{store.path}: the validation set {what}, so that no epoch can be selected",
            hint="another --fold, --seed or --split divides the cascades in another way",
        )
    notes = [
        f"the validation set {lacks[task]}: epochs are selected by the {left[0]} task alone"
        for task in tasks if task in lacks
    ]
    if RUMOR in tasks and len(parts.meta) and not len(_known(store, parts.meta)):
        notes.append(
            "the meta set has no labelled cascade: the loss weighter learns nothing of the rumor "
            "task from it"
        )
    return notes
