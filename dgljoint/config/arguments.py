"""Read the arguments of the verbs in Python: paths, names, numbers, and the settings of a run."""

import operator
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dgljoint._internal.text import parse_numbers
from dgljoint.config.presets import find_preset
from dgljoint.config.run_config import SECTIONS, RunConfig
from dgljoint.config.sources import resolve_config
from dgljoint.errors import UsageError

CASCADE_FILE = "a cascade file"
_HINTS = {
    CASCADE_FILE: "write one with `dgljoint preprocess`: its reader `jsonl` takes data of any "
    "origin; dgljoint_data.demo_store() makes a small one",
}
# Settings of the section `train` that have an argument of their own.
_SHORT = ("epochs", "batch_posts", "precision", "tasks", "init_from")


def path_of(value: object, argument: str, what: str) -> Path:
    """Return a path; ``~`` at its start is the home folder, as in a shell."""
    return Path(text_of(value, argument, what))


def text_of(value: object, argument: str, what: str) -> str:
    """Return the text of a path, which may be a name as well; see :func:`path_of`."""
    own: Any = getattr(value, "path", value)
    try:
        return os.path.expanduser(os.fsdecode(own))  # noqa: PTH111  # "~nobody" is no error
    except TypeError:
        raise UsageError(
            f"{argument} is of the type {type(value).__name__}, expected the path of {what}",
            hint=_HINTS.get(what, "give a text or a pathlib.Path"),
        ) from None


def names(value: object, argument: str) -> tuple[str, ...]:
    """Return names: a text is a single one."""
    if isinstance(value, str):
        return (value,)
    found = _several(value)
    if found is None or not all(isinstance(name, str) for name in found):
        raise UsageError(
            f"{argument} is {value!r}, expected a name or a list of names",
            hint=f'for example {argument}="one", or {argument}=["one", "other"]',
        )
    return tuple(map(str, found))


def numbers(value: object, argument: str, also: str = "") -> tuple[int, ...] | None:
    """Return whole numbers: one, several, or a text such as ``0-4``; ``None`` for ``also``."""
    if value is None or (also and value == also):
        return None
    if isinstance(value, str):
        return parse_numbers(value, argument, also)
    single = _whole(value)
    found = [single] if single is not None else [_whole(one) for one in _several(value) or [None]]
    whole = tuple(number for number in found if number is not None)
    if len(whole) < len(found):
        raise UsageError(
            f"{argument} is {value!r}, expected a whole number or a list of them",
            hint=f'for example {argument}=0, {argument}=[0, 2] or {argument}="0-4"'
            + (f', or {argument}="{also}"' if also else ""),
        )
    return whole


def configuration_of(
    *, data: object, plugins: object, preset: object, config: object, features: object,
    labels: object, merge: object, options: object, **fields: Any,
) -> RunConfig:
    """Return the configuration that the arguments of a verb ask for."""
    if not isinstance(options, Mapping | None):
        raise UsageError(
            f"options is {options!r}, expected a table of tables",
            hint='for example options={"train": {"batch": 64}, "contrastive": '
            '{"temperature": 0.2}}',
        )
    given, use = dict(options or {}), names(features, "features")
    sections = {name: given.pop(name) for name in SECTIONS if name in given}
    short = {name: value for name in _SHORT if (value := fields.pop(name, None)) is not None}
    sections["train"] = _with_short("train", sections.get("train", {}), short)
    table = sections.get("features", {})
    sections["features"] = _with_short("features", table, {"use": use} if use else {})
    what = "a preset, or its name"
    # an empty text names no data, as it does on the command line
    no_data = data is None or (isinstance(data, str) and not data)
    resolved = resolve_config(
        preset=None if preset is None else find_preset(text_of(preset, "preset", what)),
        file=None if config is None else path_of(config, "config", "a TOML file of settings"),
        command_line={
            "data": None if no_data else str(path_of(data, "data", CASCADE_FILE)),
            "plugins": names(plugins, "plugins"), "labels": names(labels, "labels"),
            "merge": merge if isinstance(merge, Mapping) else names(merge, "merge"),
            **fields, **sections, "options": given,
        },
    )
    if not resolved.data:
        raise UsageError(
            "no cascade file is named",
            hint="dgljoint_data.demo_store() makes a small one, `dgljoint preprocess` any other",
        )
    return resolved


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


def _several(value: object) -> list[object] | None:
    if isinstance(value, Mapping | str) or not isinstance(value, Iterable):
        return None
    return list(value)


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # it raises for what is no number
    except TypeError:
        return None
