"""Find the reader of a folder that none was named for."""

from __future__ import annotations

from pathlib import Path

from dgljoint.errors import DgljointError, UsageError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import Registry


def detect_reader(registry: Registry, raw: Path) -> str:
    """Return the name of the only reader that recognises ``raw``.

    Every plugin is loaded for it; one that is broken recognises nothing.

    Raises:
        UsageError: several recognise it, or none does.
    """
    asked = {name: _ask(registry, name, raw) for name in registry.names}
    found = [name for name, answer in asked.items() if answer]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{raw} may be of several readers: {', '.join(found)}",
            hint=f"name one: dgljoint preprocess {found[0]} {raw}",
        )
    readers = ", ".join(name for name, answer in asked.items() if answer is not None)
    raise UsageError(
        f"no reader recognises {raw}",
        hint=f"name one: dgljoint preprocess READER {raw}; asked were: {readers or 'none'}",
    )


def _ask(registry: Registry, name: str, raw: Path) -> bool | None:
    """Ask one plugin; ``None`` when it is no reader, cannot tell, or is broken."""
    from dgljoint.plugins.specs import ReaderSpec

    try:
        loaded = registry.load(name)
        for spec in loaded.specs:
            if isinstance(spec, ReaderSpec) and spec.recognises is not None:
                with guarded(loaded.entry, "recognises"):
                    return bool(spec.recognises(raw))
    except DgljointError:
        return None
    return None
