"""Everything a run is made from, built from its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import RunConfig, flat
from dgljoint.data.observation import Observation
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import DataError, PluginError, UsageError
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.nn.hosted import Hosted, opponent_parameters
from dgljoint.nn.model import InputProjection, JointModel
from dgljoint.nn.protocols import Encoder, Interaction, LossWeighter
from dgljoint.nn.wide import WidePath
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.selection import Component, Selection
from dgljoint.plugins.specs import BuildContext
from dgljoint.training.checkpoint import check_tree, fitting, load_model
from dgljoint.training.folder import RunFeatures, RunFolder
from dgljoint.training.inputs import RunInputs, resolve_run
from dgljoint.training.parts import TEST, TrainingParts, part_under_test, training_parts
from dgljoint.training.processes import ALONE, Processes, find_device, prepare_process
from dgljoint.training.randomness import Stream, seeded
from dgljoint.training.trainable import find_trainable

ModuleT = TypeVar("ModuleT", bound=nn.Module)
# The result of a run does not depend on these settings.
_HARMLESS = ("train.save_minutes",)


def head_width(label_names: Sequence[str]) -> int:
    """Return how many classes the rumor head has: at least two, as interactions may read it."""
    return max(len(label_names), 2)


def build_model(
    config: RunConfig, selection: Selection, features: FeatureSpace, classes: int
) -> JointModel:
    """Build the model, its parameters drawn from the run's seed alone."""
    width = config.model.width
    context = BuildContext(width=width, classes=classes)
    wide = None
    if config.model.wide and (features.of_cascades or features.source_dense):
        wide = WidePath(classes, features.of_cascades, features.source_dense)
    dense = features.dense
    if wide is not None and not config.model.deep_dense:
        dense = {name: n for name, n in dense.items() if name not in features.source_dense}
    with seeded(config.seed, Stream.INITIALISATION):
        return JointModel(
            InputProjection(width, dense, features.sparse, config.model.dropout),
            _build(selection.encoder, context, Encoder),
            [_build(component, context, Interaction) for component in selection.interactions],
            width=width, classes=classes, dropout=config.model.dropout,
            half=config.train.precision == "bf16", tasks=config.train.task_names, wide=wide,
            deep_scale=config.model.deep_scale,
        )


def loss_names(config: RunConfig, model: JointModel) -> tuple[str, ...]:
    """Name the losses of a step: the tasks that are trained, then the interactions' own."""
    return (*config.train.task_names, *model.loss_coefficients)


def build_weighter(
    config: RunConfig, selection: Selection, model: JointModel, classes: int
) -> Hosted[LossWeighter]:
    """Build the loss weighter for the losses that ``model`` has."""
    names = loss_names(config, model)
    context = BuildContext(
        width=config.model.width, classes=classes, loss_names=names, tasks=config.train.task_names
    )
    with seeded(config.seed, Stream.WEIGHTER):
        return _build(selection.weighter, context, LossWeighter)


def _build(
    component: Component[Any], context: BuildContext, expected: type[ModuleT]
) -> Hosted[ModuleT]:
    with guarded(component.entry, "build"):
        module = component.spec.build(component.options, context)
    if not isinstance(module, expected):
        raise PluginError(
            f"{component.entry} built a {type(module).__name__}, expected a dgljoint.nn."
            f"{expected.__name__}"
        )
    # What cannot be saved is refused now, not after the first epoch.
    with guarded(component.entry, "state_dict"):
        check_tree(module.state_dict())
    return Hosted(component.entry, module)


def trainable_parameters(model: JointModel) -> dict[str, nn.Parameter]:
    """Return what the model's own optimizer trains, by name: opponents' parameters are not."""
    opponents = {id(p) for hosted in model.hosted_interactions for p in opponent_parameters(hosted)}
    return {
        name: parameter for name, parameter in model.named_parameters()
        if parameter.requires_grad and id(parameter) not in opponents
    }


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """The parts of a run; ``notes`` describe what the data do not allow to train."""

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
        untrained = self.evaluator.untrained
        return tuple(n for i, n in enumerate(self.store.label_names) if i not in untrained)

    @property
    def all_parts(self) -> dict[str, NDArray[np.int64]]:
        """Positions in the store of each set's cascades."""
        return {**vars(self.parts), TEST: part_under_test(self.split, self.config.fold)}

    @property
    def parameters(self) -> int:
        """Number of trainable parameters of the model."""
        return sum(torch.numel(one) for one in trainable_parameters(self.model).values())

    @property
    def part_sizes(self) -> dict[str, int]:
        """Number of cascades of each set."""
        return {name: len(indices) for name, indices in self.all_parts.items()}


def set_up(inputs: RunInputs, device: torch.device, processes: Processes = ALONE) -> Setup:
    """Build the parts of a run; a task that has nothing to learn is left out of its settings."""
    selection, store, split = inputs.selection, inputs.store, inputs.split
    prepare_process(inputs.config.train.threads)
    witness = Witness(store)
    parts = training_parts(
        store, split, inputs.config.fold, seed=inputs.config.seed,
        meta=selection.weighter.spec.needs_meta_split,
    )
    trainable = find_trainable(inputs.config, store, split, parts)
    config = trainable.config
    # Features of cascades are scaled as evaluation sees them.
    observation = Observation.of_share(config.cascade.observed_share)
    features = FeatureSpace.fit(store, parts.train, config.features, observation)
    classes = head_width(store.label_names)
    model = build_model(config, selection, features, classes)
    weighter = build_weighter(config, selection, model, classes)
    model.to(device)
    weighter.module.to(device)
    label = store.label[parts.train]
    majority = int(np.bincount(label[label >= 0], minlength=classes).argmax())
    untrained = set(range(len(store.label_names))) - set(trainable.classes)
    evaluator = Evaluator(
        store, features, config.cascade, majority, config.train.task_names, processes,
        untrained=tuple(sorted(untrained)),
    )
    return Setup(
        config, selection, store, split, parts, features, model, weighter, evaluator, witness,
        trainable.notes,
    )


def selected(folder: Path, device: str) -> Setup:
    """Build a run of a folder, with the parameters of its selected epoch."""
    run = RunFolder(folder)
    setup = set_up(resolve_run(run.config()), find_device(device))
    run.check_data(setup.store, setup.split)
    put_in(setup.model, run.load_best(), run)
    return setup


def put_in(model: JointModel, checkpoint: dict[str, Any], folder: RunFolder) -> None:
    """Give ``model`` the parameters of a checkpoint of a run."""
    with fitting(folder.path):
        load_model(model, checkpoint["model"])


def restored_features(folder: RunFolder, store: CascadeStore) -> tuple[FeatureSpace, RunFeatures]:
    """Apply what a run fitted to its features to any data; return what was stored, too."""
    stored = folder.load_features()
    try:
        return FeatureSpace.restored(store, stored.fitted), stored
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(f"{folder.path}: features.safetensors is damaged ({error})") from error


def refuse_changes(stored: RunConfig, wanted: RunConfig, out: Path) -> None:
    """Raise :class:`UsageError` if a run would be resumed with another configuration."""
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


class Witness:
    """Remembers which cascades of a store are read, from its own making on.

    It sees what goes through ``CascadeStore.read``: what features are fitted on, and every batch.
    It does not see a plugin that opens the file itself.
    """

    def __init__(self, store: CascadeStore) -> None:
        self._seen = np.zeros(len(store), np.bool_)
        store.on_read = self._note

    def state(self, processes: Processes) -> Tensor:
        """Return what any process has read, one bit per cascade; all processes must ask."""
        return torch.from_numpy(np.packbits(self._read_by_any(processes)))

    def restore(self, state: Tensor) -> None:
        """Add what was read before; a :class:`ValueError` for the state of another store."""
        if state.dtype != torch.uint8 or state.shape != (-(-len(self._seen) // 8),):
            raise ValueError(f"what was read is {state.dtype} of {len(state)}")
        self._seen |= np.unpackbits(state.numpy(), count=len(self._seen)).astype(np.bool_)

    def seen(self, processes: Processes, test: NDArray[np.int64]) -> dict[str, int]:
        """Count what was read until now, and what of that is at the positions ``test``."""
        seen = self._read_by_any(processes)
        return {"cascades": int(seen.sum()), "of_the_test_part": int(seen[test].sum())}

    def _read_by_any(self, processes: Processes) -> NDArray[np.bool_]:
        seen: NDArray[np.bool_] = np.logical_or.reduce(processes.gather(self._seen))
        return seen

    def _note(self, index: NDArray[np.int64]) -> None:
        self._seen[index] = True
