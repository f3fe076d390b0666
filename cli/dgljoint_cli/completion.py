"""What the shell offers after a verb: names of plugins, options, figures, presets and runs.

No plugin is imported for it. Names come from metadata; kinds and options of plugins from what
their packages say in a file, see :mod:`dgljoint.plugins.about`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dgljoint.plugins.about import about, about_sections
from dgljoint.plugins.registry import PluginEntry, installed_registry

SPLITS = ("event", "random", "time", "leave-one-event-out")
_RUN = "config.toml"


def complete_any_plugin(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer all plugins."""
    return _plugins(incomplete)


def complete_encoder(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer encoders, and plugins whose kind is not known yet."""
    return _plugins(incomplete, "encoder")


def complete_coupling(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer interactions and loss weighters, and plugins whose kind is not known yet."""
    return _plugins(incomplete, "interaction", "loss weighter")


def complete_reader(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer readers, plugins whose kind is not known yet, and folders."""
    folders = CompletionItem(incomplete, type="dir")
    return _plugins(incomplete, "reader") or [folders]


def complete_suite(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the suites that ship, and TOML files."""
    from dgljoint_bench.suites.names import shipped_suites

    shipped = [CompletionItem(name) for name in shipped_suites() if name.startswith(incomplete)]
    return shipped or [CompletionItem(incomplete, type="file")]


def complete_assignment(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer ``SECTION.KEY=`` of what the command line names and of the engine.

    Before the dot: sections, the engine's and the plugins named; after it: their options.
    """
    section, dot, _ = incomplete.partition(".")
    known = dict(about_sections())
    named = [section] if dot else [*ctx.params.get("plugins", ()), ctx.params.get("encoder")]
    for entry in _entries():
        if entry.name in named and (found := about(entry)):
            known[entry.name] = found.options
    if dot:
        options = known.get(section, {})
        return _starting(incomplete, {f"{section}.{name}=": text for name, text in options.items()})
    return _starting(section, dict.fromkeys((f"{name}." for name in known), ""))


def complete_figure(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the figures that runs are compared by."""
    from dgljoint.evaluation.figures import TITLES

    return _starting(incomplete, TITLES)


def complete_preset(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer presets by name, and files where there is none."""
    from dgljoint.config.presets import discover_presets

    names = _starting(incomplete, {found.name: found.source for found in discover_presets()})
    return names or [CompletionItem(incomplete, type="file")]


def complete_split(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the splits that every file has or can be given; a file's own are not read."""
    return _starting(incomplete, dict.fromkeys(SPLITS, ""))


def complete_run(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer run folders that start so, or lie in one that does; folders where there is none."""
    # "" for a name without a folder: what is found then has none either
    folder = Path(incomplete[: incomplete.rfind("/") + 1])
    found = [file.parent for deep in ("*", "*/*") for file in folder.glob(f"{deep}/{_RUN}")]
    runs = sorted(str(run) for run in found if str(run).startswith(incomplete))
    return [CompletionItem(run) for run in runs] or [CompletionItem(incomplete, type="dir")]


def _entries() -> tuple[PluginEntry, ...]:
    return installed_registry().entries


def _plugins(incomplete: str, *kinds: str) -> list[CompletionItem]:
    offered = {}
    for entry in _entries():
        known = about(entry)
        if not kinds or known is None or set(kinds) & set(known.kinds):
            owner = f"{entry.distribution} {entry.version}"
            offered[entry.name] = known.summary if known else owner
    return _starting(incomplete, offered)


def _starting(incomplete: str, said: Mapping[str, str]) -> list[CompletionItem]:
    return [
        CompletionItem(name, help=text or None)
        for name, text in said.items() if name.startswith(incomplete)
    ]
