"""``dgljoint benchmark plot``: pictures of a results file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgljoint._internal.text import plural
from dgljoint.errors import DataError, UsageError
from dgljoint_cli.completion import complete_figure
from dgljoint_cli.console import Talk, common_options, examples
from dgljoint_cli.views.pictures import load_plots

if TYPE_CHECKING:
    from types import ModuleType

    from matplotlib.figure import Figure

    from dgljoint_bench.reporting.series import Panel
    from dgljoint_bench.results.records import CellRecord, DataRecord
    from dgljoint_bench.suites.suite import Suite

_SCORE = "score"
_CURVES = (_SCORE, "accuracy", "macro_f1", "mrr")
_CURVES_HINT = f"there are {', '.join(_CURVES)}"


@click.command(
    epilog=examples(
        "dgljoint benchmark plot critical-difference -o ranks.svg",
        "dgljoint benchmark plot cells results.sqlite --figure macro_f1 -o cells.pdf",
        "dgljoint benchmark plot learning-curves --suite path --table twitter15 -o curves.png",
    )
)
@click.argument(
    "kind", type=click.Choice(["critical-difference", "learning-curves", "early", "cells"])
)
@click.argument(
    "results", type=click.Path(path_type=Path, dir_okay=False), default=Path("results.sqlite")
)
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE", help="The picture: .svg, .png or .pdf.",
)
@click.option("--suite", metavar="NAME", help="Of a file that holds several.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="This table alone.")
@click.option(
    "--configuration", "configurations", multiple=True, metavar="NAME",
    help="This configuration alone.",
)
@click.option(
    "--figure", metavar="NAME", shell_complete=complete_figure,
    help="Figure shown; by default the suite's first, and the score of learning curves.",
)
@common_options
@click.pass_obj
def plot(
    talk: Talk, kind: str, results: Path, out: Path, suite: str | None,
    tables: tuple[str, ...], configurations: tuple[str, ...], figure: str | None,
) -> None:
    """Draw what a suite came to.

    \b
    critical-difference  average ranks over folds and tables, and which ranks are not told apart
    learning-curves      a figure of the validation part by epoch: mean and standard deviation
    early                a figure of the test part by deadline
    cells                a figure of the test part of every cell, beside what needs no model

    Reads RESULTS, results.sqlite by default.
    """  # noqa: D301  # click's mark of lines that stay as they are
    plots = load_plots()
    cells, definition = _read(results, suite, tables, configurations)
    draw, said = _drawing(plots, kind, cells, definition, figure)
    plots.write(out, draw)
    for line in said:
        talk.info(line)
    click.echo(str(out))


def _read(
    results: Path, suite: str | None, tables: Sequence[str], configurations: Sequence[str]
) -> tuple[list[CellRecord], Suite]:
    from dgljoint._internal.text import did_you_mean
    from dgljoint_bench.reporting.pairing import Scope, read_side
    from dgljoint_bench.results.records import NO_MODEL

    side = read_side(results, Scope([suite] if suite else (), tables))
    if len(side.suites) > 1:
        raise UsageError(
            f"{results} holds several suites: {', '.join(side.suites)}", hint="choose: --suite NAME"
        )
    if not side.cells:
        raise DataError(f"{results} holds no cell", hint="dgljoint benchmark run SUITE fills it")
    definition = next(iter(side.suites.values()))
    # In the order of the suite, whichever cell ended first; without those that it has no more.
    order = list(definition.configurations)
    known = {key.configuration for key in side.cells} & set(order)
    for name in configurations:
        if name not in known:
            raise UsageError(
                f"{results} has no configuration '{name}'", hint=did_you_mean(name, known)
            )
    chosen = {*(configurations or known), NO_MODEL}
    records = side.tables[definition.name]
    cells = [
        replace(cell, key=replace(key, data=_with_caution(records[key.data])))
        for key, cell in side.cells.items() if key.configuration in chosen
    ]
    cells.sort(key=lambda cell: [*order, NO_MODEL].index(cell.key.configuration))
    return cells, definition


def _with_caution(record: DataRecord) -> str:
    return f"{record.name} ({record.caution})" if record.caution else record.name


def _drawing(
    plots: ModuleType, kind: str, cells: list[CellRecord], definition: Suite,
    figure: str | None,
) -> tuple[Callable[[Figure], None], list[str]]:
    """Return what draws the picture, and what is to be said of it."""
    from dgljoint_bench.reporting import series
    from dgljoint_bench.reporting.titles import check_figures, title_of

    if kind == "learning-curves":
        name = figure or _SCORE
        if name not in _CURVES:
            raise UsageError(f"there is no learning curve of '{name}'", hint=_CURVES_HINT)
        panels = _some(series.learning_curves(cells, name), f"learning curves of {name}")
        return lambda on: plots.learning_curves(on, panels, title_of(name)), []
    name = figure or definition.figures[0]
    check_figures([name])
    if kind == "early":
        deadlines = [text.strip() for text in definition.deadlines.split(",") if text.strip()]
        panels = _some(
            series.early_detection(cells, name, deadlines), f"{name} by deadlines",
            hint="deadlines are the suite's: deadlines = \"0,10m,1h,all\"",
        )
        return lambda on: plots.early_detection(on, panels, deadlines, title_of(name)), []
    if kind == "cells":
        panels = _some(series.every_cell(cells, name), name)
        return lambda on: plots.every_cell(on, panels, title_of(name)), []
    return _ranking(plots, cells, definition, name)


def _ranking(
    plots: ModuleType, cells: list[CellRecord], definition: Suite, name: str
) -> tuple[Callable[[Figure], None], list[str]]:
    from dgljoint_bench.reporting.ranks import average_ranks
    from dgljoint_bench.reporting.series import blocks
    from dgljoint_bench.reporting.titles import lower_is_better, title_of
    from dgljoint_bench.results.records import MODEL

    found, partial = blocks(cells, name)
    ranks = average_ranks(found, lower_is_better=lower_is_better(name))
    if len(ranks.names) < 2:
        raise DataError(
            f"there are no two configurations with {name} on the same folds",
            hint="choose some that were tested alike: --configuration NAME, --table NAME",
        )
    tested = "" if ranks.friedman_p is None else f", Friedman p = {ranks.friedman_p:.2g}"
    tables = {
        cell.key.data for cell in cells
        if name in cell.figures.get(MODEL, {})
        and f"{cell.key.data}, fold {cell.key.fold}" not in partial
    }
    many = f"{plural(ranks.blocks, 'fold')} of {plural(len(tables), 'table')}"
    title = f"{title_of(name)}: average rank over {many}{tested}"
    # What was added to a name must stand beside the ranks, too.
    for table in sorted(tables - {table.title for table in definition.tables}):
        title += f"\n{table}"
    said = []
    if partial:
        said.append(f"left out, since not all have it: {'; '.join(partial)}")
    return lambda on: plots.critical_difference(on, ranks, title), said


def _some(panels: list[Panel], what: str, hint: str | None = None) -> list[Panel]:
    if not panels:
        raise DataError(f"no cell has {what}", hint=hint)
    return panels
