"""From a suite to its cells: everything is checked before anything is trained."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgljoint.config import RunConfig, layered, resolve_config
from dgljoint.errors import DgljointError, UsageError
from dgljoint.plugins.registry import Registry
from dgljoint.plugins.selection import select
from dgljoint.presets import find_preset
from dgljoint.store import CascadeStore, StoredSplit
from dgljoint.training.parts import folds_offered, part_under_test, training_parts
from dgljoint.training.setup import with_all_options
from dgljoint_bench.results.records import NO_MODEL, DataRecord, Key
from dgljoint_bench.running.job import Job, TrialPlan
from dgljoint_bench.suites.suite import Suite, Table

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
    """

    suite: Suite
    tables: dict[int, DataRecord]
    cells: tuple[PlannedCell, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A table with its data open."""

    table: Table
    store: CascadeStore
    split: StoredSplit
    test_on: CascadeStore | None
    folds: tuple[int, ...]
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
    opened = {
        place: _open(table, files, folds)
        for place, table in enumerate(suite.tables)
        if set(table.files) <= files.keys() and (tables is None or table.title in tables)
    }
    chosen = tuple(configurations or suite.configurations)
    lists = {
        place: list(_cells(suite, one, out, registry, chosen, seeds or suite.seeds, device))
        for place, one in opened.items()
    }
    turns = {
        (cell.key.seed, cell.key.fold, place, number): cell
        for place, cells in lists.items() for number, cell in enumerate(cells)
    }
    return SuitePlan(
        suite=suite,
        tables={place: one.record for place, one in opened.items()},
        cells=tuple(turns[turn] for turn in sorted(turns)),
    )


def _open(table: Table, files: Mapping[str, Path], folds: Sequence[int] | None) -> _Opened:
    store = CascadeStore(files[table.data])
    split = store.split(table.split)
    offered = range(folds_offered(split))
    named = tuple(folds) if folds is not None else table.folds
    chosen = tuple(offered) if named == "all" else tuple(named)
    for fold in chosen:
        part_under_test(split, fold)  # refuses one that is not offered
    other = CascadeStore(files[table.test_on]) if table.test_on else None
    shared = None if other is None else len(set(store.ids.all()) & set(other.ids.all()))
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
    return _Opened(table, store, split, other, chosen, record)


def _cells(
    suite: Suite, one: _Opened, out: Path, registry: Registry, configurations: Iterable[str],
    seeds: Sequence[int], device: str,
) -> Iterator[PlannedCell]:
    shares = set()
    for name in configurations:
        if name in one.table.without:
            continue
        for seed in seeds:
            for fold in one.folds:
                trials = tuple(_trials(suite, one, name, fold, seed, registry))
                shares |= {trial.config["cascade"]["observed_share"] for trial in trials}
                key = Key(suite.name, one.table.title, name, fold, seed)
                yield _cell(suite, one, key, out, trials, device)
    if len(shares) > 1:
        raise UsageError(
            f"'{one.table.title}' has configurations that observe {sorted(shares)} of the posts: "
            "what they are asked is not the same",
            hint="set cascade.observed_share for the whole suite",
        )
    for fold in one.folds:
        for share in shares:
            key = Key(suite.name, one.table.title, NO_MODEL, fold, 0)
            cell = _cell(suite, one, key, out, (), device)
            job = replace(cell.job, observed_share=share)
            yield replace(cell, job=_digested(one, job))


def _trials(
    suite: Suite, one: _Opened, name: str, fold: int, seed: int, registry: Registry
) -> Iterator[TrialPlan]:
    configuration = suite.configurations[name]
    preset = find_preset(configuration.preset) if configuration.preset else None
    for settings in suite.trials_of(name):
        layers = (suite.settings, one.table.settings, configuration.settings, settings)
        given = {
            **layered(layers),
            "data": str(one.store.path.resolve()), "split": one.split.name, "fold": fold,
            "seed": seed,
        }
        try:
            config = resolve_config(preset=preset, command_line=given)
            selection = select(registry, config)
        except DgljointError as error:
            where = f"suite {suite.name}, configuration '{name}'"
            raise type(error)(f"{where}: {error.message}", hint=error.hint) from error
        meta = selection.weighter.spec.needs_meta_split
        training_parts(one.store, one.split, fold, seed=seed, meta=meta)
        config = with_all_options(config, selection, one.store)
        yield TrialPlan(settings=settings, config=config.model_dump(mode="json"))


def _cell(
    suite: Suite, one: _Opened, key: Key, out: Path, trials: tuple[TrialPlan, ...], device: str
) -> PlannedCell:
    names = (suite.name, key.data, key.configuration or "without a model")
    place = out.joinpath(*map(_folder_name, names), f"fold{key.fold}-seed{key.seed}")
    job = Job(
        digest="",
        folder=str(place.resolve()),
        trials=trials,
        data=str(one.store.path.resolve()),
        split=one.split.name,
        fold=key.fold,
        observed_share=0.0,
        test_on="" if one.test_on is None else str(one.test_on.path.resolve()),
        deadlines=suite.deadlines,
        device=device,
    )
    return PlannedCell(key, _digested(one, job))


def _digested(one: _Opened, job: Job) -> Job:
    asked: dict[str, Any] = {
        "trials": [
            {k: v for k, v in trial.config.items() if k not in _NOT_DIGESTED}
            for trial in job.trials
        ],
        "data": one.record.digest,
        "split": one.record.split_digest,
        "fold": job.fold,
        "observed_share": job.observed_share,
        "test_on": one.record.test_digest,
        "deadlines": job.deadlines,
    }
    text = json.dumps(asked, sort_keys=True)
    return replace(job, digest=hashlib.sha256(text.encode()).hexdigest()[:32])


def _folder_name(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", name)


def as_config(trial: TrialPlan) -> RunConfig:
    """Return the configuration of a trial's run."""
    return RunConfig.model_validate(trial.config)
