"""A small run with one component whose steps are timed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise
from statistics import median

from dgljoint.batch.features import FeatureSpace
from dgljoint.config.sources import resolve_config
from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.plugins.registry import Registry
from dgljoint.plugins.selection import select
from dgljoint.plugins.specs import EncoderSpec, Spec
from dgljoint.training.callbacks import Callback
from dgljoint.training.parts import training_parts
from dgljoint.training.setup import build_model, build_weighter
from dgljoint.training.trainer import Trainer


class _Clock(Callback):
    """Takes down when each step ends, by epoch."""

    def __init__(self) -> None:
        self.ends: dict[int, list[float]] = {}

    def step(self, epoch: int, step: int, losses: Mapping[str, float]) -> None:
        self.ends.setdefault(epoch, []).append(time.perf_counter())


class TimedRun:
    """A run that differs from a default one in one component.

    Args:
        store: what it trains on.
        registry: where components are looked up.
        spec: of the component.
        options: of it.

    Raises:
        PluginError: the component cannot be built.
    """

    def __init__(
        self, store: CascadeStore, registry: Registry, spec: Spec, options: Mapping[str, object]
    ) -> None:
        encoder = isinstance(spec, EncoderSpec)
        named = {"encoder": spec.name} if encoder else {"plugins": (spec.name,)}
        config = resolve_config(
            command_line={
                "data": str(store.path), "options": {spec.name: dict(options)}, **named
            },
            assignments=("train.batch=16",),
        )
        selection = select(registry, config)
        meta = selection.weighter.spec.needs_meta_split
        parts = training_parts(store, store.split(config.split), config.fold, seed=0, meta=meta)
        features = FeatureSpace.fit(store, parts.train, config.features)
        classes = len(store.label_names)
        model = build_model(config, selection, features, classes)
        self._clock = _Clock()
        self._trainer = Trainer(
            config, store, features, parts, model,
            build_weighter(config, selection, model, classes),
            Evaluator(store, features, config.cascade, majority=0), self._clock,
        )

    def go_on(self) -> None:
        """Train an epoch.

        Raises:
            PluginError: a plugin failed.
            DivergedError: a loss is not finite.
        """
        self._trainer.train_epoch(lambda: False)

    @property
    def step_seconds(self) -> float:
        """The median over the steps so far; the first of an epoch is left out."""
        return median(b - a for ends in self._clock.ends.values() for a, b in pairwise(ends))
