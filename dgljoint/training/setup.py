"""What a run is made of, from its configuration and its data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dgljoint._internal.suggest import did_you_mean
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import RunConfig, flat
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.evaluate import Evaluator
from dgljoint.nn.hosted import Hosted
from dgljoint.nn.model import JointModel
from dgljoint.nn.protocols import LossWeighter
from dgljoint.plugins.registry import Registry
from dgljoint.plugins.selection import Selection
from dgljoint.training.build import build_model, build_weighter, head_width
from dgljoint.training.devices import find_device
from dgljoint.training.folder import RunFeatures, RunFolder
from dgljoint.training.inputs import RunInputs, resolve_run
from dgljoint.training.parts import TrainingParts, part_under_test, training_parts
from dgljoint.training.process import prepare_process
from dgljoint.training.processes import ALONE, Processes
from dgljoint.training.restoring import fitting, load_model
from dgljoint.training.trainable import find_trainable
from dgljoint.training.witness import Witness

# What a run comes to does not hang on these settings.
_HARMLESS = ("train.save_minutes",)
VALIDATION = "validation"
TEST = "test"


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What a run is made of; see :func:`set_up`.

    ``notes`` say what the data do not allow to train.
    """

    config: RunConfig
    selection: Selection
    store: CascadeStore
    split: StoredSplit
    parts: TrainingParts
    features: FeatureSpace
    model: JointModel
    weighter: Hosted[LossWeighter]
    evaluator: Evaluator
    witness: Witness
    notes: tuple[str, ...]

    @property
    def trained_classes(self) -> tuple[str, ...]:
        """Names of the classes that the run can predict; none where the rumor task is left out."""
        names = self.store.label_names
        return tuple(
            name for number, name in enumerate(names) if number not in self.evaluator.untrained
        )


def set_up(
    inputs: RunInputs, device: torch.device, processes: Processes = ALONE
) -> Setup:
    """Build everything a run is made of from its configuration and the data.

    A task that the training set asks nothing is left out of the configuration, see
    :func:`~dgljoint.training.trainable.find_trainable`.
    """
    selection, store, split = inputs.selection, inputs.store, inputs.split
    prepare_process(inputs.config.train.threads)
    witness = Witness(store)
    parts = training_parts(
        store,
        split,
        inputs.config.fold,
        seed=inputs.config.seed,
        meta=selection.weighter.spec.needs_meta_split,
    )
    trainable = find_trainable(inputs.config, store, split, parts)
    config = trainable.config
    features = FeatureSpace.fit(store, parts.train, config.features)
    classes = head_width(store.label_names)
    model = build_model(config, selection, features, classes)
    weighter = build_weighter(config, selection, model, classes)
    model.to(device)
    weighter.module.to(device)
    label = store.label[parts.train]
    majority = int(np.bincount(label[label >= 0], minlength=classes).argmax())
    untrained = set(range(len(store.label_names))) - set(trainable.classes)
    return Setup(
        config=config,
        selection=selection,
        store=store,
        split=split,
        parts=parts,
        features=features,
        model=model,
        weighter=weighter,
        evaluator=Evaluator(
            store, features, config.cascade, majority, config.train.task_names, processes,
            untrained=tuple(sorted(untrained)),
        ),
        witness=witness,
        notes=trainable.notes,
    )


def selected(folder: Path, registry: Registry, device: str) -> Setup:
    """Build a run with its selected model in it.

    Raises:
        UsageError: there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used.
        PluginError: a plugin failed.
    """
    run = RunFolder(folder)
    setup = set_up(resolve_run(run.config(), registry), find_device(device))
    run.check_data(setup.store, setup.split)
    put_in(setup.model, run.load_best(), run)
    return setup


def put_in(model: JointModel, checkpoint: dict[str, Any], folder: RunFolder) -> None:
    """Give ``model`` the parameters of a checkpoint of a run.

    Raises:
        DataError: they are those of another model.
    """
    with fitting(folder.path):
        load_model(model, checkpoint["model"])


def restored_features(
    folder: RunFolder, store: CascadeStore
) -> tuple[FeatureSpace, RunFeatures]:
    """Apply what a run fitted to its features to any data; return what was stored, too.

    Raises:
        DataError: it is damaged, or the data lack a feature.
    """
    stored = folder.load_features()
    try:
        return FeatureSpace.restored(store, stored.fitted), stored
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(f"{folder.path}: features.safetensors is damaged ({error})") from error


def part_sizes(setup: Setup) -> dict[str, int]:
    """Count the cascades of each part."""
    return {name: len(indices) for name, indices in all_parts(setup).items()}


def all_parts(setup: Setup) -> dict[str, NDArray[np.int64]]:
    """Return the positions in the store of each part's cascades."""
    return {**vars(setup.parts), TEST: part_under_test(setup.split, setup.config.fold)}


def part_indices(setup: Setup, part: str) -> NDArray[np.int64]:
    """Return the positions in the store of a part's cascades."""
    tested = part == TEST
    return part_under_test(setup.split, setup.config.fold) if tested else setup.parts.validation


def check_part(part: str) -> None:
    """Raise :class:`UsageError` for a part that is not reported on."""
    if part not in (VALIDATION, TEST):
        raise UsageError(f"there is no part '{part}'", hint=did_you_mean(part, (VALIDATION, TEST)))


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
