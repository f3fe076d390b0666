"""``dgljoint benchmark``: suites, run and reported."""

import click

from dgljoint_cli import console


@click.group(
    cls=console.LazyGroup,
    package="dgljoint_cli.commands.benchmark_verbs",
    verbs=("run", "report", "compare", "plot", "suites"),
    epilog=console.examples(
        "dgljoint benchmark run demo",
        "dgljoint benchmark run schemes --data twitter15.h5 --jobs 2",
        "dgljoint benchmark report results.sqlite --suite demo",
    ),
)
def benchmark() -> None:
    """Run suites, report and compare their results."""
