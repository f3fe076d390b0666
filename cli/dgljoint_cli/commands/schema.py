"""``dgljoint schema``: what a configuration file may hold, for an editor to know."""

from __future__ import annotations

import click

from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.console import Talk, common_options, examples, print_json


@click.command(epilog=examples("dgljoint schema", "dgljoint schema > dgljoint.schema.json"))
@common_options
@click.pass_obj
def schema(talk: Talk, /) -> None:
    """Print the JSON Schema of a run's configuration.

    It is that of files for train --config and of presets, with the options of the plugins that are
    installed. Those that cannot be loaded are left out and named on stderr.
    """
    from dgljoint.config.schema import config_schema

    registry = installed_registry()
    found = config_schema(registry)
    for cause in found.left_out.values():
        talk.say(f"left out: {cause}")
    print_json(found.schema)
