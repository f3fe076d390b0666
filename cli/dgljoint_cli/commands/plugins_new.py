"""``dgljoint plugins new``: a package to start a plugin of one's own from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgljoint.plugins.registry import discover
from dgljoint_cli.console import Talk, common_options, examples, format_option, print_json

if TYPE_CHECKING:
    from dgljoint.plugins.scaffold import Scaffold


@click.command(
    epilog=examples(
        "dgljoint plugins new my-scheme --kind interaction",
        "dgljoint plugins new my-format --kind reader packages/my-format",
        "dgljoint plugins new my-weights --kind weighter --format json",
    )
)
@click.argument("name")
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.option(
    "--kind", required=True, type=click.Choice(["encoder", "interaction", "weighter", "reader"]),
    help="What the plugin offers.",
)
@format_option
@common_options
@click.pass_obj
def new(talk: Talk, /, name: str, folder: Path | None, kind: str, as_json: bool) -> None:
    """Write the package of a new plugin.

    It can be installed as it is and holds one small component that works, its options, a test
    with the conformance kit, and a workflow that runs it. NAME is of small letters and digits,
    words joined by '-'. DIR is ./dgljoint-NAME unless given, and must be empty or not there.
    """
    from dgljoint.plugins.scaffold import check_name, write_package

    names = check_name(name, discover())
    made = write_package(names, kind, folder or Path(names.distribution))
    if as_json:
        print_json(describe_scaffold(made))
        return
    for file in made.files:
        click.echo(made.folder / file)
    talk.info("\n".join(("what comes next:", *(f"  {line}" for line in next_commands(made)))))


def describe_scaffold(made: Scaffold) -> dict[str, Any]:
    """Describe what was written as plain values."""
    return {
        "name": made.names.component,
        "kind": made.kind,
        "distribution": made.names.distribution,
        "module": made.names.module,
        "folder": made.folder,
        "files": list(made.files),
        "next": next_commands(made),
    }


def next_commands(made: Scaffold) -> list[str]:
    """Return what to run after it, in the order it makes sense."""
    folder = shlex.quote(str(made.folder))
    return [f"cd {folder}", "pip install -e '.[test]'", "pytest", made.check, made.use]
