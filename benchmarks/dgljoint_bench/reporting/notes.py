"""What stands below a table: what is missing, what bold means, whose the published figures are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dgljoint._internal.text import plural
from dgljoint.evaluation.comparison import MIN_FOR_INTERVAL, MIN_FOR_TEST, SIGNIFICANCE
from dgljoint_bench.reporting.report import RankReport, SuiteReport, TableReport
from dgljoint_bench.reporting.rows import CONFIGURATION, NO_MODELS, PUBLISHED, Progress
from dgljoint_bench.reporting.titles import title_of


def table_notes(
    table: TableReport, figures: Sequence[str], bold: str = "bold", *, failures: bool = True
) -> Iterator[str]:
    """Give the notes of a table of figures.

    Args:
        table: it is of.
        figures: its columns.
        bold: how the form calls a best figure that is marked.
        failures: whether why cells failed is said too.
    """
    if not figures:
        yield "No cell has a figure yet"
    yield from _of_bold(table, figures, bold)
    yield from _of_baselines(table, figures)
    by_count: defaultdict[str, list[str]] = defaultdict(list)
    for one in table.cells.progress:
        if one.done < one.asked:
            by_count[_count(one)].append(one.name)
    if by_count:
        said = (f"{count}: {', '.join(names)}" for count, names in by_count.items())
        yield f"INCOMPLETE, {'; '.join(said)}"
    if failures:
        for one in table.cells.progress:
            yield from (f"Failed: {failure}" for failure in one.failures)
    if table.cells.stray:
        left_out = plural(table.cells.stray, "cell")
        yield f"Left out: {left_out} of configurations that the suite has no more"
    if table.cells.versions:
        said = (f"{name} {', '.join(all_)}" for name, all_ in table.cells.versions.items())
        yield f"Cells were run with several versions of one thing: {'; '.join(said)}"
    for row in table.cells.rows:
        if row.kind == PUBLISHED and any(name in row.figures for name in figures):
            yield (
                f"{row.title}: {row.source}. Not run here; comparable only where its protocol is "
                f"that of this table: {row.protocol}"
            )


def difference_notes(table: TableReport) -> Iterator[str]:
    """Say what differences from the reference do not show, and where they are of too few pairs."""
    yield (
        "Folds of one data set share most of what is trained on, seeds of one fold all of it: both "
        "tests take pairs for independent and find too much rather than too little"
    )
    pairs = {one.pairs for one in table.beside if one.figure in table.figures}
    if any(count < MIN_FOR_INTERVAL for count in pairs):
        yield (
            f"Fewer than {MIN_FOR_INTERVAL} pairs are too few for an interval and for the Bayesian "
            "test"
        )
    if any(count < MIN_FOR_TEST for count in pairs):
        yield (
            f"Fewer than {MIN_FOR_TEST} pairs are too few for Wilcoxon's test, none could fall "
            f"below {SIGNIFICANCE}"
        )


def rank_notes(report: SuiteReport) -> Iterator[str]:
    """Say what the tests of average ranks come to, figure by figure."""
    for one in report.ranks:
        yield f"{title_of(one.figure)}: {'; '.join(_of_ranks(one))}"


def _of_bold(table: TableReport, figures: Sequence[str], bold: str) -> Iterator[str]:
    found = [table.best[name] for name in figures if name in table.best]
    pairs = sorted(count for one in found for count in one.pairs)
    if not pairs:
        return
    counted = _range(pairs) + (" pair" if pairs[-1] == 1 else " pairs") + " of fold and seed"
    test = (
        f"Wilcoxon's signed-rank test over {counted}, corrected by Holm for the other "
        f"configurations, p < {SIGNIFICANCE}"
    )
    idle = [one.name for one in table.cells.progress if not one.done and one.name != NO_MODELS]
    if pairs[-1] < MIN_FOR_TEST:
        yield f"Nothing is {bold}: a test needs {MIN_FOR_TEST} pairs, here it has {counted}"
    elif idle:
        yield f"Nothing is {bold}: of {', '.join(idle)} no cell is done, which could be the best"
    elif any(table.is_best(row, name) for row in table.cells.rows for name in figures):
        yield f"What is {bold} is better than every other configuration: {test}"
    elif any(one.significant for one in found):
        yield f"Nothing is {bold}: the best configuration does not beat what needs no model"
    else:
        yield f"Nothing is {bold}: no configuration is better than every other: {test}"


def _of_baselines(table: TableReport, figures: Sequence[str]) -> Iterator[str]:
    """Say in a line which configurations beat the best that needs no model."""
    said = []
    for name in figures:
        having = [r for r in table.cells.rows if r.kind == CONFIGURATION and name in r.figures]
        best = table.baseline(name)
        if best is None or not having:
            continue
        better = [row.name for row in having if table.beats_baseline(row, name)]
        who = "all" if len(better) == len(having) else ", ".join(better) or "none"
        said.append(f"{title_of(name)} ({best.name}): {who}")
    if said:
        yield f"Better than the best row without a model, which is in brackets: {'; '.join(said)}"


def _range(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    return str(first) if first == last else f"{first} to {last}"


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
        yield f"not told apart: {groups or 'none'}"
