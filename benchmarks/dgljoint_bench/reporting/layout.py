"""Tables as they are shown, before any form: captions, columns, cells of text, notes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dgljoint._internal.text import plural
from dgljoint.evaluation.comparison import MIN_FOR_TEST, SIGNIFICANCE, Difference
from dgljoint.evaluation.metrics import MIN_FOR_INTERVAL
from dgljoint.evaluation.scores import MATCHED
from dgljoint.runs.summary import Spread
from dgljoint_bench.reporting.report import RankReport, SuiteReport, TableReport
from dgljoint_bench.reporting.rows import CONFIGURATION, KINDS, NOISE, PUBLISHED, Progress, Row
from dgljoint_bench.reporting.statistics import AgainstReference, NoiseFloor
from dgljoint_bench.reporting.titles import COSTS, deadline_title, title_of

NOTHING = "–"
_SELECTED = "epochs and trials were selected on the validation set only"


@dataclass(frozen=True, slots=True)
class Entry:
    """The text of a row and column."""

    text: str
    bold: bool = False


Block = tuple[tuple[str, tuple[Entry, ...]], ...]
"""Rows that belong together, each with its name and entries."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table to show.

    The first column has the rows' names and no title; caption and notes (shown below) are whole
    sentences without the last full stop.
    """

    title: str
    caption: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()


def grids_of(report: SuiteReport, *, bold: str = "bold") -> list[Grid]:
    """Return the metrics, deadlines, differences and costs of each table of a suite, then ranks.

    ``bold`` is what the form calls the mark of a best metric.
    """
    found: list[Grid] = []
    for table in report.tables:
        caption = (
            f"{_data(table)}. Mean ± standard deviation of the test sets: of configurations over "
            "cells, one fold and seed each; of classifiers and guesses over folds; "
            f"{_SELECTED}"
        )
        title = f"{table.suite}: {table.name}"
        found.append(_metrics(table, title, caption, table.figures, bold))
        caption += ". What is observed of each cascade differs by column"
        for metric, names in table.deadlines.items():
            early = f"{title}, early {title_of(metric)}"
            found.append(_metrics(table, early, caption, names, bold, early=True))
        if not {one.figure for one in table.differences}.isdisjoint(table.figures):
            found.append(_differences(table))
        found.append(_costs(table))
    if report.ranks:
        found.append(_ranks(report))
    return [*found, *_not_run(report)]


def compact_grids(report: SuiteReport) -> list[Grid]:
    """Return the metrics of each table of a suite, and those by deadline, with short captions."""
    found: list[Grid] = []
    for table in report.tables:
        caption = f"{_data(table)}; mean ± sd over cells, {_SELECTED}"
        shown = {"": table.figures}
        shown |= {f", early {title_of(metric)}": some for metric, some in table.deadlines.items()}
        for early, names in shown.items():
            title = f"{table.name}{early} (suite {table.suite})"
            found.append(_metrics(table, title, caption, names, early=bool(early), failures=False))
    return [*found, *_not_run(report)]


def _metrics(
    table: TableReport, title: str, caption: str, metrics: Sequence[str], bold: str = "bold", *,
    early: bool = False, failures: bool = True,
) -> Grid:
    columns = (
        deadline_title(name.partition("@")[2]) if early else title_of(name) for name in metrics
    )
    # A row without any of the metrics is left out, but for a configuration that has not run.
    rows = [
        row for row in table.cells.rows
        if not row.figures.keys().isdisjoint(metrics)
        or (row.kind in (CONFIGURATION, NOISE) and not row.figures)
    ]
    blocks = tuple(
        tuple(
            (row.title, tuple(_metric(table, row, name) for name in metrics))
            for row in rows if row.kind == kind
        )
        for kind in KINDS
    )
    notes = tuple(table_notes(table, metrics, bold, failures=failures))
    return Grid(title, caption, tuple(columns), blocks, notes)


def _metric(table: TableReport, row: Row, name: str) -> Entry:
    found: Spread | None = row.figures.get(name)
    if found is None:
        return Entry(NOTHING)
    few = f" (n = {found.n})" if row.asked and found.n < row.asked else ""
    return Entry(f"{found}{few}", bold=table.is_best(row, name))


def _differences(table: TableReport) -> Grid:
    blocks = tuple(
        tuple(
            (f"{title_of(metric)}: {one.configuration}", _difference(one))
            for one in table.differences if one.figure == metric
        ) + tuple(
            (f"{title_of(metric)}: {one.configuration} − {one.of}", _noise(one))
            for one in table.noise.values() if one.figure == metric
        )
        for metric in table.figures
    )
    return Grid(
        title=f"{table.suite}: {table.name}, differences from {table.reference}",
        caption=f"{_data(table)}. Each configuration minus {table.reference}, paired over folds "
        "and seeds: 95 % interval by resampling pairs; p by Wilcoxon's signed-rank test, corrected "
        "by Holm for all configurations of a metric; probabilities of being worse, practically "
        "equal and better by the Bayesian signed-rank test",
        columns=(
            "pairs", "difference", "sd", "95 % interval", "p", "p, Holm", "P(worse)",
            "P(equal)", "P(better)", "wins/ties/losses",
        ),
        blocks=tuple(block for block in blocks if block),
        notes=tuple(_difference_notes(table)),
    )


def _difference(one: AgainstReference) -> tuple[Entry, ...]:
    posterior = one.posterior
    chances = (
        (NOTHING,) * 3 if posterior is None
        else tuple(f"{p:.2f}" for p in (posterior.worse, posterior.equal, posterior.better))
    )
    return _compared(one.pairs, one.found, (_chance(one.found.p), _chance(one.p), *chances))


def _noise(one: NoiseFloor) -> tuple[Entry, ...]:
    """Show the noise floor, which is in no test."""
    return _compared(one.pairs, one.found, (NOTHING,) * 5)


def _compared(pairs: int, found: Difference, tests: tuple[str, ...]) -> tuple[Entry, ...]:
    texts = (
        str(pairs), f"{found.difference:+.3f}", NOTHING if found.sd is None else f"{found.sd:.3f}",
        "{:+.3f} to {:+.3f}".format(*found.interval) if found.interval else NOTHING,
        *tests, f"{found.wins}/{found.ties}/{found.losses}",
    )
    return tuple(map(Entry, texts))


def _chance(p: float | None) -> str:
    return NOTHING if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _costs(table: TableReport) -> Grid:
    def entries(one: Progress) -> Iterator[Entry]:
        yield Entry(f"{one.done} of {one.asked}")
        for name in COSTS:
            found, digits = one.costs.get(name), 1 if name == "epochs" else 0
            yield Entry(NOTHING if found is None else f"{found.mean:,.{digits}f}")

    return Grid(
        title=f"{table.suite}: {table.name}, cost",
        caption=f"{table.record.data}, means over the cells that are done: trials and epochs "
        "trained in them; seconds, processor seconds and most memory of a cell's process; "
        "trainable parameters. Seconds depend on what else the machine did",
        columns=("cells", *(cost.title for cost in COSTS.values())),
        blocks=(tuple((one.name, tuple(entries(one))) for one in table.cells.progress),),
    )


def _ranks(report: SuiteReport) -> Grid:
    by_metric = {
        one.figure: dict(zip(one.ranks.names, one.ranks.ranks, strict=True))
        for one in report.ranks
    }
    tables = (
        f"{table.name} ({table.record.caution})" if table.record.caution else table.name
        for table in report.tables
    )
    rows = tuple(
        (name, tuple(
            Entry(f"{ranks[name]:.2f}" if name in ranks else NOTHING)
            for ranks in by_metric.values()
        ))
        for name in report.suite.configurations
        if any(name in ranks for ranks in by_metric.values())
    )
    return Grid(
        title=f"{report.suite.name}: average ranks",
        caption=f"Ranks of configurations, 1 the best, averaged over the folds of the tables "
        f"{', '.join(tables)}; of each fold the mean over seeds. "
        "Folds of one table are not independent: the tests find too much rather than too little",
        columns=tuple(map(title_of, by_metric)),
        blocks=(rows,),
        notes=tuple(f"{title_of(one.figure)}: {'; '.join(_of_ranks(one))}" for one in report.ranks),
    )


def _not_run(report: SuiteReport) -> Iterable[Grid]:
    if report.not_run:
        names = "; ".join(report.not_run)
        yield Grid(f"{report.suite.name}: not run", f"No cell is recorded of {names}", (), ())


def _data(table: TableReport) -> str:
    record, cells = table.record, table.cells
    return (
        f"{record.data}, {record.cascades:,} cascades of {record.posts:,} posts; "
        f"{record.protocol}; {_numbers('fold', cells.folds)}, {_numbers('seed', cells.seeds)}"
    )


def _numbers(kind: str, numbers: Sequence[int]) -> str:
    listed = ", ".join(map(str, numbers)) or "none"
    return f"{kind}{'' if len(numbers) == 1 else 's'} {listed}"


# Notes: what is missing, what bold means, whose the published metrics are.


def table_notes(
    table: TableReport, metrics: Sequence[str], bold: str = "bold", *, failures: bool = True
) -> Iterator[str]:
    """Yield the notes of a table with these metrics as columns."""
    cells = table.cells
    if not metrics:
        yield "No cell has a metric yet"
    yield from _of_bold(table, metrics, bold)
    yield from _of_baselines(table, metrics)
    yield from (
        f"{row.title}: both trained the same on these data, and differ by chance alone; it is in "
        "no test"
        for row in cells.rows if row.same_as
    )
    if MATCHED in metrics:
        yield (
            f"{title_of(MATCHED)}: over the pairs of all folds together, a pair within one fold; "
            "its deviation is over seeds"
        )
    by_count: defaultdict[str, list[str]] = defaultdict(list)
    for one in cells.progress:
        if one.done < one.asked:
            by_count[_count(one)].append(one.name)
    if by_count:
        counts = (f"{count}: {', '.join(names)}" for count, names in by_count.items())
        yield f"INCOMPLETE, {'; '.join(counts)}"
    if failures:
        yield from (f"Failed: {failure}" for one in cells.progress for failure in one.failures)
    if cells.stray:
        left_out = plural(cells.stray, "cell")
        yield f"Left out: {left_out} of configurations that the suite no longer has"
    if cells.versions:
        several = (f"{name} {', '.join(all_)}" for name, all_ in cells.versions.items())
        yield f"Cells were run with several versions: {'; '.join(several)}"
    for row in cells.rows:
        if row.kind == PUBLISHED and any(name in row.figures for name in metrics):
            yield (
                f"{row.title}: {row.source}. Not run here; comparable only where its protocol is "
                f"that of this table: {row.protocol}"
            )


def _difference_notes(table: TableReport) -> Iterator[str]:
    yield (
        "Folds of one data set share most of what is trained on, seeds of one fold all of it: both "
        "tests take pairs for independent and find too much rather than too little"
    )
    pairs = {one.pairs for one in table.differences if one.figure in table.figures}
    for least, use in (
        (MIN_FOR_INTERVAL, "an interval and for the Bayesian test"),
        (MIN_FOR_TEST, f"Wilcoxon's test, none could fall below {SIGNIFICANCE}"),
    ):
        if min(pairs) < least:
            yield f"Fewer than {least} pairs are too few for {use}"
    yield from _of_noise(table)


def _of_noise(table: TableReport) -> Iterator[str]:
    """Name the differences that other seeds alone make as well."""
    for metric in (name for name in table.figures if name in table.noise):
        noise = table.noise[metric]
        within = [
            one.configuration for one in table.differences
            if one.figure == metric and abs(one.found.difference) <= noise.floor
        ]
        yield (
            f"Noise floor of {title_of(metric)}: two rows of {noise.of} that differ in nothing but "
            f"their seeds differ by up to {noise.floor:.3f}; no further from {table.reference}: "
            f"{', '.join(within) or 'none'}"
        )


def _of_bold(table: TableReport, metrics: Sequence[str], bold: str) -> Iterator[str]:
    found = [table.best[name] for name in metrics if name in table.best]
    pairs = sorted(count for one in found for count in one.pairs)
    if not pairs:
        return
    least, most = pairs[0], pairs[-1]
    numbers = str(least) if least == most else f"{least} to {most}"
    counted = f"{numbers} {'pair' if most == 1 else 'pairs'} of fold and seed"
    test = (
        f"Wilcoxon's signed-rank test over {counted}, corrected by Holm for the other "
        f"configurations, p < {SIGNIFICANCE}"
    )
    idle = [one.name for one in table.cells.progress if one.tested and not one.done]
    if most < MIN_FOR_TEST:
        yield f"Nothing is {bold}: a test needs {MIN_FOR_TEST} pairs, here it has {counted}"
    elif idle:
        yield f"Nothing is {bold}: of {', '.join(idle)} no cell is done, which could be the best"
    elif any(table.is_best(row, name) for row in table.cells.rows for name in metrics):
        yield f"What is {bold} is better than every other configuration: {test}"
    elif any(one.significant for one in found):
        yield f"Nothing is {bold}: the best configuration does not beat what needs no model"
    else:
        yield f"Nothing is {bold}: no configuration is better than every other: {test}"


def _of_baselines(table: TableReport, metrics: Sequence[str]) -> Iterator[str]:
    found = []
    for name in metrics:
        having = [r for r in table.cells.rows if r.kind == CONFIGURATION and name in r.figures]
        best = table.baseline(name)
        if best is None or not having:
            continue
        better = [row.name for row in having if table.beats_baseline(row, name)]
        who = "all" if len(better) == len(having) else ", ".join(better) or "none"
        found.append(f"{title_of(name)} ({best.name}): {who}")
    if found:
        yield f"Better than the best row without a model, which is in brackets: {'; '.join(found)}"


def _count(one: Progress) -> str:
    why = [
        f"{count} {what}"
        for count, what in ((len(one.failures), "failed"), (one.missing, "not run")) if count
    ]
    return f"{one.done} of {plural(one.asked, 'cell')} ({', '.join(why)})"


def _of_ranks(one: RankReport) -> Iterator[str]:
    ranks = one.ranks
    yield f"{ranks.blocks} of {one.offered} folds, those that all have"
    if ranks.friedman_p is not None:
        p = ranks.friedman_p
        yield f"Friedman's test p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"
    if ranks.critical_difference is not None:
        yield f"critical difference of ranks {ranks.critical_difference:.2f} (Nemenyi)"
        groups = " and ".join(f"{{{', '.join(names)}}}" for names in ranks.cliques)
        yield f"not distinguished: {groups or 'none'}"
