"""From a suite to its jobs, all checked before any is trained, and to records of the results."""

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dgljoint.config.presets import find_preset
from dgljoint.config.run_config import RunConfig
from dgljoint.config.sources import layered, resolve_config
from dgljoint.data.classes import choose_classes
from dgljoint.data.store import CascadeStore, StoredSplit, shared_threads
from dgljoint.errors import DataError, DgljointError, UsageError
from dgljoint.plugins.registry import PluginEntry, Registry
from dgljoint.plugins.selection import select
from dgljoint.runs.many.executors import Pool
from dgljoint.runs.many.job import Job, TrialPlan, digest_of, program_of
from dgljoint.runs.many.runner import RunsProgress, run_jobs
from dgljoint.runs.records import NO_MODEL, Key, RunRecord, done_runs, failed
from dgljoint.runs.summary import run_name
from dgljoint.training.inputs import with_all_options
from dgljoint.training.parts import folds_offered, part_under_test, training_parts
from dgljoint_bench.results.database import DataRecord, Results
from dgljoint_bench.suites.names import WITHOUT_MODEL, folder_name
from dgljoint_bench.suites.suite import MOST_SEEDS, Settings, Suite, Table

_CLASSIFIERS = "dgljoint_bench.suites.classifiers:classifier_metrics"


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """The runs of a suite."""

    suite: Suite
    tables: dict[int, DataRecord]  # what is known of each table's data, by its place in the suite
    jobs: tuple[Job, ...]  # in the order they are run: all rows of a fold before the next fold
    # returns the digest of any run; `None` for one that cannot be planned
    digest_of: Callable[[Key], str | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A table with its data open, as all of its configurations see them."""

    table: Table
    store: CascadeStore
    split: StoredSplit
    test_on: CascadeStore | None
    folds: tuple[int, ...]
    observed_share: float  # of the posts
    labels: tuple[str, ...]
    merge: dict[str, tuple[str, ...]]
    record: DataRecord


def plan_suite(
    suite: Suite, files: Mapping[str, Path], out: Path, registry: Registry, *,
    folds: Sequence[int] | None = None, seeds: Sequence[int] | None = None,
    configurations: Sequence[str] | None = None, tables: Sequence[str] | None = None,
    device: str = "cpu",
) -> SuitePlan:
    """Work out the jobs of a suite, of which some folds, seeds and so on may be chosen.

    Cascade files go by the names that the suite uses; tables whose data are not among ``files``
    are left out.
    """
    if seeds and max(seeds) >= MOST_SEEDS:
        raise UsageError(f"there is no seed {max(seeds)}", hint="seeds are below 2^63")
    opened = {
        place: _open(suite, table, files, folds)
        for place, table in enumerate(suite.tables)
        if set(table.files) <= files.keys() and (tables is None or table.title in tables)
    }
    by_title = {one.table.title: one for one in opened.values()}
    plan = partial(_job, suite, by_title, out, registry, device)

    def digest(key: Key) -> str | None:
        one = by_title.get(key.data)
        if one is None or key.configuration not in (NO_MODEL, *suite.rows_of(one.table)):
            return None
        try:
            return plan(key).digest
        except DgljointError:
            return None

    chosen = tuple(configurations or suite.configurations)
    return SuitePlan(
        suite=suite,
        tables={place: one.record for place, one in opened.items()},
        jobs=tuple(map(plan, _keys(suite, opened.values(), chosen, seeds or suite.seeds))),
        digest_of=digest,
    )


def _open(
    suite: Suite, table: Table, files: Mapping[str, Path], folds: Sequence[int] | None
) -> _Opened:
    whole = CascadeStore(files[table.data])
    common = _common_to_all(suite, table, whole.path)
    labels, merge = common.labels, common.merge
    with _naming(suite, table.title, "table"):
        store, split = choose_classes(whole, whole.split(table.split), labels, merge)
    offered = range(folds_offered(split))
    named = tuple(folds) if folds is not None else table.folds
    chosen = tuple(offered) if named == "all" else tuple(named)
    for fold in chosen:
        part_under_test(split, fold)  # refuses one that is not offered
    other = CascadeStore(files[table.test_on]) if table.test_on else None
    record = DataRecord(
        name=table.title, data=store.name, cascades=len(store), posts=store.posts,
        digest=store.content_digest, split=split.name, split_digest=split.digest,
        kept_apart=store.kept_apart(split.name), ordered=bool(split.ordered_by), folds=len(offered),
        test_on=None if other is None else other.name,
        test_digest=None if other is None else other.content_digest,
        test_shared=None if other is None else int(shared_threads(store, other).sum()),
    )
    share = common.cascade.observed_share
    return _Opened(table, store, split, other, chosen, share, labels, merge, record)


def _common_to_all(suite: Suite, table: Table, data: Path) -> RunConfig:
    """Refuse unequal budgets, targets and classes; return a configuration that has those of all."""
    resolved = [
        (name, _resolved(suite, table, name, settings, {"data": str(data)}))
        for name in suite.rows_of(table)
        for settings in suite.trials_of(name)
    ]
    if not resolved:
        raise UsageError(
            f"'{table.title}' is without every configuration", hint="leave it out of the suite"
        )
    shares = {config.cascade.observed_share for _, config in resolved}
    classes = {config.classes or "all" for _, config in resolved}
    budgets: dict[tuple[int, int], str] = {}
    for name, config in resolved:
        budgets.setdefault((config.train.epochs, config.train.patience), name)
    if len(shares) > 1:
        raise UsageError(
            f"'{table.title}' has configurations that observe {sorted(shares)} of the posts: "
            "they have other targets",
            hint="set cascade.observed_share for the whole suite",
        )
    if len(classes) > 1:
        raise UsageError(
            f"'{table.title}' has configurations of other classes: {' and '.join(sorted(classes))}",
            hint="set labels and merge for the whole table",
        )
    if len(budgets) > 1:
        named = "; ".join(
            f"'{name}' {epochs} epochs and patience {patience}"
            for (epochs, patience), name in budgets.items()
        )
        raise UsageError(
            f"'{table.title}' has configurations of unequal budgets: {named}",
            hint="set train.epochs and train.patience for the whole suite",
        )
    return resolved[0][1]


def _keys(
    suite: Suite, opened: Iterable[_Opened], configurations: Sequence[str], seeds: Sequence[int]
) -> list[Key]:
    """Return the runs, in order: the first seed first, and in it fold by fold."""
    turns = {}
    for place, one in enumerate(opened):
        offered = suite.rows_of(one.table)
        names = [name for name in configurations if name in offered]
        rows = [(name, seed) for name in names for seed in seeds]
        # classifiers have nothing to learn where nothing has a label
        labelled = bool((one.store.label >= 0).any())
        rows += [(NO_MODEL, 0)] if names and labelled else []
        for number, (name, seed) in enumerate(rows):
            for fold in one.folds:
                key = Key(suite.name, one.table.title, name, fold, seed)
                turns[seed, fold, place, number] = key
    return [turns[turn] for turn in sorted(turns)]


def _job(
    suite: Suite, tables: Mapping[str, _Opened], out: Path, registry: Registry, device: str,
    key: Key,
) -> Job:
    one = tables[key.data]
    names = (suite.name, key.data, key.configuration or WITHOUT_MODEL)
    settings = () if key.configuration == NO_MODEL else suite.trials_of(key.configuration)
    made = [_trial(suite, one, key, trial, registry) for trial in settings]
    job = Job(
        key=key, folder=out.joinpath(*map(folder_name, names), run_name(key)).resolve(),
        trials=tuple(trial for trial, _ in made), data=one.store.path.resolve(),
        split=one.split.name, fold=key.fold, without_model=_CLASSIFIERS,
        observed_share=one.observed_share if key.configuration == NO_MODEL else 0.0,
        labels=one.labels, merge=one.merge,
        data_digest=one.record.digest, split_digest=one.record.split_digest,
        test_on=None if one.test_on is None else one.test_on.path.resolve(),
        test_digest=one.record.test_digest or "", deadlines=suite.deadlines,
        program=program_of(entry for _, entries in made for entry in entries), device=device,
    )
    return replace(job, digest=digest_of(job))


def _trial(
    suite: Suite, one: _Opened, key: Key, settings: Settings, registry: Registry
) -> tuple[TrialPlan, list[PluginEntry]]:
    """Return a trial with all options, and the entries of its plugins."""
    given = {
        "data": str(one.store.path.resolve()), "split": one.split.name, "fold": key.fold,
        "seed": suite.seed_of(key.configuration, key.seed),
    }
    config = _resolved(suite, one.table, key.configuration, settings, given)
    with _naming(suite, key.configuration):
        selection = select(registry, config)
    meta = selection.weighter.spec.needs_meta_split
    training_parts(one.store, one.split, key.fold, seed=config.seed, meta=meta)
    config = with_all_options(config, selection, one.store)
    trial = TrialPlan(settings=settings, config=config.model_dump(mode="json"))
    return trial, [used.entry for used in selection.components]


def _resolved(
    suite: Suite, table: Table, name: str, settings: Settings, given: Settings
) -> RunConfig:
    configuration = suite.configurations[name]
    layers = (suite.settings, table.settings, configuration.settings, settings)
    with _naming(suite, name):
        preset = find_preset(configuration.preset) if configuration.preset else None
        return resolve_config(preset=preset, command_line={**layered(layers), **given})


@contextmanager
def _naming(suite: Suite, name: str, what: str = "configuration") -> Iterator[None]:
    """Name the configuration in an error."""
    try:
        yield
    except DgljointError as error:
        where = f"suite {suite.name}, {what} '{name}'"
        raise type(error)(f"{where}: {error.message}", hint=error.hint) from error


def run_suite(
    plan: SuitePlan, results: Results, out: Path, pool: Pool, *, progress: RunsProgress,
    keep_open: Iterable[int] = (), replace: bool = False,
) -> tuple[RunRecord, ...]:
    """Run the jobs of a plan that are not recorded; each is recorded as soon as it ends.

    A run that fails stops no other, and is tried again the next time. Returns the records of all
    runs of the plan, in its order.
    """
    left = jobs_left(plan, results, replace=replace)
    results.describe(plan.suite.name, plan.suite.model_dump(mode="json"), plan.tables)
    waiting = {job.key for job in left}
    known = {one.key: one for one in results.cells(plan.suite.name)}
    done = [known[job.key] for job in plan.jobs if job.key not in waiting]

    def keep(record: RunRecord) -> RunRecord:
        try:
            results.record(record)
        except DataError as error:
            record = failed(record.key, record.digest, error)
            results.record(record)
        return record

    found = run_jobs(
        left, done, out, pool, keep=keep, progress=progress, keep_open=keep_open,
        go_on=f"continue with the same command: dgljoint {shlex.join(sys.argv[1:])}",
    )
    by_key = {one.key: one for one in (*done, *found)}
    return tuple(by_key[job.key] for job in plan.jobs)


def jobs_left(plan: SuitePlan, results: Results, *, replace: bool) -> list[Job]:
    """Return the jobs of a plan that are not recorded."""
    # What has failed may be corrected.
    done = {one.key: one.digest for one in done_runs(results.cells(plan.suite.name))}
    asked = {job.key: job.digest for job in plan.jobs}
    changed = [key for key, digest in asked.items() if done.get(key, digest) != digest]
    if changed and not replace:
        raise UsageError(
            f"{results.path} holds {_several(changed)}, run with other settings",
            hint="name another --results file, or run them again with --replace",
        )
    others = [key for key in done if key not in asked]
    stale = [key for key in others if plan.digest_of(key) not in (None, done[key])]
    if stale:
        raise UsageError(
            f"{results.path} holds {_several(stale)}, run with other settings, and what runs now "
            "would be compared with it",
            hint="name another --results file, or run all of them again: --replace, and nothing "
            "left out by --only, --table, --folds or --seeds",
        )
    return [job for job in plan.jobs if done.get(job.key) != job.digest]


def _several(keys: Sequence[Key]) -> str:
    return f"{keys[0]}" + (f", and {len(keys) - 1} more runs" if len(keys) > 1 else "")
