"""Which plugins are installed, by their metadata, and the components of those that are named."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from dgljoint._internal.text import did_you_mean
from dgljoint.errors import DgljointError, PluginError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

    from dgljoint.plugins.specs import Spec

ENTRY_POINT_GROUP = "dgljoint.plugins"
OWN_DISTRIBUTION = "dgljoint"
DISABLED_VARIABLE = "DGLJOINT_DISABLED_PLUGINS"

SpecT = TypeVar("SpecT", bound="Spec")


@dataclass(frozen=True, slots=True, order=True)
class PluginEntry:
    """One entry point: the component ``name`` is offered by ``module`` of ``distribution``."""

    name: str
    distribution: str
    version: str
    module: str

    @property
    def package(self) -> str:
        """The top-level package that the module is in."""
        return self.module.partition(":")[0].partition(".")[0]

    def __str__(self) -> str:
        return f"plugin '{self.name}' ({self.distribution} {self.version})"


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """An entry point whose module is imported, and its components: those of the entry's name."""

    entry: PluginEntry
    specs: tuple[Spec, ...]


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """Whether a plugin can be used: what it offers, the seconds of its import, or the cause."""

    name: str
    cause: str | None
    kinds: tuple[str, ...] = ()
    summary: str = ""
    seconds: float = 0.0


def discover() -> tuple[PluginEntry, ...]:
    """List the installed entry points by name, without importing any plugin."""
    from importlib import metadata  # 19 ms, which help need not wait for

    try:
        points: Iterable[EntryPoint] = metadata.entry_points(group=ENTRY_POINT_GROUP)
    except (TypeError, ValueError):  # a distribution's file is damaged
        points = _readable_entry_points()
    found = []
    for point in points:
        name, version = _named(point.dist) if point.dist else ("unknown", "unknown")
        found.append(PluginEntry(point.name, name, version, point.value))
    return tuple(sorted(found))


def _readable_entry_points() -> Iterator[EntryPoint]:
    """Read the distributions one by one, which takes four times as long."""
    from importlib import metadata

    seen = set()
    for distribution in metadata.distributions():
        name, _ = _named(distribution)
        if name not in seen:
            with suppress(TypeError, ValueError):
                yield from distribution.entry_points.select(group=ENTRY_POINT_GROUP)
        seen.add(name)


def _named(distribution: Distribution) -> tuple[str, str]:
    """Return name and version; an installation that was cut short may have lost them."""
    name = version = None
    # Where a library imported importlib_metadata, distributions are its own and raise.
    with suppress(FileNotFoundError):
        name, version = distribution.name, distribution.version
    return name or "unknown", version or "unknown"


class Registry:
    """The plugins one may name, loaded as they are named; a name that occurs twice is a clash."""

    def __init__(self, entries: Iterable[PluginEntry], disabled: Collection[str] = ()) -> None:
        found = sorted(entries)
        self.entries = tuple(entry for entry in found if entry.name not in disabled)
        self.disabled = tuple(entry for entry in found if entry.name in disabled)
        self._loaded: dict[str, LoadedPlugin] = {}
        self._begun: dict[PluginEntry, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names on offer, each once."""
        return tuple(dict.fromkeys(entry.name for entry in self.entries))

    @property
    def loaded(self) -> tuple[LoadedPlugin, ...]:
        """The plugins that have been loaded so far."""
        return tuple(self._loaded.values())

    @property
    def at_work(self) -> tuple[PluginEntry, ...]:
        """The entries whose code has run: imported, or broken while it was."""
        return tuple(self._begun)

    def offering(self, name: str) -> tuple[PluginEntry, ...]:
        """Return the entries of one name: more than one is a clash."""
        return tuple(entry for entry in self.entries if entry.name == name)

    def load(self, name: str) -> LoadedPlugin:
        """Import a plugin, once, and collect its components; the errors name it."""
        if name not in self._loaded:
            from dgljoint.plugins.loading import load_specs

            entry = self._entry(name)
            self._begun[entry] = None
            self._loaded[name] = LoadedPlugin(entry, load_specs(entry))
        return self._loaded[name]

    def find(self, kind: type[SpecT], name: str) -> SpecT:
        """Return the component of a kind and name, or raise as :meth:`load` does."""
        loaded = self.load(name)
        for spec in loaded.specs:
            if isinstance(spec, kind):
                return spec
        raise wrong_kind(loaded, with_article(kind.kind))

    def status(self, name: str) -> PluginStatus:
        """Find out whether a plugin can be used, importing it; raises for nothing it does."""
        started = time.perf_counter()
        cause: str | None = None
        specs: tuple[Spec, ...] = ()
        try:
            specs = self.load(name).specs
        except DgljointError as error:
            cause = error.message
        kinds, summary = tuple(spec.kind for spec in specs), specs[0].summary if specs else ""
        return PluginStatus(name, cause, kinds, summary, time.perf_counter() - started)

    def _entry(self, name: str) -> PluginEntry:
        offers = self.offering(name)
        for entry in self.disabled:
            if entry.name == name:
                raise UsageError(
                    f"{entry} is disabled", hint=f"take '{name}' out of {DISABLED_VARIABLE}"
                )
        if not offers:
            raise UsageError(f"no plugin is named '{name}'", hint=did_you_mean(name, self.names))
        if len(offers) > 1:
            owners = " and ".join(f"{offer.distribution} {offer.version}" for offer in offers)
            raise PluginError(
                f"plugin '{name}' is offered by {owners}",
                hint=f"uninstall one of them: pip uninstall {offers[-1].distribution}",
            )
        return offers[0]


def wrong_kind(loaded: LoadedPlugin, wanted: str) -> UsageError:
    """Make the error for a component that is not ``wanted``, a kind with its article."""
    name = loaded.entry.name
    kinds = " and ".join(with_article(spec.kind) for spec in loaded.specs)
    uses = " or ".join(dict.fromkeys(f"{spec.flag} {name}" for spec in loaded.specs))
    return UsageError(f"'{name}' is {kinds}, not {wanted}", hint=f"it is used as: {uses}")


def with_article(noun: str) -> str:
    """Put ``a`` or ``an`` before a noun."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


@cache
def installed_registry() -> Registry:
    """Return the registry of what is installed, the same one throughout the process.

    ``DGLJOINT_DISABLED_PLUGINS`` holds names, separated by commas, that are not to be used.
    """
    disabled = {name.strip() for name in os.environ.get(DISABLED_VARIABLE, "").split(",")}
    return Registry(discover(), disabled)
