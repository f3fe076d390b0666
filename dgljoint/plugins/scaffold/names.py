"""The names of a new plugin: what users type, what pip installs, what Python imports."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from dgljoint.config.run_config import SECTIONS
from dgljoint.errors import UsageError
from dgljoint.plugins.registry import PluginEntry

LONGEST = 30

_PREFIX = "dgljoint-"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
# Sections of a configuration, and losses that every run has.
_TAKEN = frozenset((*SECTIONS, "options", "cascade", "rumor"))


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one plugin.

    Attributes:
        component: what users type; that of the entry point.
        distribution: what pip installs.
        module: what Python imports.
    """

    component: str
    distribution: str
    module: str


def check_name(name: str, installed: Iterable[PluginEntry]) -> Names:
    """Return the names of a new plugin: ``my-scheme`` becomes the component ``my_scheme``.

    Args:
        name: words of small letters and digits with ``-`` or ``_`` between them.
        installed: whose names are taken.

    Raises:
        UsageError: nothing can be called so, or something is.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"{name!r} cannot be the name of a plugin",
            hint=f"at most {LONGEST} small letters and digits, a letter first, words joined by "
            f"'-'{_suggestion(name)}",
        )
    if name.replace("_", "-").startswith(_PREFIX):
        raise UsageError(
            f"'{name}' would become the distribution {_PREFIX}{name}",
            hint=f"leave the prefix out: {name[len(_PREFIX):]}",
        )
    component = name.replace("-", "_")
    names = Names(
        component=component,
        distribution=_PREFIX + component.replace("_", "-"),
        module=f"dgljoint_{component}",
    )
    _refuse_taken(names, installed)
    return names


def _refuse_taken(names: Names, installed: Iterable[PluginEntry]) -> None:
    if names.component in _TAKEN:
        raise UsageError(
            f"'{names.component}' is the name of a section or of a task's loss",
            hint="give the plugin another name",
        )
    for entry in installed:
        if entry.name.replace("-", "_").lower() == names.component:
            raise UsageError(
                f"{entry} is installed, and two plugins of one name cannot be used",
                hint=f"give yours another name, or: pip uninstall {entry.distribution}",
            )
    if find_spec(names.module) is not None:
        raise UsageError(
            f"there is a package {names.module} already", hint="give the plugin another name"
        )


def _suggestion(name: str) -> str:
    words = re.findall(r"[a-z0-9]+", name.lower())
    close = "-".join(words).lstrip("0123456789-")[:LONGEST].rstrip("-")
    return f": for example {close}" if close else ""
