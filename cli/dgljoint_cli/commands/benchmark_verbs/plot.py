"""``dgljoint benchmark plot``: pictures of a results file."""

from __future__ import annotations

import atexit
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import click

from dgljoint._internal.text import plural
from dgljoint.errors import DataError, UsageError, install_hint
from dgljoint_cli import arguments, console

if TYPE_CHECKING:
    from types import ModuleType

    from matplotlib.figure import Figure

    from dgljoint.runs.records import RunRecord
    from dgljoint_bench.reporting.series import Panel
    from dgljoint_bench.suites.suite import Suite

_SCORE = "score"
_REFERENCE = "joint"  # of gains, where a suite names none
_CURVES = (_SCORE, "accuracy", "macro_f1", "mrr")


@console.verb(
    "dgljoint benchmark plot critical-difference -o ranks.svg",
    "dgljoint benchmark plot cells results.sqlite --figure macro_f1 -o cells.pdf",
    "dgljoint benchmark plot learning-curves --suite path --table twitter15 -o curves.png",
    formats=False,
)
@click.argument(
    "kind", type=click.Choice(
        ["critical-difference", "learning-curves", "early", "cells", "gains"]
    )
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
    "--figure", metavar="NAME", shell_complete=arguments.complete_figure,
    help="Metric shown; by default the suite's first, and the score of learning curves.",
)
@click.pass_obj
def plot(
    talk: console.Talk, kind: str, results: Path, out: Path, suite: str | None,
    tables: tuple[str, ...], configurations: tuple[str, ...], figure: str | None,
) -> None:
    """Draw the results of a suite.

    \b
    critical-difference  average ranks over folds and tables, and which ranks do not differ
    learning-curves      a metric of the validation set by epoch: mean and standard deviation
    early                a metric of the test set by deadline
    cells                a metric of the test set of every cell, and of what needs no model
    gains                a metric's gain over the reference, by the strength of planted worlds

    Reads RESULTS, results.sqlite by default.
    """  # noqa: D301  # click's mark of lines that stay as they are
    plots = _load_plots()
    cells, definition = _read(results, suite, tables, configurations)
    if kind == "critical-difference":
        draw = _ranking(talk, plots, cells, definition, figure or definition.figures[0])
    else:
        draw = _drawing(plots, kind, cells, definition, figure)
    plots.write(out, draw)
    click.echo(str(out))


def _load_plots() -> ModuleType:
    """Return :mod:`dgljoint_bench.reporting.plots`, where matplotlib is installed."""
    from platformdirs import user_cache_path, user_config_path

    used = any(path("matplotlib").exists() for path in (user_cache_path, user_config_path))
    if not used and "MPLCONFIGDIR" not in os.environ:
        # matplotlib would list the machine's fonts in a home where nobody uses it.
        os.environ["MPLCONFIGDIR"] = folder = mkdtemp(prefix="dgljoint-matplotlib-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        from dgljoint_bench.reporting import plots
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        raise UsageError(
            "pictures are drawn by matplotlib, which is not installed", hint=install_hint("plots")
        ) from error
    return plots


def _read(
    results: Path, suite: str | None, tables: Sequence[str], configurations: Sequence[str]
) -> tuple[list[RunRecord], Suite]:
    from dgljoint.runs.records import NO_MODEL
    from dgljoint_bench.reporting.comparison import read_side
    from dgljoint_bench.suites.names import check_known

    side = read_side(results, [suite] if suite else (), tables)
    if len(side.suites) > 1:
        raise UsageError(
            f"{results} holds several suites: {', '.join(side.suites)}", hint="choose: --suite NAME"
        )
    if not side.side.records:
        raise DataError(f"{results} holds no cell", hint="dgljoint benchmark run SUITE fills it")
    definition = next(iter(side.suites.values()))
    # In the order of the suite, whichever cell ended first; without those that it no longer has.
    order = [*definition.configurations, NO_MODEL]
    known = {key.configuration for key in side.side.records} & {*definition.configurations}
    check_known(configurations, known, f"{results} has no configuration")
    titles = {
        name: f"{name} ({record.caution})" if record.caution else name
        for name, record in side.tables[definition.name].items()
    }
    cells = [
        replace(cell, key=replace(key, data=titles[key.data]))
        for key, cell in side.side.records.items()
        if key.configuration in {*(configurations or known), NO_MODEL}
    ]
    return sorted(cells, key=lambda cell: order.index(cell.key.configuration)), definition


def _drawing(
    plots: ModuleType, kind: str, cells: list[RunRecord], definition: Suite, metric: str | None
) -> Callable[[Figure], None]:
    from dgljoint_bench.reporting import series
    from dgljoint_bench.reporting.titles import check_figures, title_of

    if kind == "learning-curves":
        name = metric or _SCORE
        if name not in _CURVES:
            raise UsageError(
                f"there is no learning curve of '{name}'", hint=f"there are {', '.join(_CURVES)}"
            )
        panels = _some(series.learning_curves(cells, name), f"learning curves of {name}")
        return lambda on: plots.learning_curves(on, panels, title_of(name))
    name = metric or definition.figures[0]
    check_figures([name])
    if kind == "early":
        deadlines = [text.strip() for text in definition.deadlines.split(",") if text.strip()]
        panels = _some(
            series.early_detection(cells, name, deadlines), f"{name} by deadlines",
            hint='deadlines are the suite\'s: deadlines = "0,10m,1h,all"',
        )
        return lambda on: plots.early_detection(on, panels, deadlines, title_of(name))
    if kind == "gains":
        reference = definition.reference or _REFERENCE
        panels, strengths = series.gains(cells, name, reference, _planted(cells, definition))
        _some(
            panels, f"{name} next to one of {reference} in a planted world",
            hint='tables of planted worlds have data = "synthetic:world=both,strength=0.5"',
        )
        return lambda on: plots.gains(on, panels, strengths, title_of(name), reference)
    panels = _some(series.every_cell(cells, name), name)
    return lambda on: plots.every_cell(on, panels, title_of(name))


def _planted(cells: Iterable[RunRecord], definition: Suite) -> dict[str, tuple[str, float]]:
    """Return world and strength by the name of the table, as the cells have it."""
    from dgljoint_data.generated import generator_settings

    found: dict[str, tuple[str, float]] = {}
    for table in definition.tables:
        settings = generator_settings(table.data)
        if "world" in settings:
            planted = settings["world"], float(settings.get("strength", 1))
            # what was added to the name of a table comes after it
            names = {cell.key.data for cell in cells}
            found |= {
                name: planted for name in names
                if name == table.title or name.startswith(f"{table.title} (")
            }
    return found


def _ranking(
    talk: console.Talk, plots: ModuleType, cells: list[RunRecord], definition: Suite, metric: str
) -> Callable[[Figure], None]:
    from dgljoint.evaluation.scores import MODEL
    from dgljoint_bench.reporting.report import ranked_cells
    from dgljoint_bench.reporting.series import blocks
    from dgljoint_bench.reporting.statistics import average_ranks
    from dgljoint_bench.reporting.titles import check_figures, lower_is_better, title_of

    check_figures([metric])
    found, partial = blocks(ranked_cells(definition, cells), metric)
    ranks = average_ranks(found, lower_is_better=lower_is_better(metric))
    if len(ranks.names) < 2:
        raise DataError(
            f"there are no two configurations with {metric} on the same folds",
            hint="choose some that were tested alike: --configuration NAME, --table NAME",
        )
    tables = {
        cell.key.data for cell in cells
        if metric in cell.figures.get(MODEL, {})
        and f"{cell.key.data}, fold {cell.key.fold}" not in partial
    }
    tested = "" if ranks.friedman_p is None else f", Friedman p = {ranks.friedman_p:.2g}"
    many = f"{plural(ranks.blocks, 'fold')} of {plural(len(tables), 'table')}"
    # What was added to the name of a table must be in the picture, too.
    added = sorted(tables - {table.title for table in definition.tables})
    title = "\n".join((f"{title_of(metric)}: average rank over {many}{tested}", *added))
    if partial:
        talk.info(f"left out, since not all have it: {'; '.join(partial)}")
    return lambda on: plots.critical_difference(on, ranks, title)


def _some(panels: list[Panel], what: str, hint: str | None = None) -> list[Panel]:
    if not panels:
        raise DataError(f"no cell has {what}", hint=hint)
    return panels
