"""``dgljoint env``: versions, devices and plugins on this machine."""

from __future__ import annotations

import click

from dgljoint.plugins.registry import installed_registry
from dgljoint_cli import console


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
    from dgljoint_cli.views import rendering

    rendering.render(*rendering.environment_tables(found))
