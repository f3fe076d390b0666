"""Tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from dgljoint_bench.reporting.grids import Entry, Grid

# What would be markup, or an end of the column.
_MARKUP = re.compile(r"[\\`*_\[\]<>|]")


def markdown(grids: Iterable[Grid]) -> str:
    """Write tables one below the other, each under a heading."""
    return "\n".join(
        "\n".join([f"### {_escaped(grid.title)}", "", f"{_escaped(grid.caption)}.", "",
                   *_body(grid)])
        for grid in grids
    )


def compact_markdown(grids: Iterable[Grid]) -> str:
    """Write tables one below the other, each under its title and caption in one paragraph."""
    return "\n".join(
        "\n".join([f"**{_escaped(grid.title)}**: {_escaped(grid.caption)}.", "", *_body(grid)])
        for grid in grids
    )


def _body(grid: Grid) -> Iterator[str]:
    if grid.columns:
        yield _line(["", *map(_escaped, grid.columns)])
        yield "| --- |" + " ---: |" * len(grid.columns)
        for block in grid.blocks:
            for name, entries in block:
                yield _line([_escaped(name), *map(_entry, entries)])
        yield ""
    if grid.notes:
        yield from (f"- {_escaped(note)}." for note in grid.notes)
        yield ""


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _entry(entry: Entry) -> str:
    text = _escaped(entry.text)
    return f"**{text}**" if entry.bold else text


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda found: "\\" + found[0], " ".join(text.split()))
