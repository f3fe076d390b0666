"""The names of a run's settings, and which of them a wrong name may be meant for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dgljoint._internal.suggest import closest


@dataclass(frozen=True, slots=True)
class SettingNames:
    """The settings of the engine.

    Attributes:
        scalars: those that belong to no section, as ``seed``.
        sections: the keys of each section, as ``epochs`` of ``train``.
    """

    scalars: Collection[str]
    sections: Mapping[str, Collection[str]]

    def meant(self, name: str) -> list[str]:
        """Return the settings that ``name`` may be meant for, as ``train.epochs`` or ``seed``.

        Those of exactly that name come alone.
        """
        paths = {path: path.rpartition(".")[2] for path in self._paths()}
        keys = [name] if name in paths.values() else closest(name, paths.values())
        return [path for key in keys for path, own in paths.items() if own == key]

    def keys_meant(self, section: str, key: str) -> list[str]:
        """Return the keys of a section that ``key`` may be meant for; any of a component's."""
        keys = self.sections.get(section, (key,))
        return [key] if key in keys else closest(key, keys)

    def _paths(self) -> list[str]:
        inside = [f"{section}.{key}" for section, keys in self.sections.items() for key in keys]
        return [*self.scalars, *inside]
