"""``dgljoint benchmark compare``: two results files, or two configurations of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgljoint.errors import DataError, UsageError
from dgljoint_cli import completion, console, views

if TYPE_CHECKING:
    from dgljoint.runs.comparing import Comparison
    from dgljoint_bench.reporting.gate import Regression

# How every SQLite database begins.
_SQLITE = b"SQLite format 3\0"


@click.command(
    epilog=console.examples(
        "dgljoint benchmark compare before.sqlite after.sqlite",
        "dgljoint benchmark compare before.sqlite after.sqlite --gate --tolerance 0.02",
        'dgljoint benchmark compare "rumor alone" joint --results results.sqlite',
    )
)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--results", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Of two configurations, the file that holds them; results.sqlite by default.",
)
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="This suite alone.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="This table alone.")
@click.option(
    "--figure", "figures", multiple=True, metavar="NAME", shell_complete=completion.complete_figure,
    help="This figure alone, such as macro_f1 or accuracy@1h; those of the suite by default.",
)
@click.option("--gate", is_flag=True, help="End with 6 when B is worse than A.")
@click.option(
    "--tolerance", type=click.FloatRange(min=0), callback=console.finite, metavar="X",
    help="With --gate, by how much the mean of a figure may fall; 0.01 by default.",
)
@click.option(
    "--time-tolerance", type=click.FloatRange(min=1), callback=console.finite, metavar="X",
    help="With --gate, how many times as long B may take; any by default.",
)
@console.format_option
@console.common_options
def compare(
    first: str, second: str, results: Path | None, suites: tuple[str, ...],
    tables: tuple[str, ...], figures: tuple[str, ...], gate: bool, tolerance: float | None,
    time_tolerance: float | None, as_json: bool,
) -> None:
    """Compare the results of B with those of A, run by run.

    A and B are two results files, or two configurations of one (--results). Runs
    are paired by suite, table, configuration, fold and seed, and only where both were asked the
    same: data, split, deadlines.

    From five pairs on the difference has a 95 % interval, by resampling pairs; from six on it is
    tested (Wilcoxon's signed ranks, corrected by Holm for all figures shown).

    With --gate, B is worse when a figure's mean falls by more than --tolerance and its interval,
    where it has one, is below 0; when a figure is gone; or when a run failed that A has.
    """
    if not gate and (tolerance is not None or time_tolerance is not None):
        raise UsageError("--tolerance and --time-tolerance are for the gate", hint="add --gate")
    kinds = [_kind(side) for side in (first, second)]
    if kinds[0] != kinds[1]:
        named = " and ".join(f"'{n}' is {k}" for n, k in zip((first, second), kinds, strict=True))
        raise UsageError(
            f"{named}, and they cannot be compared",
            hint="name two files of one kind that are there, or two configurations",
        )
    found = _results(first, second, kinds[0] == _RESULTS, results, suites, tables, figures)
    worse = _worse(found, tolerance, time_tolerance) if gate else []
    _show(found, worse if gate else None, as_json)
    if gate:
        from dgljoint_bench.reporting.gate import refuse

        refuse(worse)


_RESULTS = "a results file"
_CONFIGURATION = "no file, so a configuration"


def _kind(name: str) -> str:
    """Return what the command line names, by its content."""
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="name a results file or a configuration")
    if not path.exists():
        return _CONFIGURATION
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if start == _SQLITE:
        return _RESULTS
    raise DataError(
        f"{path} is no results file",
        hint="files of times are compared by python -m benchmarks.speed --compare, in a clone"
        if start.lstrip().startswith(b"{") else None,
    )


def _results(
    first: str, second: str, files: bool, results: Path | None, suites: Sequence[str],
    tables: Sequence[str], figures: Sequence[str],
) -> Comparison:
    from dgljoint_bench.reporting.comparison import Scope, compare_configurations, compare_files
    from dgljoint_bench.reporting.titles import check_figures

    check_figures(figures)
    scope = Scope(suites, tables)
    if files:
        _refuse_options({"--results": results}, "A and B are files themselves")
        return compare_files(Path(first), Path(second), scope, figures)
    if first == second:
        raise UsageError(f"'{first}' is compared with itself", hint="name two configurations")
    place = results or Path("results.sqlite")
    return compare_configurations(first, second, place, scope, figures)


def _worse(
    found: Comparison, tolerance: float | None, time_tolerance: float | None
) -> list[Regression]:
    from dgljoint_bench.reporting.gate import TOLERANCE, regressions

    limit = TOLERANCE if tolerance is None else tolerance
    return regressions(found, tolerance=limit, time_tolerance=time_tolerance)


def _show(found: Comparison, worse: list[Regression] | None, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        values: dict[str, Any] = found.to_dict()
        if worse is not None:
            values["regressions"] = [asdict(one) for one in worse]
        console.print_json(values)
        return
    tables = views.comparison_tables.comparison_tables(found)
    views.rendering.render(*tables, *(["no regression"] if worse == [] else []))


def _refuse_options(given: dict[str, object], reason: str) -> None:
    for name, value in given.items():
        if value not in (None, ()):
            raise UsageError(f"{name} has no meaning here: {reason}", hint=f"leave {name} out")
