"""``dgljoint benchmark suites``: those that ship, and one of them."""

import click

from dgljoint_cli import arguments, console, views


@console.verb(
    "dgljoint benchmark suites",
    "dgljoint benchmark suites demo",
    "dgljoint benchmark suites mine.toml --format json",
)
@click.argument(
    "suite", required=False, metavar="[NAME|FILE]", shell_complete=arguments.complete_suite
)
def suites(suite: str | None, as_json: bool) -> None:
    """List the suites that ship, or show one: by its name, or a TOML file.

    A run is one configuration trained on one fold with one seed, all of its trials. In addition to
    those counted, every fold has one more, of the classifiers without a model.
    """
    from dgljoint_bench.suites.names import shipped_suites
    from dgljoint_bench.suites.suite import find_suite

    found = [find_suite(name) for name in ([suite] if suite is not None else shipped_suites())]
    tables = views.benchmark_tables
    if as_json:
        if suite is None:
            console.print_json(
                [{"name": one.name, "summary": one.summary, **tables.size_of(one)} for one in found]
            )
        else:
            values = found[0].model_dump(mode="json")
            console.print_json({**values, "size": tables.size_of(found[0])})
        return
    shown = [tables.suites_table(found)] if suite is None else tables.suite_tables(found[0])
    views.rendering.render(*shown)
