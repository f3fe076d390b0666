"""Whose code an exception comes from, told from its traceback or a thread's frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from traceback import walk_stack, walk_tb
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint.plugins.registry import PluginEntry


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a plugin's code.

    Attributes:
        entry: of the plugin.
        function: with its class, as ``Mine.forward``.
        file: where it stands.
        line: from 1.
    """

    entry: PluginEntry
    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.function}, {PurePath(self.file).name} line {self.line}"


def place_of(trace: TracebackType | None, entries: Sequence[PluginEntry]) -> Place | None:
    """Find the innermost line of a traceback that is a plugin's; ``None`` where there is none.

    Args:
        trace: of an exception.
        entries: that may have been at work; of several in one package the first is taken, unless
            one is the module itself.
    """
    return _innermost(reversed(list(walk_tb(trace))), entries)


def place_in(frame: FrameType, entries: Sequence[PluginEntry]) -> Place | None:
    """Find the innermost line of a running thread that is a plugin's."""
    return _innermost(walk_stack(frame), entries)


def in_autograd(trace: TracebackType | None) -> bool:
    """Say whether torch's own backward pass raised: no line of Python tells in whose node."""
    frames = [frame for frame, _ in walk_tb(trace)]
    return bool(frames) and _module(frames[-1]).startswith("torch.autograd")


def _innermost(
    lines: Iterable[tuple[FrameType, int]], entries: Sequence[PluginEntry]
) -> Place | None:
    for frame, line in lines:
        module = _module(frame)
        package = module.partition(".")[0]
        owners = [entry for entry in entries if _package(entry) == package]
        if owners:
            named = [entry for entry in owners if entry.module.partition(":")[0] == module]
            code = frame.f_code
            return Place((named or owners)[0], code.co_qualname, code.co_filename, line)
    return None


def _package(entry: PluginEntry) -> str:
    return entry.module.partition(":")[0].partition(".")[0]


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
