"""From a suite to its cells: everything is checked before anything is trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgljoint.config.presets import find_preset
from dgljoint.config.run_config import RunConfig
from dgljoint.config.sources import layered, resolve_config
from dgljoint.data.store import CascadeStore, StoredSplit, shared_threads
from dgljoint.errors import DgljointError, UsageError
from dgljoint.plugins.registry import Registry
from dgljoint.plugins.selection import Selection, select
from dgljoint.training.inputs import with_all_options
from dgljoint.training.parts import folds_offered, part_under_test, training_parts
from dgljoint_bench.results.records import NO_MODEL, DataRecord, Key
from dgljoint_bench.running.job import Job, TrialPlan
from dgljoint_bench.running.program import program_of
from dgljoint_bench.suites.names import WITHOUT_MODEL, folder_name
from dgljoint_bench.suites.suite import MOST_SEEDS, Settings, Suite, Table

# Where a cell's data lie does not change its figures.
_NOT_DIGESTED = ("data",)


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A cell that is to be run."""

    key: Key
    job: Job


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """The cells of a suite.

    Attributes:
        suite: as it was read.
        tables: what is known of each table's data, by its place in the suite.
        cells: in the order they are run: all rows of a fold before the next fold.
        digest_of: says which digest any cell has; ``None`` of one that cannot be planned: the
            suite has it not, its data are not there, or its plugins are not installed.
    """

    suite: Suite
    tables: dict[int, DataRecord]
    cells: tuple[PlannedCell, ...]
    digest_of: Callable[[Key], str | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A table with its data open.

    Attributes:
        table: of the suite.
        store: what is trained on.
        split: how it is cut.
        test_on: what is tested on, where that is something else.
        folds: to be run.
        observed_share: of a cascade's posts, the same for all configurations.
        record: of the data.
    """

    table: Table
    store: CascadeStore
    split: StoredSplit
    test_on: CascadeStore | None
    folds: tuple[int, ...]
    observed_share: float
    record: DataRecord


def plan_suite(
    suite: Suite, files: Mapping[str, Path], out: Path, registry: Registry, *,
    folds: Sequence[int] | None = None, seeds: Sequence[int] | None = None,
    configurations: Sequence[str] | None = None, tables: Sequence[str] | None = None,
    device: str = "cpu",
) -> SuitePlan:
    """Work out the cells of a suite.

    Args:
        suite: what is compared; tables whose data are not among ``files`` are left out.
        files: cascade files by the names that the suite uses.
        out: folder of the runs.
        registry: where components are looked for.
        folds: those to run, instead of each table's.
        seeds: those to run, instead of the suite's.
        configurations: those to run, instead of all.
        tables: those to run, by title, instead of all.
        device: to compute on.

    Raises:
        UsageError: a name or setting is wrong, or there is no such fold.
        DataError: data cannot be used.
        PluginError: a plugin cannot be imported.
    """
    if seeds and max(seeds) >= MOST_SEEDS:
        raise UsageError(f"there is no seed {max(seeds)}", hint="seeds are below 2^63")
    opened = {
        place: _open(suite, table, files, folds)
        for place, table in enumerate(suite.tables)
        if set(table.files) <= files.keys() and (tables is None or table.title in tables)
    }
    planner = _Planner(suite, opened, out, registry, device)
    chosen = tuple(configurations or suite.configurations)
    return SuitePlan(
        suite=suite,
        tables={place: one.record for place, one in opened.items()},
        cells=tuple(map(planner.cell, planner.keys(chosen, seeds or suite.seeds))),
        digest_of=planner.digest_of,
    )


def _open(
    suite: Suite, table: Table, files: Mapping[str, Path], folds: Sequence[int] | None
) -> _Opened:
    store = CascadeStore(files[table.data])
    split = store.split(table.split)
    offered = range(folds_offered(split))
    named = tuple(folds) if folds is not None else table.folds
    chosen = tuple(offered) if named == "all" else tuple(named)
    for fold in chosen:
        part_under_test(split, fold)  # refuses one that is not offered
    other = CascadeStore(files[table.test_on]) if table.test_on else None
    shared = None if other is None else int(shared_threads(store, other).sum())
    record = DataRecord(
        name=table.title,
        data=store.name,
        cascades=len(store),
        posts=store.posts,
        digest=store.content_digest,
        split=split.name,
        split_digest=split.digest,
        kept_apart=store.kept_apart(split.name),
        ordered=bool(split.ordered_by),
        folds=len(offered),
        test_on=None if other is None else other.name,
        test_digest=None if other is None else other.content_digest,
        test_shared=shared,
    )
    share = _asked_of_all(suite, table, store.path)
    return _Opened(table, store, split, other, chosen, share, record)


def _asked_of_all(suite: Suite, table: Table, data: Path) -> float:
    """Refuse unequal budgets and questions; return the share of posts that all observe."""
    shares: set[float] = set()
    budgets: dict[tuple[int, int], str] = {}
    for name in suite.configurations:
        if name in table.without:
            continue
        for settings in suite.trials_of(name):
            config = _resolved(suite, table, name, settings, {"data": str(data)})
            shares.add(config.cascade.observed_share)
            budgets.setdefault((config.train.epochs, config.train.patience), name)
    if len(shares) > 1:
        raise UsageError(
            f"'{table.title}' has configurations that observe {sorted(shares)} of the posts: "
            "what they are asked is not the same",
            hint="set cascade.observed_share for the whole suite",
        )
    if len(budgets) > 1:
        said = "; ".join(
            f"'{name}' {epochs} epochs and patience {patience}"
            for (epochs, patience), name in budgets.items()
        )
        raise UsageError(
            f"'{table.title}' has configurations of unequal budgets: {said}",
            hint="set train.epochs and train.patience for the whole suite",
        )
    return shares.pop()


class _Planner:
    """Plans cells of a suite one by one.

    Args:
        suite: of them.
        opened: its tables, by their place in it.
        out: folder of the runs.
        registry: where components are looked for.
        device: to compute on.
    """

    def __init__(
        self, suite: Suite, opened: Mapping[int, _Opened], out: Path, registry: Registry,
        device: str,
    ) -> None:
        self._suite = suite
        self._tables = {one.table.title: one for one in opened.values()}
        self._out = out
        self._registry = registry
        self._device = device

    def keys(self, configurations: Sequence[str], seeds: Sequence[int]) -> list[Key]:
        """Return the cells to run, in order: the first seed first, and in it fold by fold."""
        turns = {}
        for place, one in enumerate(self._tables.values()):
            names = [name for name in configurations if name not in one.table.without]
            rows = [(name, seed) for name in names for seed in seeds]
            # classifiers have nothing to learn where nothing has a label
            labelled = bool((one.store.label >= 0).any())
            rows += [(NO_MODEL, 0)] if names and labelled else []
            for number, (name, seed) in enumerate(rows):
                for fold in one.folds:
                    key = Key(self._suite.name, one.table.title, name, fold, seed)
                    turns[seed, fold, place, number] = key
        return [turns[turn] for turn in sorted(turns)]

    def digest_of(self, key: Key) -> str | None:
        """Return the digest of a cell; ``None`` where it cannot be planned."""
        one = self._tables.get(key.data)
        known = key.configuration == NO_MODEL or key.configuration in self._suite.configurations
        if one is None or not known or key.configuration in one.table.without:
            return None
        try:
            return self.cell(key).job.digest
        except DgljointError:
            return None

    def cell(self, key: Key) -> PlannedCell:
        """Plan a cell."""
        suite, one = self._suite, self._tables[key.data]
        names = (suite.name, key.data, key.configuration or WITHOUT_MODEL)
        place = self._out.joinpath(*map(folder_name, names), f"fold{key.fold}-seed{key.seed}")
        settings = () if key.configuration == NO_MODEL else suite.trials_of(key.configuration)
        made = [self._selected(one, key, trial) for trial in settings]
        plugins = {used.entry for _, selection in made for used in selection.components}
        job = Job(
            digest="",
            folder=str(place.resolve()),
            trials=tuple(
                _trial(one, key, trial, *both) for trial, both in zip(settings, made, strict=True)
            ),
            data=str(one.store.path.resolve()),
            split=one.split.name,
            fold=key.fold,
            observed_share=one.observed_share if key.configuration == NO_MODEL else 0.0,
            data_digest=one.record.digest,
            split_digest=one.record.split_digest,
            test_on="" if one.test_on is None else str(one.test_on.path.resolve()),
            test_digest=one.record.test_digest or "",
            deadlines=suite.deadlines,
            program=program_of(plugins),
            device=self._device,
        )
        return PlannedCell(key, replace(job, digest=_digest(job)))

    def _selected(
        self, one: _Opened, key: Key, settings: Settings
    ) -> tuple[RunConfig, Selection]:
        given = {
            "data": str(one.store.path.resolve()), "split": one.split.name, "fold": key.fold,
            "seed": key.seed,
        }
        config = _resolved(self._suite, one.table, key.configuration, settings, given)
        with _naming(self._suite, key.configuration):
            return config, select(self._registry, config)


def _trial(
    one: _Opened, key: Key, settings: Settings, config: RunConfig, selection: Selection
) -> TrialPlan:
    meta = selection.weighter.spec.needs_meta_split
    training_parts(one.store, one.split, key.fold, seed=key.seed, meta=meta)
    config = with_all_options(config, selection, one.store)
    return TrialPlan(settings=settings, config=config.model_dump(mode="json"))


def _resolved(
    suite: Suite, table: Table, name: str, settings: Settings, given: Settings
) -> RunConfig:
    configuration = suite.configurations[name]
    layers = (suite.settings, table.settings, configuration.settings, settings)
    with _naming(suite, name):
        preset = find_preset(configuration.preset) if configuration.preset else None
        return resolve_config(preset=preset, command_line={**layered(layers), **given})


@contextmanager
def _naming(suite: Suite, name: str) -> Iterator[None]:
    """Say of which configuration it is that something is wrong."""
    try:
        yield
    except DgljointError as error:
        where = f"suite {suite.name}, configuration '{name}'"
        raise type(error)(f"{where}: {error.message}", hint=error.hint) from error


def _digest(job: Job) -> str:
    asked: dict[str, Any] = {
        "trials": [
            {k: v for k, v in trial.config.items() if k not in _NOT_DIGESTED}
            for trial in job.trials
        ],
        "data": job.data_digest,
        "split": job.split_digest,
        "fold": job.fold,
        "observed_share": job.observed_share,
        "test_on": job.test_digest or None,
        "deadlines": job.deadlines,
    }
    text = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def as_config(trial: TrialPlan) -> RunConfig:
    """Return the configuration of a trial's run."""
    return RunConfig.model_validate(trial.config)
