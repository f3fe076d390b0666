"""What tests of the engine want beside the toys of the conformance kit: whole small runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import RunConfig
from dgljoint.config.sources import resolve_config
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.nn.model import JointModel
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.plugins.specs import Spec
from dgljoint.testing import (
    LABELS,
    WORDS,
    random_cascade,
    toy_batch,
    toy_cascade,
    toy_features,
    toy_store,
    word_block,
    write_store,
)
from dgljoint.training.callbacks import Callback
from dgljoint.training.parts import training_parts
from dgljoint.training.processes import ALONE, Processes
from dgljoint.training.setup import build_model, build_weighter
from dgljoint.training.trainer import Trainer

__all__ = [
    "LABELS",
    "WORDS",
    "hashed_store",
    "random_cascade",
    "shipped",
    "toy_batch",
    "toy_cascade",
    "toy_config",
    "toy_features",
    "toy_model",
    "toy_store",
    "toy_trainer",
    "word_block",
    "write_store",
]


def shipped(kind: type[Spec]) -> list[str]:
    """Name the components of a kind that ship, by the entry points of the distribution."""
    registry = installed_registry()
    own = [entry.name for entry in registry.entries if entry.distribution == "dgljoint"]
    return [name for name in own if any(isinstance(s, kind) for s in registry.load(name).specs)]


def hashed_store(path: Path, reader: str, start: int = 0) -> CascadeStore:
    """Write 24 cascades, the first named by ``start``, whose words have numbers and no names."""
    rng = np.random.default_rng(0)
    with create_store(path, name="toy", reader=reader, label_names=LABELS) as writer:
        for number in range(start, start + 24):
            cascade = random_cascade(f"c{number}", rng, 5, label=LABELS[number % 2])
            writer.add(cascade, {"bow": word_block(cascade, rng)})
        writer.set_columns("bow", len(WORDS))
        writer.set_split("event", np.arange(24) % 4, grouped_by="")
    return CascadeStore(path)


def toy_config(store: CascadeStore, *assignments: str, **fields: object) -> RunConfig:
    """Resolve a small, quick configuration for ``store``."""
    small = ("model.width=8", "train.batch=8", "train.epochs=3", "train.patience=3")
    return resolve_config(
        command_line={"data": str(store.path), **fields}, assignments=(*small, *assignments)
    )


def toy_model(store: CascadeStore, *assignments: str, **fields: object) -> JointModel:
    """Build a small model, in evaluation mode."""
    config = toy_config(store, *assignments, **fields)
    selection = select(installed_registry(), config)
    classes = len(store.label_names)
    return build_model(config, selection, toy_features(store), classes).eval()


def toy_trainer(
    store: CascadeStore, *assignments: str, processes: Processes = ALONE, **fields: object
) -> Trainer:
    """Set a small run up, without a folder."""
    config = toy_config(store, *assignments, **fields)
    selection = select(installed_registry(), config)
    meta = selection.weighter.spec.needs_meta_split
    parts = training_parts(store, store.split(config.split), config.fold, seed=0, meta=meta)
    features = FeatureSpace.fit(store, parts.train, config.features)
    classes = len(store.label_names)
    model = build_model(config, selection, features, classes)
    return Trainer(
        config, store, features, parts, model, build_weighter(config, selection, model, classes),
        Evaluator(store, features, config.cascade, majority=0), Callback(), processes,
    )
