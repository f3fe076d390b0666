"""What completion knows of options: noted down when plugins are loaded, read without loading any.

The file stands in the user's cache folder. Each plugin stands in it under its entry point,
distribution and version, so that another version's options are not taken for this one's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgljoint import __version__
from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import PluginEntry, Registry

if TYPE_CHECKING:
    from dgljoint.options import Options

_ENGINE = f"dgljoint {__version__}"


@dataclass(frozen=True)
class Known:
    """What is known of a plugin, or of a section of the engine.

    Attributes:
        kinds: of its components; empty for a section.
        options: what they do, by name.
    """

    kinds: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


def index_file() -> Path:
    """Return where the index stands."""
    from platformdirs import user_cache_path

    return user_cache_path("dgljoint") / "options.json"


def recall(entries: tuple[PluginEntry, ...]) -> dict[str, Known]:
    """Return what is known of the installed plugins and the engine's sections, by name."""
    stored = _read()
    keys = {entry.name: _key(entry) for entry in entries}
    found = {name: stored.get(key) for name, key in keys.items()}
    sections = stored.get(_ENGINE)
    if isinstance(sections, dict):
        found |= sections
    return {name: known for name, value in found.items() if (known := _known(value))}


def remember(registry: Registry) -> None:
    """Note down the options of the plugins that are loaded, and the engine's.

    Nothing is said where the file cannot be written: it is worth no failure.
    """
    from dgljoint.config import SECTIONS, RunConfig
    from dgljoint.files import replacing

    stored = _read()
    new: dict[str, Any] = {
        _ENGINE: {
            name: {"kinds": [], "options": _described(type(RunConfig.model_fields[name].default))}
            for name in SECTIONS
        }
    }
    for plugin in registry.loaded:
        options: dict[str, str] = {}
        for spec in plugin.specs:
            options |= _described(spec.options)
        kinds = [spec.kind for spec in plugin.specs]
        new[_key(plugin.entry)] = {"kinds": kinds, "options": options}
    if stored == stored | new:
        return
    file = index_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            temporary.write_text(json.dumps(stored | new), encoding="utf-8")
    except (OSError, DgljointError):
        return


def _described(options: type[Options]) -> dict[str, str]:
    return {name: field.description or "" for name, field in options.model_fields.items()}


def _key(entry: PluginEntry) -> str:
    return f"{entry.distribution} {entry.version}: {entry.name} = {entry.module}"


def _read() -> dict[str, Any]:
    try:
        found = json.loads(index_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _known(value: object) -> Known | None:
    """Take an entry of the file; ``None`` where it is of another form."""
    if not isinstance(value, dict):
        return None
    kinds, options = value.get("kinds"), value.get("options")
    if not isinstance(kinds, list) or not isinstance(options, dict):
        return None
    return Known(tuple(map(str, kinds)), {str(k): str(v) for k, v in options.items()})
