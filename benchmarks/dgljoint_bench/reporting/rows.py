"""The rows of a table: what was run, trivial guesses, and what others published."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from dgljoint.evaluation.scores import BEST, MATCHED, MODEL
from dgljoint.runs.records import FAILED, NO_MODEL, RunRecord, done_runs
from dgljoint.runs.summary import Spread, matched_spread, spread
from dgljoint_bench.reporting.titles import COSTS
from dgljoint_bench.results.database import DataRecord
from dgljoint_bench.suites.suite import Suite, Table

CONFIGURATION, CLASSIFIER, GUESS, PUBLISHED = "configuration", "classifier", "guess", "published"
NOISE = "noise floor"  # a configuration with other seeds: it is in no test and never the best
BOUND = "bound"  # the best that is possible, on generated data
KINDS = (CONFIGURATION, NOISE, CLASSIFIER, GUESS, BOUND, PUBLISHED)  # in the order they are shown
BASELINES = (CLASSIFIER, GUESS)  # kinds of rows that need no model
NO_MODELS = "classifiers without a model"

Values = dict[str, dict[tuple[int, int], float]]  # by metric, then by fold and seed


@dataclass(frozen=True, slots=True)
class Progress:
    """How many cells of a configuration there are."""

    name: str  # of the configuration, or NO_MODELS
    asked: int  # that there should be: one per fold and seed, or per fold
    done: int  # that have their metrics
    failures: tuple[str, ...]  # where and why others failed
    costs: dict[str, Spread]  # of the cells that are done, by short name
    tested: bool = True  # whether it is a configuration that could be the best

    @property
    def missing(self) -> int:
        """Number of cells that were not run."""
        return self.asked - self.done - len(self.failures)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    name: str  # of the configuration, classifier, guess or method
    kind: str  # one of KINDS
    asked: int  # number of folds and seeds that it should have; 0 for what was published
    # mean and spread by metric; what was published has neither spread nor number
    figures: dict[str, Spread]
    values: Values = field(default_factory=dict)
    protocol: str = ""  # of what was published: how folds were made and epochs selected
    source: str = ""  # of what was published
    same_as: str = ""  # an earlier configuration that trained the same on these data

    @property
    def title(self) -> str:
        """Its name in print."""
        if self.same_as:
            return f"{self.name} (same as {self.same_as})"
        return f"{self.name}, published" if self.kind == PUBLISHED else self.name


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a table."""

    folds: tuple[int, ...]  # of the suite, and others that cells were run on
    seeds: tuple[int, ...]  # of the suite, and others that cells were run with
    rows: tuple[Row, ...]
    # of every configuration, in the order of the suite, and of what needs no model
    progress: tuple[Progress, ...]
    stray: int  # number of cells of configurations that the suite no longer has; they are in no row
    # of Python, packages and plugins, those of which cells have several
    versions: dict[str, tuple[str, ...]]


def gather(suite: Suite, table: Table, record: DataRecord, cells: Iterable[RunRecord]) -> Rows:
    """Sort the cells of a table of a suite, in any order, into its rows."""
    own = sorted(cells, key=lambda cell: (cell.key.fold, cell.key.seed))
    names = suite.rows_of(table)
    same = same_configurations(own, names)
    by_name = {
        name: [cell for cell in own if cell.key.configuration == name]
        for name in (*names, NO_MODEL)
    }
    wanted = [cell for some in by_name.values() for cell in some]
    of_models = [cell for name in names for cell in by_name[name]]
    given = range(record.folds) if table.folds == "all" else table.folds
    folds = tuple(sorted({*given, *(cell.key.fold for cell in wanted)}))
    seeds = tuple(sorted({*suite.seeds, *(cell.key.seed for cell in of_models)}))
    places = len(folds) * len(seeds)
    versions: defaultdict[str, set[str]] = defaultdict(set)
    for cell in done_runs(wanted):
        for name, version in cell.versions.items():
            versions[name].add(version)
    return Rows(
        folds=folds, seeds=seeds,
        rows=(
            *(
                _configuration(
                    name, by_name[name], places,
                    NOISE if name == suite.other_seeds else CONFIGURATION, same.get(name, ""),
                )
                for name in names
            ),
            *_without_model(CLASSIFIER, by_name[NO_MODEL], len(folds)),
            *_without_model(GUESS, of_models, len(folds)),
            *_published(suite, table),
        ),
        progress=(
            *(
                _progress(name, by_name[name], places, tested=name != suite.other_seeds)
                for name in names
            ),
            _progress(NO_MODELS, by_name[NO_MODEL], len(folds), tested=False),
        ),
        stray=len(own) - len(wanted),
        versions={
            name: tuple(sorted(some)) for name, some in sorted(versions.items()) if len(some) > 1
        },
    )


def same_configurations(
    cells: Iterable[RunRecord], names: Sequence[str]
) -> dict[str, str]:
    """Return the configurations that trained the same on one table as an earlier one of ``names``.

    Data may leave no difference: where nothing asks the cascade task, it is left out, and with it
    the losses of an interaction that depends on it. All runs must be the same as its counterpart.
    """
    trained: dict[str, dict[tuple[int, int], dict[str, Any]]] = {name: {} for name in names}
    for cell in done_runs(cells):
        if cell.key.configuration in trained and cell.config:
            place = (cell.key.fold, cell.key.seed)
            trained[cell.key.configuration][place] = cell.algorithm
    found: dict[str, str] = {}
    for number, name in enumerate(names):
        own = trained[name]
        for earlier in names[:number]:
            if own and earlier not in found and own.items() <= trained[earlier].items():
                found[name] = earlier
                break
    return found


def by_fold(cells: Iterable[RunRecord]) -> dict[str, dict[str, dict[int, float]]]:
    """Return what needs no model: the mean over the cells of each fold, by row and metric.

    A guess is made from the training set. Cells of a fold that leave out more or less of it, by
    their seed or for a weighter that learns on some of it, may guess differently.
    """
    found: defaultdict[str, defaultdict[str, defaultdict[int, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for cell in cells:
        for row, metrics in cell.figures.items():
            for metric, value in metrics.items() if row != MODEL else ():
                found[row][metric][cell.key.fold].append(value)
    return {
        row: {
            metric: {fold: fmean(values) for fold, values in folds.items()}
            for metric, folds in metrics.items()
        }
        for row, metrics in found.items()
    }


def _configuration(
    name: str, cells: Iterable[RunRecord], asked: int, kind: str, same_as: str
) -> Row:
    values: Values = defaultdict(dict)
    for cell in done_runs(cells):
        for metric, value in cell.figures.get(MODEL, {}).items():
            values[metric][cell.key.fold, cell.key.seed] = value
    return replace(_row(name, kind, asked, values), same_as=same_as)


def _without_model(kind: str, cells: Iterable[RunRecord], asked: int) -> Iterator[Row]:
    for row, metrics in sorted(by_fold(done_runs(cells)).items()):
        yield _row(row, BOUND if row.startswith(BEST) else kind, asked, {
            metric: {(fold, 0): value for fold, value in folds.items()}
            for metric, folds in metrics.items()
        })


def _published(suite: Suite, table: Table) -> Iterator[Row]:
    for one in suite.published:
        if one.table == table.title:
            metrics = {name: Spread(value, None, 0) for name, value in one.figures.items()}
            yield Row(one.method, PUBLISHED, 0, metrics, protocol=one.protocol, source=one.source)


def _row(name: str, kind: str, asked: int, values: Values) -> Row:
    ordered = {metric: dict(sorted(places.items())) for metric, places in sorted(values.items())}
    metrics = {metric: spread(list(places.values())) for metric, places in ordered.items()}
    runs: defaultdict[tuple[int, int], dict[str, float]] = defaultdict(dict)
    for metric, places in values.items():
        for place, value in places.items():
            runs[place][metric] = value
    pooled = matched_spread((seed, figures) for (_, seed), figures in runs.items())
    if pooled is not None:
        metrics[MATCHED] = pooled
    return Row(name, kind, asked, metrics, ordered)


def _progress(name: str, cells: Sequence[RunRecord], asked: int, *, tested: bool) -> Progress:
    done = done_runs(cells)
    known = {
        short: [value for value in map(cost.of, done) if value is not None]
        for short, cost in COSTS.items()
    }
    failures = tuple(
        f"{cell.key}: {cell.message or 'no reason was recorded'}"
        for cell in cells if cell.state == FAILED
    )
    costs = {short: spread(values) for short, values in known.items() if values}
    return Progress(name, asked, len(done), failures, costs, tested)
