"""Tables as they are shown, before any form: captions, columns, cells of text, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dgljoint.training.study_summary import Spread
from dgljoint_bench.reporting.costs import COSTS
from dgljoint_bench.reporting.notes import difference_notes, rank_notes, table_notes
from dgljoint_bench.reporting.report import SuiteReport, TableReport
from dgljoint_bench.reporting.rows import CONFIGURATION, KINDS, Progress, Row
from dgljoint_bench.reporting.statistics import Beside
from dgljoint_bench.reporting.titles import deadline_title, title_of

NOTHING = "–"
_SELECTED = "epochs and trials were selected on the validation part only"


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a row and column."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table to show.

    Attributes:
        title: in a few words.
        caption: what must be known to read it, whole sentences without the last full stop.
        columns: titles of all but the first, whose rows are names.
        blocks: groups of rows, each a row's name and its entries.
        notes: to stand below, each a sentence without its full stop.
    """

    title: str
    caption: str
    columns: tuple[str, ...]
    blocks: tuple[tuple[tuple[str, tuple[Entry, ...]], ...], ...]
    notes: tuple[str, ...] = ()


def grids_of(report: SuiteReport, *, bold: str = "bold") -> list[Grid]:
    """Lay out a suite: of each table figures, deadlines, differences and costs, then ranks.

    Args:
        report: of the suite.
        bold: how the form calls a best figure that is marked.
    """
    found: list[Grid] = []
    for table in report.tables:
        found.append(_figure_grid(table, bold))
        found += [_deadline_grid(table, figure, bold) for figure in table.deadlines]
        if any(one.figure in table.figures for one in table.beside):
            found.append(_difference_grid(table))
        found.append(_cost_grid(table))
    if report.ranks:
        found.append(_rank_grid(report))
    return [*found, *_not_run(report)]


def compact_grids(report: SuiteReport) -> list[Grid]:
    """Lay out the figures of each table of a suite, and those by deadline, with short captions."""
    found: list[Grid] = []
    for table in report.tables:
        found.append(_compact(table, table.name, table.figures, map(title_of, table.figures)))
        for figure, names in table.deadlines.items():
            title = f"{table.name}, early {title_of(figure)}"
            found.append(_compact(table, title, names, _deadline_titles(names)))
    return [*found, *_not_run(report)]


def _compact(
    table: TableReport, title: str, figures: Sequence[str], columns: Iterable[str]
) -> Grid:
    return Grid(
        title=f"{title} (suite {table.suite})",
        caption=f"{_cut(table)}; mean ± sd over cells, {_SELECTED}",
        columns=tuple(columns),
        blocks=_blocks(table, figures),
        notes=tuple(table_notes(table, figures, failures=False)),
    )


def _not_run(report: SuiteReport) -> Iterable[Grid]:
    if report.not_run:
        names = "; ".join(report.not_run)
        yield Grid(f"{report.suite.name}: not run", f"No cell is recorded of {names}", (), ())


def _figure_grid(table: TableReport, bold: str) -> Grid:
    return Grid(
        title=f"{table.suite}: {table.name}",
        caption=_caption(table),
        columns=tuple(map(title_of, table.figures)),
        blocks=_blocks(table, table.figures),
        notes=tuple(table_notes(table, table.figures, bold)),
    )


def _deadline_grid(table: TableReport, figure: str, bold: str) -> Grid:
    names = table.deadlines[figure]
    return Grid(
        title=f"{table.suite}: {table.name}, early {title_of(figure)}",
        caption=f"{_caption(table)}. What is seen of each cascade differs by column",
        columns=tuple(_deadline_titles(names)),
        blocks=_blocks(table, names),
        notes=tuple(table_notes(table, names, bold)),
    )


def _deadline_titles(names: Iterable[str]) -> Iterator[str]:
    return (deadline_title(name.partition("@")[2]) for name in names)


def _difference_grid(table: TableReport) -> Grid:
    blocks = tuple(
        tuple(
            (f"{title_of(figure)}: {one.configuration}", _difference(one))
            for one in table.beside if one.figure == figure
        )
        for figure in table.figures
    )
    return Grid(
        title=f"{table.suite}: {table.name}, differences from {table.reference}",
        caption=f"{_cut(table)}. Each configuration minus {table.reference}, paired over folds and "
        "seeds: 95 % interval by resampling pairs; p by Wilcoxon's signed-rank test, corrected by "
        "Holm for all configurations of a figure; probabilities of being worse, practically equal "
        "and better by the Bayesian signed-rank test",
        columns=(
            "pairs", "difference", "sd", "95 % interval", "p", "p, Holm", "P(worse)",
            "P(equal)", "P(better)", "wins/ties/losses",
        ),
        blocks=tuple(block for block in blocks if block),
        notes=tuple(difference_notes(table)),
    )


def _cost_grid(table: TableReport) -> Grid:
    return Grid(
        title=f"{table.suite}: {table.name}, cost",
        caption=f"{table.record.data}, means over the cells that are done: trials and epochs "
        "trained in them; seconds, processor seconds and most memory of a cell's process; "
        "trainable parameters. Seconds hang on what else the machine did",
        columns=("cells", *(cost.title for cost in COSTS.values())),
        blocks=(
            tuple(
                (one.name, (Entry(f"{one.done} of {one.asked}"), *_costs(one)))
                for one in table.cells.progress
            ),
        ),
    )


def _rank_grid(report: SuiteReport) -> Grid:
    by_figure = {
        one.figure: dict(zip(one.ranks.names, one.ranks.ranks, strict=True))
        for one in report.ranks
    }
    return Grid(
        title=f"{report.suite.name}: average ranks",
        caption="Ranks of configurations, 1 the best, averaged over the folds of the tables "
        f"{', '.join(map(_with_protocol, report.tables))}; of each fold the mean over seeds. "
        "Folds of one table are not independent: the tests find too much rather than too little",
        columns=tuple(map(title_of, by_figure)),
        blocks=(
            tuple(
                (name, tuple(_rank(ranks.get(name)) for ranks in by_figure.values()))
                for name in report.suite.configurations
                if any(name in ranks for ranks in by_figure.values())
            ),
        ),
        notes=tuple(rank_notes(report)),
    )


def _with_protocol(table: TableReport) -> str:
    caution = table.record.caution
    return f"{table.name} ({caution})" if caution else table.name


def _cut(table: TableReport) -> str:
    record, cells = table.record, table.cells
    return (
        f"{record.data}, {record.cascades:,} cascades of {record.posts:,} posts; "
        f"{record.protocol}; {_numbers('fold', cells.folds)}, {_numbers('seed', cells.seeds)}"
    )


def _caption(table: TableReport) -> str:
    return (
        f"{_cut(table)}. Mean ± standard deviation of the test parts: of configurations over "
        f"cells, a fold and a seed each; of classifiers and guesses over folds; {_SELECTED}"
    )


def _numbers(kind: str, numbers: Sequence[int]) -> str:
    listed = ", ".join(map(str, numbers)) or "none"
    return f"{kind}{'' if len(numbers) == 1 else 's'} {listed}"


def _blocks(
    table: TableReport, figures: Sequence[str]
) -> tuple[tuple[tuple[str, tuple[Entry, ...]], ...], ...]:
    return tuple(
        tuple(
            (row.title, tuple(_figure(table, row, name) for name in figures))
            for row in table.cells.rows
            if row.kind == kind and _stands(row, figures)
        )
        for kind in KINDS
    )


def _stands(row: Row, figures: Sequence[str]) -> bool:
    """Say whether a row stands in a table of some figures; one that should have some does."""
    unknown = row.kind == CONFIGURATION and not row.figures
    return unknown or any(name in row.figures for name in figures)


def _figure(table: TableReport, row: Row, name: str) -> Entry:
    found = row.figures.get(name)
    if found is None:
        return Entry(NOTHING)
    text = _spread(found)
    if row.asked and found.n < row.asked:
        text += f" (n = {found.n})"
    return Entry(text, bold=table.is_best(row, name))


def _spread(found: Spread) -> str:
    return f"{found.mean:.3f}" if found.sd is None else f"{found.mean:.3f} ± {found.sd:.3f}"


def _difference(one: Beside) -> tuple[Entry, ...]:
    found, posterior = one.found, one.posterior
    low_high = "{:+.3f} to {:+.3f}".format(*found.interval) if found.interval else NOTHING
    chances = (
        (NOTHING,) * 3 if posterior is None
        else tuple(f"{p:.2f}" for p in (posterior.worse, posterior.equal, posterior.better))
    )
    texts = (
        str(one.pairs), f"{found.difference:+.3f}",
        NOTHING if found.sd is None else f"{found.sd:.3f}", low_high, _chance(found.p),
        _chance(one.p), *chances, f"{found.wins}/{found.ties}/{found.losses}",
    )
    return tuple(map(Entry, texts))


def _chance(p: float | None) -> str:
    return NOTHING if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _costs(one: Progress) -> Iterable[Entry]:
    for name in COSTS:
        found, digits = one.costs.get(name), 1 if name == "epochs" else 0
        yield Entry(NOTHING if found is None else f"{found.mean:,.{digits}f}")


def _rank(rank: float | None) -> Entry:
    return Entry(NOTHING if rank is None else f"{rank:.2f}")
