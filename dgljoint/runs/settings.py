"""The settings of a run that differ from the defaults, and those of two runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dgljoint.config.run_config import RunConfig, flat
from dgljoint.config.sources import resolve_config
from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import Registry

_OPTIONS = "options"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting by its path, and what it is by default; ``None`` where that is not known."""

    name: str
    value: Any
    default: Any


def changed_settings(config: RunConfig, registry: Registry) -> list[Setting]:
    """Return the settings that differ from the defaults; the data file is none of them."""
    options = {name: _default_options(name, registry) for name in config.options}
    plain = resolve_config().model_copy(update={_OPTIONS: options, "data": config.data})
    return [
        Setting(name, value, default)
        for name, (default, value) in differing_settings(plain, config).items()
    ]


def _default_options(name: str, registry: Registry) -> dict[str, Any]:
    try:
        specs = registry.load(name).specs
    except DgljointError:
        return {}
    for spec in specs:
        if spec.name == name:
            return spec.options().model_dump(mode="json")
    return {}


def differing_settings(one: RunConfig, other: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, by their path; ``None`` for one that is absent."""
    return differing(one.model_dump(mode="json"), other.model_dump(mode="json"))


def differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two trees of plain values, by its path."""
    mine, theirs = flat(one), flat(other)
    return {
        name: (mine.get(name), theirs.get(name))
        for name in sorted(mine | theirs)
        if mine.get(name) != theirs.get(name)
    }
