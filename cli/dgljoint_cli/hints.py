"""Hints for a command line that click refuses, and for a verb that ran out of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from dgljoint._internal.text import closest
from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import installed_registry

if TYPE_CHECKING:
    from dgljoint.plugins.specs import Spec


def needs_less(words: Sequence[str]) -> str:
    """Return what makes the verb of a command line need less memory."""
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb == "train":
        return (
            "smaller batches need less: -s train.batch=16, or -s train.batch_posts=5000 where few "
            "cascades are large; a batch has at least one cascade"
        )
    if verb in ("evaluate", "predict"):
        return (
            "large cascades are scored one by one already, and no setting makes it need less: use "
            "a machine with more memory, or --device cpu in place of a small GPU"
        )
    return "no setting makes it need less: use a machine with more memory, or less data"


def refusal(error: click.ClickException, words: Sequence[str]) -> tuple[str, str | None]:
    """Return the message and the hint for a command line that click refuses."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return error.format_message(), None
    lists = f"{context.command_path} -h lists its options"
    if not isinstance(error, click.NoSuchOption):
        return error.format_message(), lists
    meant = _option_hint(context.command, error.option_name, words)
    message = f"{context.command_path} has no option {error.option_name}"
    return message, f"{meant} {lists}" if meant else lists


def _option_hint(command: click.Command, flag: str, words: Sequence[str]) -> str | None:
    """Name the flags and settings that an unknown flag may be meant for."""
    trains, value = command.name == "train", _value(words, flag)
    forms: dict[str, list[str]] = {}  # how each is given, by its name
    if any("--set" in parameter.opts for parameter in command.params):
        for path in _settings(words, sections=trains):
            forms.setdefault(path.rpartition(".")[2], []).append(f"-s {path}={value}")
    for parameter in command.params:
        forms |= {_name(flag): [flag] for flag in parameter.opts if flag.startswith("--")}
    key = _name(flag)
    if trains and key not in forms and (hint := _of_other_plugins(key, value)):
        return hint
    meant = [form for name in [key] * (key in forms) or closest(key, forms) for form in forms[name]]
    return f"did you mean {' or '.join(meant)}?" if meant else None


def _of_other_plugins(key: str, value: str) -> str | None:
    """Show how to give an option of plugins that the command line does not name."""
    from dgljoint.plugins.about import about

    registry = installed_registry()
    known = {entry.name: about(entry) for entry in registry.entries}
    used = [
        f"{spec.flag} {spec.name}"
        for name, one in known.items() if one and key in one.options
        for spec in _specs(name) if spec.flag.startswith("--")
    ]
    if len(used) == 1:
        return f"did you mean {used[0]} -s {used[0].split()[1]}.{key}={value}?"
    return f"it is -s NAME.{key}={value} with one of {', '.join(used)};" if used else None


def _specs(plugin: str) -> tuple[Spec, ...]:
    """Return the components of a plugin; none of a broken one."""
    try:
        return installed_registry().load(plugin).specs
    except DgljointError:
        return ()


def _name(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _settings(words: Sequence[str], *, sections: bool) -> Iterator[str]:
    """Yield the settings of the engine, and of the plugins that a command line names."""
    if sections:
        from dgljoint.config.sources import KEYS

        for section, keys in KEYS.items():
            yield from (f"{section}.{key}" for key in keys)
    for name in dict.fromkeys(word for word in words if word in installed_registry().names):
        for spec in _specs(name):
            yield from (f"{name}.{key}" if sections else key for key in spec.options.model_fields)


def _value(words: Sequence[str], flag: str) -> str:
    for word, after in zip(words, [*words[1:], "-"], strict=True):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag and not after.startswith("-"):
            return after
    return "VALUE"
