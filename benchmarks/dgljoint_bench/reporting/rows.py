"""The rows of a table: what was run, what guesses come to, and what others published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dgljoint.training.study_summary import Spread, spread
from dgljoint_bench.reporting.costs import COSTS
from dgljoint_bench.reporting.series import by_fold
from dgljoint_bench.results.records import (
    FAILED,
    MODEL,
    NO_MODEL,
    CellRecord,
    DataRecord,
    done_cells,
)
from dgljoint_bench.suites.suite import Suite, Table

CONFIGURATION, CLASSIFIER, GUESS, PUBLISHED = "configuration", "classifier", "guess", "published"
KINDS = (CONFIGURATION, CLASSIFIER, GUESS, PUBLISHED)
"""Of rows, in the order they stand."""
BASELINES = (CLASSIFIER, GUESS)
"""Kinds of rows that need no model."""
NO_MODELS = "classifiers without a model"

Place = tuple[int, int]
"""Fold and seed."""
Values = dict[str, dict[Place, float]]
"""By figure and place."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many cells of a configuration there are.

    Attributes:
        name: of the configuration, or :data:`NO_MODELS`.
        asked: that there should be: one a fold and seed, or a fold.
        done: that have their figures.
        failures: where and why others failed.
        costs: of the cells that are done, by short name.
    """

    name: str
    asked: int
    done: int
    failures: tuple[str, ...]
    costs: dict[str, Spread]

    @property
    def missing(self) -> int:
        """Number of cells that were not run."""
        return self.asked - self.done - len(self.failures)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        name: of the configuration, classifier, guess or method.
        kind: one of :data:`KINDS`.
        asked: number of places, a fold and a seed each, that it should have; 0 for what was
            published.
        figures: mean and spread by short name; what was published has neither spread nor number.
        values: that they are made of.
        protocol: of what was published: how folds were cut and epochs selected.
        source: of what was published.
    """

    name: str
    kind: str
    asked: int
    figures: dict[str, Spread]
    values: Values = field(default_factory=dict)
    protocol: str = ""
    source: str = ""

    @property
    def title(self) -> str:
        """Its name in print."""
        return f"{self.name}, published" if self.kind == PUBLISHED else self.name


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a table.

    Attributes:
        folds: that the suite asks for, and others that cells were run on.
        seeds: that the suite names, and others that cells were run with.
        rows: in the order they stand.
        progress: of every configuration, in the order of the suite, and of what needs no model.
        stray: number of cells of configurations that the suite has no more; they are in no row.
        versions: of Python, packages and plugins, those of which cells have several.
    """

    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    progress: tuple[Progress, ...]
    stray: int
    versions: dict[str, tuple[str, ...]]


def gather(
    suite: Suite, table: Table, record: DataRecord, cells: Iterable[CellRecord]
) -> Rows:
    """Sort the cells of a table into its rows.

    Args:
        suite: that was run.
        table: of the suite.
        record: its data.
        cells: of that table, in any order.
    """
    own = sorted(cells, key=lambda cell: (cell.key.fold, cell.key.seed))
    names = [name for name in suite.configurations if name not in table.without]
    wanted = [cell for cell in own if cell.key.configuration in (*names, NO_MODEL)]
    asked = range(record.folds) if table.folds == "all" else table.folds
    folds = tuple(sorted({*asked, *(cell.key.fold for cell in wanted)}))
    seeds = tuple(sorted({*suite.seeds, *(cell.key.seed for cell in wanted if not _bare(cell))}))
    by_name = {
        name: [cell for cell in wanted if cell.key.configuration == name]
        for name in (*names, NO_MODEL)
    }
    return Rows(
        folds=folds,
        seeds=seeds,
        rows=(
            *_configurations(names, by_name, len(folds) * len(seeds)),
            *_without_model(by_name, names, len(folds)),
            *_published(suite, table),
        ),
        progress=(
            *(_progress(name, by_name[name], len(folds) * len(seeds)) for name in names),
            _progress(NO_MODELS, by_name[NO_MODEL], len(folds)),
        ),
        stray=len(own) - len(wanted),
        versions=_several_versions(wanted),
    )


def _several_versions(cells: Iterable[CellRecord]) -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for cell in done_cells(cells):
        for name, version in cell.versions.items():
            found[name].add(version)
    return {name: tuple(sorted(found[name])) for name in sorted(found) if len(found[name]) > 1}


def _bare(cell: CellRecord) -> bool:
    return cell.key.configuration == NO_MODEL


def _configurations(
    names: Iterable[str], by_name: dict[str, list[CellRecord]], asked: int
) -> Iterable[Row]:
    for name in names:
        values: Values = defaultdict(dict)
        for cell in done_cells(by_name[name]):
            for figure, value in cell.figures.get(MODEL, {}).items():
                values[figure][cell.key.fold, cell.key.seed] = value
        yield _row(name, CONFIGURATION, asked, values)


def _without_model(
    by_name: dict[str, list[CellRecord]], names: Iterable[str], asked: int
) -> Iterable[Row]:
    """Make the rows of classifiers, then those of guesses, which every model cell has."""
    of_models = [cell for name in names for cell in by_name[name]]
    for kind, cells in ((CLASSIFIER, by_name[NO_MODEL]), (GUESS, of_models)):
        rows: defaultdict[str, Values] = defaultdict(dict)
        for row, figures in by_fold(done_cells(cells)).items():
            for figure, folds in figures.items():
                rows[row][figure] = {(fold, 0): value for fold, value in folds.items()}
        yield from (_row(name, kind, asked, rows[name]) for name in sorted(rows))


def _published(suite: Suite, table: Table) -> Iterable[Row]:
    for one in suite.published:
        if one.table == table.title:
            figures = {name: Spread(value, None, 0) for name, value in one.figures.items()}
            yield Row(
                one.method, PUBLISHED, 0, figures, protocol=one.protocol, source=one.source
            )


def _row(name: str, kind: str, asked: int, values: Values) -> Row:
    ordered = {
        figure: dict(sorted(places.items())) for figure, places in sorted(values.items())
    }
    figures = {figure: spread(list(places.values())) for figure, places in ordered.items()}
    return Row(name, kind, asked, figures, ordered)


def _progress(name: str, cells: Sequence[CellRecord], asked: int) -> Progress:
    done = done_cells(cells)
    costs = {}
    for short, cost in COSTS.items():
        known = [value for value in map(cost.of, done) if value is not None]
        if known:
            costs[short] = spread(known)
    failures = tuple(
        f"{cell.key}: {cell.message or 'it did not say why'}"
        for cell in cells if cell.state == FAILED
    )
    return Progress(name, asked, len(done), failures, costs)
