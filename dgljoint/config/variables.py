"""Settings of a run that environment variables give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dgljoint._internal.suggest import closest
from dgljoint.config.setting_names import SettingNames
from dgljoint.errors import UsageError
from dgljoint.plugins.registry import installed_registry

PREFIX = "DGLJOINT_"
# Read by others: the registry, hook tracing, options of the command line, the tests on real data.
_NO_SETTINGS = ("DISABLED_PLUGINS", "PRESET", "DEVICE", "RAW_DATA")


def environment_settings(
    environment: Mapping[str, str], known: SettingNames
) -> Iterator[tuple[str, str, str]]:
    """Yield section, key and value of each setting; the section of a scalar is empty.

    ``DGLJOINT_SECTION__KEY`` is for a section, where the section may be any component that is
    installed: an environment serves many runs, and not each of them uses it.

    Raises:
        UsageError: a variable of that prefix is no setting.
    """
    for variable, value in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if not variable.startswith(PREFIX) or name in _NO_SETTINGS:
            continue
        section, both, key = name.lower().partition("__")
        if both and (section in known.sections or section in _installed()):
            yield section, key, value
        elif not both and section in known.scalars:
            yield "", section, value
        else:
            raise UsageError(f"{variable} is not a setting", hint=_hint(name.lower(), known))


def _installed() -> frozenset[str]:
    registry = installed_registry()
    return frozenset(entry.name for entry in (*registry.entries, *registry.disabled))


def _hint(name: str, known: SettingNames) -> str:
    """Name the variables that may be meant."""
    owners = sorted((*known.sections, *_installed()), key=len)
    section, both, key = name.partition("__")
    meant = [f"{owner}.{key}" for owner in closest(section, owners)] if both else known.meant(name)
    for owner in owners:  # the longest comes last
        if name.startswith(f"{owner}_"):  # a single underscore
            key = name.removeprefix(f"{owner}_")
            meant = [f"{owner}.{each}" for each in known.keys_meant(owner, key)]
    if meant:
        variables = (PREFIX + each.replace(".", "__").upper() for each in meant)
        return f"did you mean {' or '.join(variables)}?"
    return (
        f"settings are {PREFIX}SEED, {PREFIX}TRAIN__EPOCHS and the like; "
        "unset it, or name it without this prefix"
    )
