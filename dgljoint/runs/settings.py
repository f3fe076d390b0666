"""What a run was told beyond the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dgljoint.config.run_config import RunConfig
from dgljoint.config.sources import resolve_config
from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import Registry
from dgljoint.runs.comparable import differing_settings

_OPTIONS = "options"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting by its path, and what it is by default; ``None`` where that is not known."""

    name: str
    value: Any
    default: Any


def changed_settings(config: RunConfig, registry: Registry) -> list[Setting]:
    """Return the settings that differ from the defaults; the data file is none of them.

    Args:
        config: of the run.
        registry: is asked for the options of the components named; where one is not installed, or
            broken, all of its options are returned.
    """
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
