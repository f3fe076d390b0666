"""``dgljoint plugins``: what is installed and what it offers; presets too."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dgljoint.config.presets import discover_presets, find_preset, user_folder
from dgljoint.errors import DgljointError
from dgljoint.plugins.about import About, about
from dgljoint.plugins.registry import LoadedPlugin, installed_registry
from dgljoint_cli.commands.plugins_check import check
from dgljoint_cli.commands.plugins_new import new
from dgljoint_cli.completion import complete_any_plugin
from dgljoint_cli.console import (
    SuggestingGroup,
    Talk,
    common_options,
    examples,
    format_option,
    print_json,
)

if TYPE_CHECKING:
    from dgljoint.plugins.registry import Registry


@click.group(
    cls=SuggestingGroup,
    epilog=examples(
        "dgljoint plugins list",
        "dgljoint plugins show gcn",
        "dgljoint plugins new my-scheme --kind interaction",
        "dgljoint plugins check my_scheme",
    ),
)
@common_options
def plugins() -> None:
    """List, show, check and begin plugins."""


plugins.add_command(new)
plugins.add_command(check)


@plugins.command(
    "list",
    epilog=examples("dgljoint plugins list", "dgljoint plugins list --load --format json"),
)
@click.option("--load", is_flag=True, help="Import each plugin: adds its status.")
@format_option
@common_options
def list_plugins(load: bool, as_json: bool) -> None:
    """List the installed plugins.

    Without --load no plugin's code runs: kinds and summaries are what the plugins' packages say in
    a file, dgljoint_plugins.toml.
    """
    registry = installed_registry()
    rows = plugin_rows(registry, load=load)
    if as_json:
        print_json(rows)
        return
    from dgljoint_cli.views.rendering import plugin_tables, render

    render(*plugin_tables(rows))


@plugins.command(
    epilog=examples("dgljoint plugins show contrastive", "dgljoint plugins show gcn --format json")
)
@click.argument("name", shell_complete=complete_any_plugin)
@format_option
@common_options
def show(name: str, as_json: bool) -> None:
    """Show one plugin: what it does, its options, its reference."""
    registry = installed_registry()
    loaded = registry.load(name)
    description = describe_plugin(loaded)
    if as_json:
        print_json(description)
        return
    from dgljoint_cli.views.rendering import plugin_details, render

    render(*plugin_details(description))


@plugins.command(
    epilog=examples("dgljoint plugins presets", "dgljoint plugins presets --format json")
)
@format_option
@common_options
@click.pass_obj
def presets(talk: Talk, /, as_json: bool) -> None:
    """List the presets that train takes: installed ones and your own.

    Your own are files NAME.toml with a summary and any settings of a run, in the form of a run's
    config.toml; the folder they are looked for in is said on stderr.
    """
    rows = preset_rows()
    talk.info(f"your own presets are looked for in {user_folder()}")
    if as_json:
        print_json(rows)
        return
    from dgljoint_cli.views.rendering import preset_table, render

    render(preset_table(rows))


def preset_rows() -> list[dict[str, Any]]:
    """List the presets as plain values; one that cannot be used has a cause."""
    known = discover_presets()
    rows = []
    for origin in known:
        row: dict[str, Any] = {"name": origin.name, "source": origin.source}
        try:
            preset = find_preset(origin.name, known)
        except DgljointError as error:
            row |= {"summary": "", "cause": error.message}
        else:
            row |= {"summary": preset.summary, "cause": None}
        rows.append(row)
    return rows


def plugin_rows(registry: Registry, *, load: bool) -> list[dict[str, Any]]:
    """List the entries as plain values; ``load`` imports each plugin by itself.

    One that is disabled is not imported.
    """
    rows = []
    for entry in sorted((*registry.entries, *registry.disabled)):
        row: dict[str, Any] = asdict(entry)
        others = [o.distribution for o in registry.offering(entry.name) if o is not entry]
        disabled = entry in registry.disabled
        known = about(entry) or About()
        row |= {"kinds": list(known.kinds), "summary": known.summary}
        row |= {"clashes_with": others, "disabled": disabled}
        if load and disabled:
            row |= {"status": "disabled", "cause": None, "seconds": 0.0}
        elif load:
            status = registry.status(entry.name)
            if status.cause is None:
                row |= {"kinds": list(status.kinds), "summary": status.summary}
            row |= {
                "status": "broken" if status.cause else "ok",
                "cause": status.cause,
                "seconds": status.seconds,
            }
        rows.append(row)
    return rows


def describe_plugin(loaded: LoadedPlugin) -> dict[str, Any]:
    """Describe a plugin and its components as plain values."""
    from dgljoint.config.options import describe_options

    components = [
        {
            "kind": spec.kind,
            "use": f"{spec.flag} {spec.name}",
            "summary": spec.summary,
            "reference": asdict(spec.reference) if spec.reference else None,
            "options": [asdict(row) for row in describe_options(spec.options)],
        }
        for spec in loaded.specs
    ]
    return {**asdict(loaded.entry), "components": components}
