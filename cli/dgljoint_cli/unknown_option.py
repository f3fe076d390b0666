"""A flag that no verb has, and the setting that it may be meant for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from dgljoint._internal.suggest import closest
from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import Registry, installed_registry

if TYPE_CHECKING:
    from dgljoint.plugins.specs import Spec


def option_hint(error: click.NoSuchOption, arguments: Sequence[str] | None) -> str | None:
    """Name the flags and settings that an unknown flag may be meant for.

    Args:
        error: what was raised for the flag.
        arguments: of the command line, for the value; the process's own by default.
    """
    if error.ctx is None:
        return None
    command = error.ctx.command
    words = list(sys.argv[1:] if arguments is None else arguments)
    forms: dict[str, list[str]] = {}  # how each is given, by its name
    if any("--set" in parameter.opts for parameter in command.params):
        value = _value(words, error.option_name)
        for path in _settings(words, sections=command.name == "train"):
            forms.setdefault(path.rpartition(".")[2], []).append(f"-s {path}={value}")
    for parameter in command.params:
        flags = (flag for flag in parameter.opts if flag.startswith("--"))
        forms |= {_name(flag): [flag] for flag in flags}
    key = _name(error.option_name)
    if command.name == "train" and key not in forms:
        others = _of_others(key, _value(words, error.option_name))
        if others is not None:
            return others
    meant = [form for name in [key] * (key in forms) or closest(key, forms) for form in forms[name]]
    return f"did you mean {' or '.join(meant)}?" if meant else None


def _of_others(key: str, value: str) -> str | None:
    """Say how an option is given that plugins have which no word of the line names."""
    from dgljoint.plugins.about import about

    registry = installed_registry()
    known = {entry.name: about(entry) for entry in registry.entries}
    having = [name for name, one in known.items() if one and key in one.options]
    used = [
        f"{spec.flag} {spec.name}"
        for name in having for spec in _specs(registry, name) if spec.flag.startswith("--")
    ]
    if len(used) == 1:
        name = used[0].split()[1]
        return f"did you mean {used[0]} -s {name}.{key}={value}?"
    return f"it is -s NAME.{key}={value} with one of {', '.join(used)};" if used else None


def _specs(registry: Registry, name: str) -> tuple[Spec, ...]:
    """Return the components of a plugin; none of a broken one."""
    try:
        return registry.load(name).specs
    except DgljointError:
        return ()


def _name(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _settings(words: Sequence[str], *, sections: bool) -> Iterator[str]:
    """Yield the settings of the engine, and of the plugins that the words of a line name."""
    if sections:
        from dgljoint.config.run_config import setting_names

        for section, keys in setting_names().sections.items():
            yield from (f"{section}.{key}" for key in keys)
    registry = installed_registry()
    for name in dict.fromkeys(word for word in words if word in registry.names):
        for spec in _specs(registry, name):
            yield from (f"{name}.{key}" if sections else key for key in spec.options.model_fields)


def _value(words: Sequence[str], flag: str) -> str:
    for word, after in zip(words, [*words[1:], "-"], strict=True):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag and not after.startswith("-"):
            return after
    return "VALUE"
