"""What the arguments of a verb ask for: a configuration and callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dgljoint.config.arguments import CASCADE_FILE, path_of, text_of
from dgljoint.config.presets import find_preset
from dgljoint.config.run_config import SECTIONS, RunConfig, resolve_config
from dgljoint.errors import UsageError
from dgljoint.training.callbacks import Callback

# Settings of the section `train` that have an argument of their own.
_SHORT = ("epochs", "batch_posts", "precision", "tasks")


def callbacks_of(callbacks: object) -> tuple[Callback, ...]:
    """Return one callback or several.

    Raises:
        UsageError: they are something else.
    """
    found = [callbacks] if isinstance(callbacks, Callback) else callbacks
    several = list(found) if isinstance(found, Iterable) else [found]
    known = tuple(one for one in several if isinstance(one, Callback))
    if len(known) < len(several):
        raise UsageError(
            f"callbacks is {callbacks!r}, expected a dgljoint.Callback or several",
            hint="give instances of a subclass: callbacks=[Mine()]",
        )
    return known


def data_of(data: object) -> str | None:
    """Return the path of the data; ``None`` where none are named."""
    # an empty text names no data, as it does on the command line
    if data is None or (isinstance(data, str) and not data):
        return None
    return str(path_of(data, "data", CASCADE_FILE))


def configuration_of(
    *, data: str | None, preset: object, config: object, features: tuple[str, ...],
    options: object, **fields: Any,
) -> RunConfig:
    """Return the configuration that the arguments of a verb ask for.

    Raises:
        UsageError: a setting is wrong or given twice, or no data are named.
    """
    given = _checked(options)
    sections = {name: given.pop(name) for name in SECTIONS if name in given}
    short = {name: value for name in _SHORT if (value := fields.pop(name, None)) is not None}
    sections["train"] = _with_short("train", sections.get("train", {}), short)
    use = {"use": features} if features else {}
    sections["features"] = _with_short("features", sections.get("features", {}), use)
    named = None if preset is None else text_of(preset, "preset", "a preset, or its name")
    file = None if config is None else path_of(config, "config", "a TOML file of settings")
    resolved = resolve_config(
        preset=find_preset(named) if named is not None else None,
        file=file,
        command_line={"data": data, **fields, **sections, "options": given},
    )
    if not resolved.data:
        raise UsageError(
            "no cascade file is named",
            hint="dgljoint_data.demo_store() makes a small one, `dgljoint preprocess` any other",
        )
    return resolved


def _checked(options: object) -> dict[str, Any]:
    if not isinstance(options, Mapping):
        raise UsageError(
            f"options is {options!r}, expected a table of tables",
            hint='for example options={"train": {"batch": 64}, "contrastive": '
            '{"temperature": 0.2}}',
        )
    return dict(options)


def _with_short(section: str, table: Any, short: dict[str, Any]) -> Any:
    """Add the settings that have an argument of their own; none may be given twice."""
    if not short or not isinstance(table, Mapping):
        return table
    for name, value in short.items():
        if table.get(name, value) != value:
            raise UsageError(
                f"{section}.{name} is given twice: {value!r} and {table[name]!r}",
                hint="leave it out of options, or out of the other arguments",
            )
    return {**table, **short}
