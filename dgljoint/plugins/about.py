"""What plugins declare in a file of their package, read without importing any of them.

A package may ship ``dgljoint_plugins.toml`` next to its ``__init__.py``, with a table for each
entry point: its ``kinds``, its ``summary`` and its ``options``, name to description. ``dgljoint
plugins list`` and completion read it, ``dgljoint plugins check`` compares it with the plugin.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgljoint.plugins.registry import PluginEntry

if TYPE_CHECKING:
    from dgljoint.plugins.specs import Spec

FILE = "dgljoint_plugins.toml"
SETTINGS = "settings.toml"


@dataclass(frozen=True)
class About:
    """The kinds of a plugin's components, the summary of the first, and its options by name."""

    kinds: tuple[str, ...] = ()
    summary: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


def about(entry: PluginEntry) -> About | None:
    """Return what a plugin's package declares; ``None`` where it declares nothing of that form."""
    match _tables(entry.package).get(entry.name):
        case {"kinds": list(kinds), "summary": str(summary), **rest}:
            options = rest.get("options", {})
            if isinstance(options, dict):
                texts = {str(key): str(text) for key, text in options.items()}
                return About(tuple(map(str, kinds)), summary, texts)
    return None


def about_folders(package: str) -> tuple[Path, ...]:
    """Return where the file of a package belongs; nowhere for a module that is no package."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # no such package, or one of odd ways
        return ()
    return tuple(map(Path, spec.submodule_search_locations or ())) if spec else ()


def about_sections() -> dict[str, Mapping[str, str]]:
    """Return what the engine's own settings do, by section and name."""
    text = files("dgljoint.config").joinpath(SETTINGS).read_text(encoding="utf-8")
    return tomllib.loads(text)


def about_specs(specs: Iterable[Spec]) -> About:
    """Return what the file should declare of a plugin with these components."""
    specs = tuple(specs)
    options: dict[str, str] = {}
    for spec in specs:
        options |= described(spec.options)
    return About(tuple(spec.kind for spec in specs), specs[0].summary, options)


def described(options: Any) -> dict[str, str]:
    """Return what options do, by name; ``options`` is their class."""
    return {name: one.description or "" for name, one in options.model_fields.items()}


@cache
def _tables(package: str) -> Mapping[str, object]:
    """Read the file of a package, which is found and not imported."""
    for folder in about_folders(package):
        try:
            return tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):  # none, or damaged: nothing is known
            continue
    return {}
