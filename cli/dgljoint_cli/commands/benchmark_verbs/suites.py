"""``dgljoint benchmark suites``: those that ship, and one of them."""

from __future__ import annotations

import click

from dgljoint_cli.completion import complete_suite
from dgljoint_cli.console import common_options, examples, format_option, print_json


@click.command(
    epilog=examples(
        "dgljoint benchmark suites",
        "dgljoint benchmark suites demo",
        "dgljoint benchmark suites mine.toml --format json",
    )
)
@click.argument(
    "suite", required=False, metavar="[NAME|FILE]", shell_complete=complete_suite
)
@format_option
@common_options
def suites(suite: str | None, as_json: bool) -> None:
    """List the suites that ship, or show one: by its name, or a TOML file.

    A run is one configuration trained on one fold with one seed, all of its trials. Besides those
    counted, every fold has one more, of the classifiers without a model.
    """
    from dgljoint_bench.suites.find import find_suite
    from dgljoint_bench.suites.names import shipped_suites
    from dgljoint_cli.views.benchmark_tables import size_of, suite_tables, suites_table
    from dgljoint_cli.views.rendering import render

    found = [find_suite(name) for name in ([suite] if suite is not None else shipped_suites())]
    if as_json:
        if suite is None:
            print_json(
                [{"name": one.name, "summary": one.summary, **size_of(one)} for one in found]
            )
        else:
            print_json({**found[0].model_dump(mode="json"), "size": size_of(found[0])})
        return
    render(*([suites_table(found)] if suite is None else suite_tables(found[0])))
