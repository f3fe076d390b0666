"""``dgljoint benchmark report``: the tables of a results file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgljoint.errors import RunFailedError, UsageError
from dgljoint_cli import arguments, console, views

if TYPE_CHECKING:
    from dgljoint_bench.reporting.report import SuiteReport

_TABLE = "table"
_FORMS = (_TABLE, "markdown", "csv", "latex", "json")


@console.verb(
    "dgljoint benchmark report",
    "dgljoint benchmark report --suite schemes --figure macro_f1",
    "dgljoint benchmark report mine.sqlite --format latex -o tables.tex",
    "dgljoint benchmark report mine.sqlite --into README.md --check",
    formats=False,
)
@click.argument(
    "results", type=click.Path(path_type=Path), default="results.sqlite", metavar="[RESULTS]"
)
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="This suite; repeatable.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="This table; repeatable.")
@click.option(
    "--figure", "figures", multiple=True, metavar="NAME", shell_complete=arguments.complete_figure,
    help="Column instead of those of the suite; repeatable.",
)
@click.option(
    "--rope", type=click.FloatRange(min=0), callback=console.finite, default=0.01,
    show_default=True, metavar="X",
    help="Figures that differ by no more are practically equal, for the Bayesian test.",
)
@click.option(
    "--format", "form", type=click.Choice(_FORMS), default=_TABLE, show_default=True,
    help="Form of the result.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write what --format names there instead of to stdout.",
)
@click.option(
    "--into", type=click.Path(path_type=Path, dir_okay=False), metavar="PAGE",
    help="Write short tables into a Markdown page instead, between the lines "
    "<!-- results: begin --> and <!-- results: end -->.",
)
@click.option("--check", is_flag=True, help="With --into: write nothing, fail where PAGE differs.")
@click.pass_obj
def report(
    talk: console.Talk, results: Path, suites: Sequence[str], tables: Sequence[str],
    figures: Sequence[str], rope: float, form: str, out: Path | None, into: Path | None,
    check: bool,
) -> None:
    """Show the results of suites.

    RESULTS is a file of `benchmark run`, results.sqlite by default. There are tables of figures,
    mean ± standard deviation; of differences from the suite's reference, paired over folds and
    seeds; and of what every configuration cost. The best figure is bold only where it is better
    than that of every other configuration by Wilcoxon's signed-rank test, corrected by Holm. Runs
    that failed or were not run are counted below.
    """
    _check_options(form, out, into, check=check)
    from dgljoint_bench.reporting.report import read_report
    from dgljoint_bench.results.database import Results

    with Results(results) as file:
        found = read_report(
            file, suites=suites, tables=tables, figures=figures,
            rope=rope if into is None else None,
        )
    if into is not None:
        _write_into(talk, found, into, results, check=check)
    elif form == _TABLE:
        _show(found)
    elif out is not None:
        from dgljoint._internal.files import write_text

        write_text(out, _text(found, form))
        talk.info(f"written: {out}")
    else:
        click.echo(_text(found, form), nl=False)


def _check_options(form: str, out: Path | None, into: Path | None, *, check: bool) -> None:
    if into is not None and (form, out) != (_TABLE, None):
        raise UsageError("--into writes Markdown into a page", hint="leave out --format and -o")
    if check and into is None:
        raise UsageError("--check is for --into", hint="name the page: --into README.md")
    if out is not None and form == _TABLE:
        raise UsageError("-o needs a form for files", hint="name one: --format markdown")


def _show(found: Sequence[SuiteReport]) -> None:
    from dgljoint_bench.reporting.layout import grids_of

    tables = views.benchmark_tables
    for one in found:
        views.rendering.render(*tables.report_tables(grids_of(one, bold=tables.MARK)))


def _text(found: Sequence[SuiteReport], form: str) -> str:
    from dgljoint_bench.reporting.forms import latex, markdown, to_csv, to_values
    from dgljoint_bench.reporting.layout import grids_of

    if form == "csv":
        return to_csv(found)
    if form == "json":
        return console.to_json(to_values(found)) + "\n"
    grids = [grid for one in found for grid in grids_of(one)]
    return latex(grids) if form == "latex" else markdown(grids)


def _write_into(
    talk: console.Talk, found: Sequence[SuiteReport], page: Path, results: Path, *, check: bool
) -> None:
    from dgljoint._internal.files import write_bytes
    from dgljoint_bench.reporting.forms import between_markers, markdown
    from dgljoint_bench.reporting.layout import compact_grids

    text = markdown((grid for one in found for grid in compact_grids(one)), compact=True)
    before, after = between_markers(page, text)
    if before == after:
        talk.info(f"{page} is what {results} gives")
    elif check:
        raise RunFailedError(
            f"{page} is not what {results} gives",
            hint=f"dgljoint benchmark report {results} --into {page} writes it",
        )
    else:
        write_bytes(page, after.encode("utf-8"))
        talk.info(f"written into {page}")
