"""A plugin's reader, built and guarded: whatever it raises names the plugin."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dgljoint.config.options import parse_options
from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import Reader, ReadReport
from dgljoint.errors import UsageError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry, Registry
from dgljoint.plugins.specs import ReaderSpec

_END = object()


def build_reader(
    registry: Registry, name: str, raw: Path | None, options: Mapping[str, object]
) -> Reader:
    """Build a reader with its options; ``raw`` is what it is to read, if anything."""
    spec = registry.find(ReaderSpec, name)
    if spec.needs_source != (raw is not None):
        wrong = f"reads no raw data, found {raw}" if raw else "needs the folder of the raw data"
        source = "" if raw else " RAW_DIR"
        hint = f"dgljoint preprocess {name}{source} -o {name}.h5"
        raise UsageError(f"reader '{name}' {wrong}", hint=hint)
    parsed = parse_options(spec.options, options, name)
    entry = registry.load(name).entry
    with guarded(entry, "build"):
        return GuardedReader(entry, spec.build(parsed))


class GuardedReader:
    """A reader whose failures name its plugin; it has the optional methods that the plugin has."""

    def __init__(self, entry: PluginEntry, reader: Reader) -> None:
        self._entry = entry
        self._reader = reader
        self.label_names = reader.label_names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._reader, name)
        if name == "read_in_parts":
            return partial(self._each, found)
        # Picklable: it may be called in another process.
        return partial(_call, self._entry, name, found) if callable(found) else found

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the cascades of the plugin's reader."""
        return self._each(self._reader.read, source, report)

    def _each(self, read: Callable[..., Any], *arguments: object) -> Iterator[Cascade]:
        """Guard the making of each cascade: what is done with it is not the reader's doing."""
        cascades = _call(self._entry, "read", lambda: iter(read(*arguments)))
        while (found := _call(self._entry, "read", next, cascades, _END)) is not _END:
            yield found


def _call(entry: PluginEntry, name: str, method: Callable[..., Any], *arguments: object) -> Any:
    with guarded(entry, name):
        return method(*arguments)
