"""Shell completion: names of plugins, options, metrics, presets and runs.

It imports no plugin. Names come from metadata; kinds and options of plugins from the file in which
their packages describe them, see :mod:`dgljoint.plugins.about`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dgljoint.plugins.about import about, about_sections
from dgljoint.plugins.registry import installed_registry

_SPLITS = ("event", "random", "time", "leave-one-event-out")
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _of_kinds(*kinds: str, otherwise: str = "") -> Complete:
    """Offer plugins of these kinds and of unknown kind, of all kinds by default.

    Args:
        kinds: of the plugins.
        otherwise: what click completes where none is found: ``"dir"``.
    """

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        offered = {}
        for entry in installed_registry().entries:
            known = about(entry)
            if not kinds or known is None or set(kinds) & set(known.kinds):
                owner = f"{entry.distribution} {entry.version}"
                offered[entry.name] = known.summary if known else owner
        return _starting(incomplete, offered, otherwise)

    return complete


complete_any_plugin = _of_kinds()
complete_encoder = _of_kinds("encoder")
complete_coupling = _of_kinds("interaction", "loss weighter")
complete_reader = _of_kinds("reader", otherwise="dir")


def complete_suite(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the suites that ship, or TOML files."""
    from dgljoint_bench.suites.names import shipped_suites

    return _starting(incomplete, dict.fromkeys(shipped_suites(), ""), "file")


def complete_assignment(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer ``SECTION.KEY=`` of the engine and of the plugins that the command line names.

    Before the dot: the sections; after it: their options.
    """
    section, dot, _ = incomplete.partition(".")
    known = dict(about_sections())
    named = [section] if dot else [*ctx.params.get("plugins", ()), ctx.params.get("encoder")]
    for entry in installed_registry().entries:
        if entry.name in named and (found := about(entry)):
            known[entry.name] = found.options
    if dot:
        options = known.get(section, {})
        return _starting(incomplete, {f"{section}.{name}=": text for name, text in options.items()})
    return _starting(section, dict.fromkeys((f"{name}." for name in known), ""))


def complete_figure(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the metrics that runs are compared by."""
    from dgljoint.evaluation.scores import TITLES

    return _starting(incomplete, TITLES)


def complete_preset(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer presets by name, or files."""
    from dgljoint.config.presets import discover_presets

    presets = {found.name: found.source for found in discover_presets()}
    return _starting(incomplete, presets, "file")


def complete_split(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the splits that dgljoint makes; those of a file are not read."""
    return _starting(incomplete, dict.fromkeys(_SPLITS, ""))


def complete_run(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer run folders, also those one level below the folder that is named; or any folder."""
    # "" for a name without a folder: what is found then has none either
    folder = Path(incomplete[: incomplete.rfind("/") + 1])
    files = [file for deep in ("*", "*/*") for file in folder.glob(f"{deep}/config.toml")]
    return _starting(incomplete, dict.fromkeys(sorted(str(f.parent) for f in files), ""), "dir")


def _starting(
    incomplete: str, offered: Mapping[str, str], otherwise: str = ""
) -> list[CompletionItem]:
    found = [
        CompletionItem(name, help=text or None)
        for name, text in offered.items() if name.startswith(incomplete)
    ]
    return found or [CompletionItem(incomplete, type=otherwise)] * bool(otherwise)
