"""Presets: TOML files with some settings in the form of ``config.toml``, and a ``summary``.

A distribution offers ``NAME`` by an entry point of that name in the group ``dgljoint.presets``;
its value is a package that contains ``NAME.toml``. A user's own are in :func:`user_folder`, and any
other file is named by its path. Listing imports neither plugins nor pydantic.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from dgljoint._internal.text import did_you_mean
from dgljoint.errors import DgljointError, PluginError, UsageError, one_line

ENTRY_POINT_GROUP = "dgljoint.presets"
_SUFFIX = ".toml"


@dataclass(frozen=True, slots=True)
class PresetSource:
    """Where a preset is."""

    name: str  # what users type
    source: str  # distribution and version, or the path of a file
    package: str = ""  # contains the file of a distribution's

    def __str__(self) -> str:
        return f"preset '{self.name}' ({self.source})"


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings below everything that a user gives, and a summary in one line."""

    origin: PresetSource
    summary: str
    settings: Mapping[str, Any]


def user_folder() -> Path:
    """Return the folder of the user's own presets, ``NAME.toml`` each."""
    from platformdirs import user_config_path

    return user_config_path("dgljoint") / "presets"


def discover_presets() -> tuple[PresetSource, ...]:
    """List the installed presets and the user's own by name, without opening one."""
    from importlib import metadata

    found = [
        PresetSource(
            name=point.name,
            source=f"{point.dist.name} {point.dist.version}" if point.dist else "unknown",
            package=point.value,
        )
        for point in metadata.entry_points(group=ENTRY_POINT_GROUP)
    ]
    own = user_folder()
    if own.is_dir():
        files = (file for file in own.glob(f"*{_SUFFIX}") if not file.name.startswith("."))
        found += [PresetSource(file.stem, str(file)) for file in files]
    return tuple(sorted(found, key=lambda preset: (preset.name, preset.source)))


def find_preset(name: str, known: Sequence[PresetSource] | None = None) -> Preset:
    """Return the preset of a name, or that of a file where ``name`` is a path."""
    if name.endswith(_SUFFIX) or os.sep in name:
        return read_preset(PresetSource(Path(name).stem, name))
    known = discover_presets() if known is None else known
    offers = [preset for preset in known if preset.name == name]
    if not offers:
        raise UsageError(
            f"no preset is named '{name}'", hint=did_you_mean(name, (p.name for p in known))
        )
    if len(offers) > 1:
        owners = " and ".join(offer.source for offer in offers)
        raise UsageError(
            f"preset '{name}' is in {owners}",
            hint="rename your own file, or name it by its path: --preset FILE.toml",
        )
    return read_preset(offers[0])


def read_preset(origin: PresetSource) -> Preset:
    """Read a preset; its settings are checked where they are used."""
    try:
        file = Path(origin.source) if not origin.package else (
            resources.files(origin.package) / f"{origin.name}{_SUFFIX}"
        )
        settings = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        summary = settings.pop("summary", "")
        if not isinstance(summary, str):
            raise UsageError(f"{origin}: its summary is no text")
    except OSError as error:
        raise _wrong(origin, f"cannot be read: {error.strerror or one_line(error)}") from error
    except (ImportError, TypeError) as error:
        raise _wrong(origin, f"has no package: {one_line(error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(origin, f"is not TOML: {error}") from error
    return Preset(origin, summary, settings)


def _wrong(origin: PresetSource, what: str) -> DgljointError:
    return (PluginError if origin.package else UsageError)(f"{origin} {what}")
