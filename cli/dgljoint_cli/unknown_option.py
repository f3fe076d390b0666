"""A flag that no verb has, and the setting that it may be meant for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import installed_registry
from dgljoint.suggest import closest


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
    meant = [form for name in [key] * (key in forms) or closest(key, forms) for form in forms[name]]
    return f"did you mean {' or '.join(meant)}?" if meant else None


def _name(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _settings(words: Sequence[str], *, sections: bool) -> Iterator[str]:
    """Yield the settings of the engine, and of the plugins that the words of a line name."""
    if sections:
        from dgljoint.config import setting_names

        for section, keys in setting_names().sections.items():
            yield from (f"{section}.{key}" for key in keys)
    registry = installed_registry()
    for name in dict.fromkeys(word for word in words if word in registry.names):
        try:
            loaded = registry.load(name)
        except DgljointError:
            continue
        for spec in loaded.specs:
            yield from (f"{name}.{key}" if sections else key for key in spec.options.model_fields)


def _value(words: Sequence[str], flag: str) -> str:
    for word, after in zip(words, [*words[1:], "-"], strict=True):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag and not after.startswith("-"):
            return after
    return "VALUE"
