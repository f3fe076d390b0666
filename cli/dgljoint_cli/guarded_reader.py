"""A plugin's reader, built and guarded: whatever it raises names the plugin."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgljoint.errors import UsageError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry, Registry

if TYPE_CHECKING:
    from dgljoint.data.cascade import Cascade
    from dgljoint.data.reading import Reader, ReadReport


def build_reader(
    registry: Registry, name: str, raw: Path | None, assignments: tuple[str, ...]
) -> Reader:
    """Build a reader with its options.

    Args:
        registry: where it is looked up.
        name: of the reader.
        raw: what it is to read, to check that it takes a source.
        assignments: its options as ``key=value``.

    Raises:
        UsageError: no such reader, options that are wrong, a source missing or superfluous.
        PluginError: the reader cannot be built.
    """
    from dgljoint.config.options import parse_options
    from dgljoint.plugins.specs import ReaderSpec

    spec = registry.find(ReaderSpec, name)
    if spec.needs_source and raw is None:
        raise UsageError(
            f"reader '{name}' needs the folder of the raw data",
            hint=f"dgljoint preprocess {name} RAW_DIR -o {name}.h5",
        )
    if raw is not None and not spec.needs_source:
        raise UsageError(
            f"reader '{name}' reads no raw data, found {raw}",
            hint=f"dgljoint preprocess {name} -o {name}.h5",
        )
    options = parse_options(spec.options, parse_assignments(assignments), name)
    entry = registry.load(name).entry
    with guarded(entry, "build"):
        return GuardedReader(entry, spec.build(options))


def parse_assignments(assignments: tuple[str, ...]) -> dict[str, str]:
    """Split options given as ``key=value``.

    Raises:
        UsageError: one has no ``=``, or nothing before it.
    """
    values = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not (equals and key.strip()):
            raise UsageError(
                f"option {assignment!r} is not of the form KEY=VALUE",
                hint="for example: -s cascades=200",
            )
        values[key.strip()] = value.strip()
    return values


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A method of a plugin; picklable, since it may be called in another process."""

    entry: PluginEntry
    name: str
    method: Callable[..., Any]

    def __call__(self, *arguments: object) -> Any:
        with guarded(self.entry, self.name):
            return self.method(*arguments)


class GuardedReader:
    """A reader whose failures name its plugin; it has the optional methods that the plugin has."""

    def __init__(self, entry: PluginEntry, reader: Reader) -> None:
        self._entry = entry
        self._reader = reader
        self.label_names = reader.label_names
        # Where the reader comes from, for who asks what to import for it.
        self.__module__ = type(reader).__module__

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._reader, name)
        if name == "read_in_parts":
            return self._read_in_parts
        return _Guarded(self._entry, name, found) if callable(found) else found

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the cascades of the reader behind."""
        return self._each(self._reader.read, source, report)

    def _read_in_parts(self, *arguments: object) -> Iterator[Cascade]:
        return self._each(self._reader.read_in_parts, *arguments)  # type: ignore[attr-defined]  # asked

    def _each(
        self, read: Callable[..., Iterator[Cascade]], *arguments: object
    ) -> Iterator[Cascade]:
        """Take cascades one by one: what is done with them between is not the reader's doing."""
        with guarded(self._entry, "read"):
            cascades = iter(read(*arguments))
        try:
            while True:
                with guarded(self._entry, "read"):
                    found = list(islice(cascades, 1))
                if not found:
                    return
                yield found[0]
        finally:
            if isinstance(cascades, Generator):
                with guarded(self._entry, "read"):
                    cascades.close()
