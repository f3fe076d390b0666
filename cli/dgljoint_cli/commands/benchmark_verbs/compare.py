"""``dgljoint benchmark compare``: two results files, or two configurations of one."""

from dataclasses import asdict
from pathlib import Path

import click

from dgljoint.errors import DataError, UsageError
from dgljoint_cli import arguments, console, views

# How every SQLite database begins.
_SQLITE = b"SQLite format 3\0"
_RESULTS = "a results file"
_CONFIGURATION = "no file, so a configuration"


@console.verb(
    "dgljoint benchmark compare before.sqlite after.sqlite",
    "dgljoint benchmark compare before.sqlite after.sqlite --gate --tolerance 0.02",
    'dgljoint benchmark compare "rumor alone" joint --results results.sqlite',
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
    "--figure", "figures", multiple=True, metavar="NAME", shell_complete=arguments.complete_figure,
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
    from dgljoint_bench.reporting import comparison
    from dgljoint_bench.reporting.titles import check_figures

    check_figures(figures)
    if _is_results(first, second):
        if results is not None:
            raise UsageError(
                "--results has no meaning here: A and B are files themselves",
                hint="leave --results out",
            )
        one, other = (
            comparison.read_side(Path(name), suites, tables).side for name in (first, second)
        )
        found = comparison.compare_files(one, other, figures)
    elif first == second:
        raise UsageError(f"'{first}' is compared with itself", hint="name two configurations")
    else:
        whole = comparison.read_side(results or Path("results.sqlite"), suites, tables).side
        found = comparison.compare_configurations(whole, first, second, figures)
    limit = comparison.TOLERANCE if tolerance is None else tolerance
    worse = comparison.regressions(found, limit, time_tolerance) if gate else []
    if as_json:
        regressions = {"regressions": [asdict(one) for one in worse]} if gate else {}
        console.print_json({**found.to_dict(), **regressions})
    else:
        shown = views.comparison_tables.comparison_tables(found)
        views.rendering.render(*shown, *["no regression"] * (gate and not worse))
    comparison.refuse(worse)


def _is_results(first: str, second: str) -> bool:
    """Return whether the command line names two results files, and not two configurations."""
    one, other = (_RESULTS if _is_file(name) else _CONFIGURATION for name in (first, second))
    if one != other:
        raise UsageError(
            f"'{first}' is {one} and '{second}' is {other}, and they cannot be compared",
            hint="name two files of one kind that are there, or two configurations",
        )
    return one == _RESULTS


def _is_file(name: str) -> bool:
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="name a results file or a configuration")
    if not path.exists():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if start != _SQLITE:
        raise DataError(
            f"{path} is no results file",
            hint="files of times are compared by python -m benchmarks.speed --compare, in a clone"
            if start.lstrip().startswith(b"{") else None,
        )
    return True
