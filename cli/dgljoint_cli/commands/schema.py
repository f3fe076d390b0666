"""``dgljoint schema``: the settings of a configuration file, for editors."""

from __future__ import annotations

import click

from dgljoint.plugins.registry import installed_registry
from dgljoint_cli import console


@click.command(
    epilog=console.examples("dgljoint schema", "dgljoint schema > dgljoint.schema.json")
)
@console.common_options
@click.pass_obj
def schema(talk: console.Talk, /) -> None:
    """Print the JSON Schema of a run's configuration.

    It describes presets and the files for train --config, with the options of the installed
    plugins. Plugins that cannot be loaded are left out and named on stderr.
    """
    from dgljoint.config.json_schema import config_schema

    found = config_schema(installed_registry())
    for cause in found.left_out.values():
        talk.info(f"left out: {cause}")
    console.print_json(found.schema)
