"""Shell completion: names of plugins, options, metrics, presets and runs; it imports no plugin."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dgljoint.plugins.about import about, about_sections
from dgljoint.plugins.registry import installed_registry

Offer = Callable[[click.Context, str], Mapping[str, str]]
"""From the context and the incomplete word to the names offered, each with its help."""


def _completes(
    offer: Offer, otherwise: str = ""
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Complete by what ``offer`` returns, or by ``otherwise``: "file" or "dir"."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=text or None)
            for name, text in offer(ctx, incomplete).items() if name.startswith(incomplete)
        ]
        return found or [CompletionItem(incomplete, type=otherwise)] * bool(otherwise)

    return complete


def _plugins(*kinds: str) -> Offer:
    """Offer plugins of these kinds and of unknown kind; of all kinds by default."""

    def offer(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
        offered = {}
        for entry in installed_registry().entries:
            known = about(entry)
            if not kinds or known is None or set(kinds) & set(known.kinds):
                owner = f"{entry.distribution} {entry.version}"
                offered[entry.name] = known.summary if known else owner
        return offered

    return offer


def _assignments(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    """Offer sections of the engine and of the plugins named; after the dot, their options."""
    section, dot, _ = incomplete.partition(".")
    known = dict(about_sections())
    named = [section] if dot else [*ctx.params.get("plugins", ()), ctx.params.get("encoder")]
    for entry in installed_registry().entries:
        if entry.name in named and (found := about(entry)):
            known[entry.name] = found.options
    if not dot:
        return dict.fromkeys((f"{name}." for name in known), "")
    return {f"{section}.{name}=": text for name, text in known.get(section, {}).items()}


def _suites(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    from dgljoint_bench.suites.names import shipped_suites

    return dict.fromkeys(shipped_suites(), "")


def _metrics(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    from dgljoint.evaluation.scores import TITLES

    return TITLES


def _presets(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    from dgljoint.config.presets import discover_presets

    return {found.name: found.source for found in discover_presets()}


def _splits(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    """Offer the splits that dgljoint makes; those of a file are not read."""
    return dict.fromkeys(("event", "random", "time", "leave-one-event-out"), "")


def _runs(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    """Offer run folders, also those one level below the folder that is named."""
    # "" for a name without a folder: what is found then has none either
    folder = Path(incomplete[: incomplete.rfind("/") + 1])
    files = [file for deep in ("*", "*/*") for file in folder.glob(f"{deep}/config.toml")]
    return dict.fromkeys(sorted(str(file.parent) for file in files), "")


complete_any_plugin = _completes(_plugins())
complete_encoder = _completes(_plugins("encoder"))
complete_coupling = _completes(_plugins("interaction", "loss weighter"))
complete_reader = _completes(_plugins("reader"), "dir")
complete_suite = _completes(_suites, "file")
complete_assignment = _completes(_assignments)
complete_figure = _completes(_metrics)
complete_preset = _completes(_presets, "file")
complete_split = _completes(_splits)
complete_run = _completes(_runs, "dir")
