"""A report: the tables of the suites in a results file, with their statistics."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dgljoint.config.options import parse_options
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.scores import TITLES
from dgljoint.runs.records import RunRecord
from dgljoint_bench.reporting import statistics
from dgljoint_bench.reporting.rows import (
    BASELINES,
    CONFIGURATION,
    Row,
    Rows,
    gather,
    same_configurations,
)
from dgljoint_bench.reporting.series import blocks
from dgljoint_bench.reporting.titles import check_figures, in_order, lower_is_better
from dgljoint_bench.results.database import DataRecord, Results
from dgljoint_bench.suites.names import check_known
from dgljoint_bench.suites.suite import Suite, Table


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table of a suite."""

    suite: str
    name: str
    record: DataRecord  # its data and their split
    cells: Rows
    figures: tuple[str, ...]  # columns: short names of metrics that a row has
    deadlines: dict[str, tuple[str, ...]]  # by metric, its short names with a deadline, in order
    reference: str  # configuration that the others are compared with; empty for none
    differences: tuple[statistics.AgainstReference, ...]
    noise: dict[str, statistics.NoiseFloor]  # by metric, where a row has other seeds
    best: dict[str, statistics.Best]

    @property
    def shown(self) -> tuple[str, ...]:
        """All metrics, those with a deadline after those without."""
        return _shown(self.figures, self.deadlines)

    def is_best(self, row: Row, metric: str) -> bool:
        """Return whether a row is the configuration that is better than every other row run."""
        best = self.best.get(metric)
        return (
            best is not None and best.significant and row.kind == CONFIGURATION
            and best.configuration == row.name and self.beats_baseline(row, metric)
        )

    def baseline(self, metric: str) -> Row | None:
        """Return the best row that needs no model; ``None`` where none has the metric."""
        sign = -1 if lower_is_better(metric) else 1
        having = [r for r in self.cells.rows if r.kind in BASELINES and metric in r.figures]
        return max(having, key=lambda row: sign * row.figures[metric].mean, default=None)

    def beats_baseline(self, row: Row, metric: str) -> bool:
        """Return whether a row has a better mean than every one that needs no model."""
        sign, baseline = -1 if lower_is_better(metric) else 1, self.baseline(metric)
        if baseline is None:
            return True
        return sign * (row.figures[metric].mean - baseline.figures[metric].mean) > 0


@dataclass(frozen=True, slots=True)
class RankReport:
    """How the configurations that have a metric rank over the folds of all tables.

    ``offered`` counts the folds in which any has it; ranked are those that all have.
    """

    figure: str
    ranks: statistics.Ranks
    offered: int


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """One suite as it was last run: the chosen tables, and ranks where there are several."""

    suite: Suite
    tables: tuple[TableReport, ...]
    not_run: tuple[str, ...]
    ranks: tuple[RankReport, ...]


def held_suites(results: Results) -> dict[str, Suite]:
    """Return the suites of a results file, by name, as they were last run."""
    found: dict[str, Suite] = {}
    for name, values in results.suites().items():
        if not isinstance(values, dict):
            raise DataError(f"{results.path} is not readable: suite '{name}' is no table")
        try:
            found[name] = parse_options(Suite, values, f"suite '{name}'")
        except UsageError as error:
            raise DataError(f"{results.path} is not readable: {error.message}") from error
    return found


def read_report(
    results: Results, *, suites: Sequence[str] = (), tables: Sequence[str] = (),
    figures: Sequence[str] = (), rope: float | None = statistics.ROPE,
) -> list[SuiteReport]:
    """Read what a results file holds of some suites, and compare, unless ``rope`` is ``None``."""
    check_figures(figures)
    known = held_suites(results)
    if not known:
        raise DataError(
            f"{results.path} holds no suite yet", hint="dgljoint benchmark run SUITE fills it"
        )
    check_known(suites, known, f"{results.path} has no suite")
    chosen = [known[name] for name in dict.fromkeys(suites or known)]
    offered = [table.title for suite in chosen for table in suite.tables]
    check_known(tables, offered, f"{results.path} has no table")
    metrics = tuple(dict.fromkeys(figures))
    found = [_suite_report(results, suite, tables or offered, metrics, rope) for suite in chosen]
    return [one for one in found if one.tables or one.not_run]


def _suite_report(
    results: Results, suite: Suite, tables: Sequence[str], metrics: Sequence[str],
    rope: float | None,
) -> SuiteReport:
    records = results.data(suite.name)
    cells: defaultdict[str, list[RunRecord]] = defaultdict(list)
    for cell in results.cells(suite.name):
        cells[cell.key.data].append(cell)
    chosen = [table for table in suite.tables if table.title in tables]
    found = tuple(
        _table_report(suite, table, records[table.title], cells[table.title], metrics, rope)
        for table in chosen if table.title in records
    )
    current = ranked_cells(suite, (cell for table in found for cell in cells[table.name]))
    ranks = (_ranked(current, metric) for metric in metrics or suite.figures)
    return SuiteReport(
        suite=suite, tables=found,
        not_run=tuple(table.title for table in chosen if table.title not in records),
        ranks=tuple(one for one in ranks if one is not None) if len(found) > 1 else (),
    )


def _table_report(
    suite: Suite, table: Table, record: DataRecord, cells: list[RunRecord],
    metrics: Sequence[str], rope: float | None,
) -> TableReport:
    gathered = gather(suite, table, record, cells)
    there = {name for row in gathered.rows for name in row.figures}
    columns = tuple(name for name in metrics or suite.figures if name in there)
    deadlines = {}
    for metric in metrics or TITLES:
        named = {name.partition("@")[2] for name in there if name.startswith(f"{metric}@")}
        if named:
            ordered = in_order(named, suite.deadlines)
            deadlines[metric] = tuple(f"{metric}@{deadline}" for deadline in ordered)
    shown = _shown(columns, deadlines)
    complete = all(one.done for one in gathered.progress if one.tested)
    best = {name: statistics.best_of(gathered.rows, name, complete=complete) for name in shown}
    differences = () if rope is None else (
        one for name in shown
        for one in statistics.against_reference(gathered.rows, suite.reference, name, rope=rope)
    )
    noise = {
        name: statistics.noise_floor(gathered.rows, suite.noise_floor, name)
        for name in (shown if rope is not None else ())
    }
    return TableReport(
        suite=suite.name, name=table.title, record=record, cells=gathered,
        figures=columns, deadlines=deadlines,
        reference=suite.reference if suite.reference not in table.without else "",
        differences=tuple(differences),
        noise={name: one for name, one in noise.items() if one is not None},
        best={name: one for name, one in best.items() if one is not None},
    )


def _shown(metrics: Sequence[str], deadlines: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*metrics, *(n for names in deadlines.values() for n in names))))


def ranked_cells(suite: Suite, cells: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the cells that are ranked: of configurations, each once on a table, no other seeds."""
    names = [name for name in suite.configurations if name != suite.other_seeds]
    by_table: defaultdict[str, list[RunRecord]] = defaultdict(list)
    for cell in cells:
        by_table[cell.key.data].append(cell)
    same = {table: same_configurations(some, names) for table, some in by_table.items()}
    return [
        cell for table, some in by_table.items() for cell in some
        if cell.key.configuration in names and cell.key.configuration not in same[table]
    ]


def _ranked(cells: Sequence[RunRecord], metric: str) -> RankReport | None:
    found, partial = blocks(cells, metric)
    ranks = statistics.average_ranks(found, lower_is_better=lower_is_better(metric))
    if len(found) < 2 or not ranks.blocks:
        return None
    return RankReport(metric, ranks, ranks.blocks + len(partial))
