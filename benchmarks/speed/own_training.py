"""dgljoint's own training loop on chosen cascades, without a run folder and without validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.batch.features import FeatureSpace
from dgljoint.config.presets import Preset
from dgljoint.config.run_config import RunConfig
from dgljoint.config.sources import resolve_config
from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.scores import Scores
from dgljoint.nn.model import JointModel
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.training.callbacks import Callback
from dgljoint.training.parts import TrainingParts, training_parts
from dgljoint.training.setup import build_model, build_weighter
from dgljoint.training.trainer import Trainer

# The schedule never ends while something is measured.
_EPOCHS = 100_000


class _NoValidation(Evaluator):
    """Scores nothing."""

    def scores(self, model: JointModel, indices: NDArray[np.int64], part: str) -> Scores:
        return Scores(part, None, {}, 0.0, None, self.tasks)


def own_config(
    store: CascadeStore, assignments: Sequence[str] = (), *, preset: Preset | None = None,
    settings: Mapping[str, Any] | None = None,
) -> RunConfig:
    """Resolve the configuration of a run on ``store`` that has no end.

    Args:
        store: the data.
        assignments: ``section.key=value``, as on the command line.
        preset: that they change.
        settings: fields of the configuration.
    """
    endless = (f"train.epochs={_EPOCHS}", f"train.patience={_EPOCHS}")
    return resolve_config(
        preset=preset, command_line={"data": str(store.path), **(settings or {})},
        assignments=(*endless, *assignments),
    )


def trainer_of(
    store: CascadeStore, config: RunConfig, train: NDArray[np.int64] | None = None
) -> Trainer:
    """Set up the loop that ``dgljoint train`` runs; its validation part is empty.

    Args:
        store: with the cascades.
        config: of the run.
        train: positions of the cascades to train on; the training part of the split by default,
            with a meta part where the weighter needs one.
    """
    none = np.empty(0, np.int64)
    selection = select(installed_registry(), config)
    if train is None:
        meta = selection.weighter.spec.needs_meta_split
        split = store.split(config.split)
        parts = training_parts(store, split, config.fold, seed=config.seed, meta=meta)
        parts = TrainingParts(parts.train, parts.meta, none)
    else:
        parts = TrainingParts(np.sort(train), none, none)
    features = FeatureSpace.fit(store, parts.train, config.features)
    classes = len(store.label_names)
    model = build_model(config, selection, features, classes)
    weighter = build_weighter(config, selection, model, classes)
    evaluator = _NoValidation(store, features, config.cascade, 0, config.train.task_names)
    return Trainer(config, store, features, parts, model, weighter, evaluator, Callback())
