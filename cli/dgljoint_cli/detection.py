"""Find the reader of raw data when none is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dgljoint._internal.text import plural
from dgljoint.errors import DgljointError, UsageError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import Registry
from dgljoint.plugins.specs import ReaderSpec

_NAMED = 3  # files and folders in a message
_PACKED = frozenset((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"))


def detect_reader(registry: Registry, raw: Path) -> str:
    """Return the name of the only reader that recognises ``raw``.

    It loads every plugin; a broken one recognises nothing.

    Raises:
        UsageError: several recognise it, or none does.
    """
    specs = [spec for name in registry.names for spec in _readers(registry, name)]
    found = [spec.name for spec in specs if _recognises(registry, spec, raw)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{raw} may be of several readers: {', '.join(found)}",
            hint=f"name one: dgljoint preprocess {found[0]} {raw}",
        )
    raise UsageError(
        f"no reader recognises {raw}{_contents(raw)}\n{_layouts(specs)}".rstrip("\n"),
        hint=f"name one: dgljoint preprocess READER {raw}; data in any other format can be written "
        "as JSON Lines, one cascade per line, for the reader jsonl (docs/readers/jsonl.md)",
    )


def _readers(registry: Registry, name: str) -> list[ReaderSpec]:
    """Return the readers of one plugin that can recognise data; none of a broken one."""
    try:
        specs = registry.load(name).specs
    except DgljointError:
        return []
    return [spec for spec in specs if isinstance(spec, ReaderSpec) and spec.recognises is not None]


def _recognises(registry: Registry, spec: ReaderSpec, raw: Path) -> bool:
    try:
        with guarded(registry.load(spec.name).entry, "recognises"):
            return spec.recognises is not None and bool(spec.recognises(raw))
    except DgljointError:
        return False


def _contents(raw: Path) -> str:
    """Describe what is there, so that a wrong folder is seen at once."""
    if not raw.is_dir():
        packed = raw.suffix.lower() in _PACKED
        return ", a packed file: unpack it first" if packed else ", a file"
    try:
        entries = sorted(entry for entry in raw.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        return f", which cannot be read: {error.strerror}"
    folders = [f"{entry.name}/" for entry in entries if entry.is_dir()]
    files = [entry.name for entry in entries if not entry.is_dir()]
    if not entries:
        return ", which is empty"
    return ", which contains " + " and ".join(
        f"{plural(len(names), what)} ({_some(names)})"
        for what, names in (("folder", folders), ("file", files)) if names
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _layouts(specs: Sequence[ReaderSpec]) -> str:
    known = [spec for spec in specs if spec.layouts]
    width = max((len(spec.name) for spec in known), default=0)
    lines = ["known layouts:"] if known else []
    for spec in known:
        for number, layout in enumerate(spec.layouts):
            lines.append(f"  {'' if number else spec.name:{width}}  {layout}")
    return "\n".join(lines)
