"""Tables and trees of Rich from the values that the verbs have."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from dgljoint.plugins.registry import DISABLED_VARIABLE
from dgljoint_cli.views.table import Table

if TYPE_CHECKING:
    from dgljoint._internal.environment import Environment
    from dgljoint.training.run import Plan

# Rich would fold cells at 80 columns where there is no terminal, which breaks `| grep`.
_PIPE_WIDTH = 200
_SLOW_SECONDS = 1.0  # a specification should be light, and leave torch to `build`


def render(*renderables: RenderableType) -> None:
    """Write to stdout."""
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    # markup off: names and messages of plugins are text, brackets and all
    console = Console(
        markup=False, highlight=False, emoji=False, width=_PIPE_WIDTH if wide else None
    )
    for renderable in renderables:
        console.print(renderable, crop=False)


def facts(values: Mapping[str, str]) -> Table:
    """Make a table of names and values."""
    made = Table("", "value", prose=["value"], rows=values.items())
    made.show_header = False
    return made


def titled(title: str, body: RenderableType, note: str = "") -> RenderableType:
    """Put a title above a table and a note below; neither is folded to the table's width."""
    return Group(Text(title, style="bold"), body, *[note] * bool(note), "")


def stretches(epochs: int, most: int = 12) -> Iterator[tuple[str, slice]]:
    """Divide epochs into at most ``most`` rows of about equal length: their names and slices."""
    rows = min(epochs, most)
    for row in range(rows):
        first, last = row * epochs // rows, (row + 1) * epochs // rows
        yield str(last) if last - first == 1 else f"{first + 1}-{last}", slice(first, last)


def plugin_tables(rows: list[dict[str, Any]]) -> list[RenderableType]:
    """Show the rows of ``plugins list``, one table per distribution."""
    if not rows:
        return ["no plugins are installed"]
    parts: list[RenderableType] = []
    owner = itemgetter("distribution", "version")
    status = ["status"] * ("status" in rows[0])
    for (distribution, version), own in groupby(sorted(rows, key=owner), owner):
        made = Table("name", "kind", *status, "what it does", prose=["what it does"], rows=(
            (row["name"], ", ".join(row["kinds"]), *(row[key] for key in status), _note(row))
            for row in own
        ))
        parts.append(titled(f"{distribution} {version}", made))
    return parts


def _note(row: Mapping[str, Any]) -> str:
    """Return what a plugin does, or why it cannot."""
    if row["disabled"]:
        return f"disabled by {DISABLED_VARIABLE}"
    # the title and the columns before it name the plugin already
    owner = f"plugin '{row['name']}' ({row['distribution']} {row['version']}) "
    note = str(row.get("cause") or row["summary"]).removeprefix(owner)
    if row["clashes_with"] and not row.get("cause"):
        note = "clashes with " + ", ".join(row["clashes_with"])
    elif not note:
        note = "unknown: its package has no description; --load imports it"
    if row.get("seconds", 0.0) >= _SLOW_SECONDS:
        note += f" (took {row['seconds']:.1f} s to import)"
    return note


def preset_table(rows: list[dict[str, Any]]) -> RenderableType:
    """Show the rows of ``plugins presets``."""
    if not rows:
        return "there are no presets"
    made = Table("name", "source", "summary", prose=["summary"])
    for row in rows:
        # the columns before it name the preset already
        cause = (row["cause"] or "").removeprefix(f"preset '{row['name']}' ({row['source']}) ")
        made.add_row(row["name"], row["source"], cause or row["summary"])
    return made


def plugin_details(description: Mapping[str, Any]) -> list[RenderableType]:
    """Show the description of ``plugins show``."""
    parts: list[RenderableType] = []
    for component in description["components"]:
        values = {name: component[name] for name in ("summary", "use")}
        values["from"] = "{distribution} {version}".format(**description)
        values["module"] = description["module"]
        if reference := component["reference"]:
            values["reference"] = "{authors} ({year}). {title}. {url}".format(**reference)
        parts.append(titled(f"{description['name']} · {component['kind']}", facts(values)))
        options = Table(
            "name", "type", "default", "description", prose=["type", "default", "description"],
            rows=(map(str, option.values()) for option in component["options"]),
        )
        parts.append(titled("options", options if component["options"] else "none"))
    return parts


def check_table(description: Mapping[str, Any]) -> RenderableType:
    """Show what ``plugins check`` found of one plugin."""
    made = Table("stage", "check", "outcome", "found", prose=["check", "found"])
    stage = ""
    for finding in description["findings"]:
        made.add_row(
            finding["stage"] if finding["stage"] != stage else "",
            finding["check"], finding["outcome"], finding["found"],
        )
        stage = finding["stage"]
        if finding["mend"]:
            made.add_row("", "", "", f"to mend it: {finding['mend']}")
    outcome = "passes" if description["passed"] else "fails"
    title = "{name} ({distribution} {version})".format(**description)
    return titled(f"{title} {outcome}", made)


def environment_tables(found: Environment) -> list[RenderableType]:
    """Show the environment: versions, devices, plugins."""
    versions = {name: version or "not installed" for name, version in found.versions.items()}
    machine = {
        "platform": found.platform,
        "devices": ", ".join(found.devices) or "none: torch cannot be imported",
        "threads": f"{found.threads} of {found.cores} cores",
        "dgl": "not installed: torch's kernels compute the same" if not found.dgl.installed
        else f"its kernels run on {' and '.join(found.dgl.devices)}" if found.dgl.works
        else f"broken: {found.dgl.problem}",
        "kernels": ", ".join(f"{name} on {kind}" for kind, name in found.kernels.items()),
    }
    if found.dgl.hint:
        machine["hint"] = found.dgl.hint
    plugins = Table("name", "kind", "status", prose=["status"], rows=(
        (status.name, ", ".join(status.kinds), status.cause or "ok") for status in found.plugins
    ))
    return [
        titled("versions", facts(versions)),
        titled("machine", facts(machine)),
        titled("plugins", plugins),
    ]


def plan_tree(plan: Plan) -> Tree:
    """Show what a run would do."""
    tree = Tree(f"{plan.data.get('name', 'run')}: {plan.parameters:,} parameters, "
                f"{plan.steps} steps per epoch")
    for title, values in (("data", plan.data), ("split", plan.split), ("parts", plan.parts)):
        _branch(tree, title, values)
    components = tree.add("components")
    for one in plan.components:
        _branch(components, f"{one.kind} {one.name}: {one.summary}", one.options)
    tree.add("losses: " + ", ".join(plan.losses))
    settings = tree.add("settings")
    for section, values in plan.settings.items():
        _branch(settings, section, values)
    for note in plan.notes:
        tree.add(f"note: {note}")
    return tree


def _branch(tree: Tree, title: str, values: Mapping[str, Any]) -> None:
    branch = tree.add(title)
    for name, value in values.items():
        if isinstance(value, Mapping):
            value = [f"{key} {number}" for key, number in value.items()]
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        branch.add(f"{name} = {shown}")
