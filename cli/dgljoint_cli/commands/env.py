"""``dgljoint env`` and ``dgljoint schema``: what is installed, and the settings it takes."""

from __future__ import annotations

import click

from dgljoint.plugins.registry import installed_registry
from dgljoint_cli import console, views


@click.command(epilog=console.examples("dgljoint env", "dgljoint env --format json"))
@console.format_option
@console.common_options
def env(as_json: bool) -> None:
    """Show versions, devices, and whether DGL and the plugins work."""
    from dgljoint._internal.environment import environment

    found = environment(installed_registry())
    if as_json:
        console.print_json(found.to_dict())
        return
    views.rendering.render(*views.rendering.environment_tables(found))


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
