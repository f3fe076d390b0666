"""How long a step takes with a component, in turns with those of its kind that ship."""

import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from dgljoint.config.sources import resolve_config
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import OWN_DISTRIBUTION, Registry
from dgljoint.plugins.selection import select
from dgljoint.plugins.specs import EncoderSpec, ReaderSpec, Spec
from dgljoint.testing.findings import Violation, expect
from dgljoint.testing.installed import InstalledPlugin
from dgljoint.testing.toys import toy_store
from dgljoint.training.callbacks import Callback
from dgljoint.training.inputs import RunInputs
from dgljoint.training.setup import set_up
from dgljoint.training.trainer import Trainer

ROUNDS = 3

_CASCADES = 96


def time_steps(plugin: InstalledPlugin, spec: Spec) -> tuple[str, dict[str, float]]:
    """Time steps of small runs that differ in one component alone; return words and figures."""
    takes_part = not isinstance(spec, ReaderSpec)
    expect(takes_part, "a reader takes no part in a step", outcome="skipped")
    expect(plugin.timed, "not asked for", outcome="skipped")
    with TemporaryDirectory(prefix="dgljoint-") as folder:
        store = toy_store(Path(folder) / "toy.h5", _CASCADES)
        try:
            own = _TimedRun(store, plugin.registry, spec, plugin.options)
            others = [
                _TimedRun(store, plugin.registry, other, {})
                for other in _shipped(plugin.registry, type(spec)) if other is not spec
            ]
            for _ in range(ROUNDS):
                for run in (own, *others):
                    run.trainer.train_epoch(lambda: False)
        except DgljointError as error:
            raise Violation(error.message, error.hint or "", "skipped") from error
    seconds = own.step_seconds
    if not others:
        return f"{seconds * 1000:.1f} ms", {"seconds": seconds}
    usual = median(run.step_seconds for run in others)
    found = (
        f"{seconds * 1000:.1f} ms, {seconds / usual:.2f} times the median of the {len(others)} "
        f"{spec.kind}s that ship ({usual * 1000:.1f} ms)"
    )
    return found, {"seconds": seconds, "median_seconds": usual, "ratio": seconds / usual}


class _TimedRun(Callback):
    """A run that differs from a default one in one component, and when its steps ended."""

    def __init__(
        self, store: CascadeStore, registry: Registry, spec: Spec, options: Mapping[str, object]
    ) -> None:
        encoder = isinstance(spec, EncoderSpec)
        named = {"encoder": spec.name} if encoder else {"plugins": (spec.name,)}
        config = resolve_config(
            command_line={"data": str(store.path), "options": {spec.name: dict(options)}, **named},
            assignments=("train.batch=16", "train.threads=1"),
        )
        inputs = RunInputs(config, select(registry, config), store, store.split(config.split))
        made = set_up(inputs, torch.device("cpu"))
        self._ends: dict[int, list[float]] = {}
        self.trainer = Trainer(
            made.config, store, made.features, made.parts, made.model, made.weighter,
            made.evaluator, self,
        )

    def step(self, epoch: int, step: int, losses: Mapping[str, float]) -> None:
        self._ends.setdefault(epoch, []).append(time.perf_counter())

    @property
    def step_seconds(self) -> float:
        """The median over the steps so far; the first of an epoch is left out."""
        return median(b - a for ends in self._ends.values() for a, b in pairwise(ends))


def _shipped(registry: Registry, kind: type[Spec]) -> Iterator[Spec]:
    """Yield the components of a kind that ship with dgljoint and can be used here."""
    for name in registry.names:
        entries = registry.offering(name)
        if len(entries) == 1 and entries[0].distribution == OWN_DISTRIBUTION:
            try:
                specs = registry.load(name).specs
            except DgljointError:
                continue  # what lacks an extra is no measure
            yield from (spec for spec in specs if isinstance(spec, kind))
