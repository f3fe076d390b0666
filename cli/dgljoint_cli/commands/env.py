"""``dgljoint env``: what a run would meet on this machine."""

from __future__ import annotations

import click

from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.console import common_options, examples, format_option, print_json


@click.command(epilog=examples("dgljoint env", "dgljoint env --format json"))
@format_option
@common_options
def env(as_json: bool) -> None:
    """Show versions, devices, DGL's state and the plugins'."""
    from dgljoint._internal.environment import environment

    found = environment(installed_registry())
    if as_json:
        print_json(found.to_dict())
        return
    from dgljoint_cli.views.rendering import environment_tables, render

    render(*environment_tables(found))
