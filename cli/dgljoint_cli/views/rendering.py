"""Tables and trees from the values that the verbs have.

A :class:`Table` fits the terminal: numbers, names and intervals are never cut or folded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.text import Text
from rich.tree import Tree

from dgljoint.plugins.registry import DISABLED_VARIABLE

if TYPE_CHECKING:
    from dgljoint._internal.environment import Environment
    from dgljoint.training.run import Plan

# Rich would fold cells at 80 columns where there is no terminal, which breaks `| grep`.
_PIPE_WIDTH = 200
_SLOW_SECONDS = 1.0  # a specification should be light, and leave torch to `build`
_GAP = "  "
# Columns of prose: no narrower, and no wider for a single long word.
_LEAST_PROSE = 20
_LONGEST_WORD = 40


def render(*renderables: RenderableType) -> None:
    """Write to stdout."""
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    # markup off: names and messages of plugins are text, brackets and all
    console = Console(
        markup=False, highlight=False, emoji=False, width=_PIPE_WIDTH if wide else None
    )
    for renderable in renderables:
        console.print(renderable, crop=False)


def facts(values: Mapping[str, str]) -> Table:
    """Make a table of names and values."""
    made = Table("", "value", prose=["value"], rows=values.items())
    made.show_header = False
    return made


def titled(title: str, body: RenderableType, note: str = "") -> RenderableType:
    """Put a title above a table and a note below; neither is folded to the table's width."""
    return Group(Text(title, style="bold"), body, *[note] * bool(note), "")


def stretches(epochs: int, most: int = 12) -> Iterator[tuple[str, slice]]:
    """Divide epochs into at most ``most`` rows of about equal length: their names and slices."""
    rows = min(epochs, most)
    for row in range(rows):
        first, last = row * epochs // rows, (row + 1) * epochs // rows
        yield str(last) if last - first == 1 else f"{first + 1}-{last}", slice(first, last)


def plugin_tables(rows: list[dict[str, Any]]) -> list[RenderableType]:
    """Show the rows of ``plugins list``, one table per distribution."""
    if not rows:
        return ["no plugins are installed"]
    parts: list[RenderableType] = []
    owner = itemgetter("distribution", "version")
    status = ["status"] * ("status" in rows[0])
    for (distribution, version), own in groupby(sorted(rows, key=owner), owner):
        made = Table("name", "kind", *status, "what it does", prose=["what it does"], rows=(
            (row["name"], ", ".join(row["kinds"]), *(row[key] for key in status), _note(row))
            for row in own
        ))
        parts.append(titled(f"{distribution} {version}", made))
    return parts


def _note(row: Mapping[str, Any]) -> str:
    """Return what a plugin does, or why it cannot."""
    if row["disabled"]:
        return f"disabled by {DISABLED_VARIABLE}"
    # the title and the columns before it name the plugin already
    owner = f"plugin '{row['name']}' ({row['distribution']} {row['version']}) "
    note = str(row.get("cause") or row["summary"]).removeprefix(owner)
    if row["clashes_with"] and not row.get("cause"):
        note = "clashes with " + ", ".join(row["clashes_with"])
    elif not note:
        note = "unknown: its package has no description; --load imports it"
    if row.get("seconds", 0.0) >= _SLOW_SECONDS:
        note += f" (took {row['seconds']:.1f} s to import)"
    return note


def preset_table(rows: list[dict[str, Any]]) -> RenderableType:
    """Show the rows of ``plugins presets``."""
    if not rows:
        return "there are no presets"
    made = Table("name", "source", "summary", prose=["summary"])
    for row in rows:
        # the columns before it name the preset already
        cause = (row["cause"] or "").removeprefix(f"preset '{row['name']}' ({row['source']}) ")
        made.add_row(row["name"], row["source"], cause or row["summary"])
    return made


def plugin_details(description: Mapping[str, Any]) -> list[RenderableType]:
    """Show the description of ``plugins show``."""
    parts: list[RenderableType] = []
    for component in description["components"]:
        values = {name: component[name] for name in ("summary", "use")}
        values["from"] = "{distribution} {version}".format(**description)
        values["module"] = description["module"]
        if reference := component["reference"]:
            values["reference"] = "{authors} ({year}). {title}. {url}".format(**reference)
        parts.append(titled(f"{description['name']} · {component['kind']}", facts(values)))
        options = Table(
            "name", "type", "default", "description", prose=["type", "default", "description"],
            rows=(map(str, option.values()) for option in component["options"]),
        )
        parts.append(titled("options", options if component["options"] else "none"))
    return parts


def check_table(description: Mapping[str, Any]) -> RenderableType:
    """Show what ``plugins check`` found of one plugin."""
    made = Table("stage", "check", "outcome", "found", prose=["check", "found"])
    stage = ""
    for finding in description["findings"]:
        made.add_row(
            finding["stage"] if finding["stage"] != stage else "",
            finding["check"], finding["outcome"], finding["found"],
        )
        stage = finding["stage"]
        if finding["mend"]:
            made.add_row("", "", "", f"to mend it: {finding['mend']}")
    outcome = "passes" if description["passed"] else "fails"
    title = "{name} ({distribution} {version})".format(**description)
    return titled(f"{title} {outcome}", made)


def environment_tables(found: Environment) -> list[RenderableType]:
    """Show the environment: versions, devices, plugins."""
    versions = {name: version or "not installed" for name, version in found.versions.items()}
    machine = {
        "platform": found.platform,
        "devices": ", ".join(found.devices) or "none: torch cannot be imported",
        "threads": f"{found.threads} of {found.cores} cores",
        "dgl": "not installed: torch's kernels compute the same" if not found.dgl.installed
        else f"its kernels run on {' and '.join(found.dgl.devices)}" if found.dgl.works
        else f"broken: {found.dgl.problem}",
        "kernels": ", ".join(f"{name} on {kind}" for kind, name in found.kernels.items()),
    }
    if found.dgl.hint:
        machine["hint"] = found.dgl.hint
    plugins = Table("name", "kind", "status", prose=["status"], rows=(
        (status.name, ", ".join(status.kinds), status.cause or "ok") for status in found.plugins
    ))
    return [
        titled("versions", facts(versions)),
        titled("machine", facts(machine)),
        titled("plugins", plugins),
    ]


def plan_tree(plan: Plan) -> Tree:
    """Show what a run would do."""
    tree = Tree(f"{plan.data.get('name', 'run')}: {plan.parameters:,} parameters, "
                f"{plan.steps} steps per epoch")
    for title, values in (("data", plan.data), ("split", plan.split), ("parts", plan.parts)):
        _branch(tree, title, values)
    components = tree.add("components")
    for one in plan.components:
        _branch(components, f"{one.kind} {one.name}: {one.summary}", one.options)
    tree.add("losses: " + ", ".join(plan.losses))
    settings = tree.add("settings")
    for section, values in plan.settings.items():
        _branch(settings, section, values)
    for note in plan.notes:
        tree.add(f"note: {note}")
    return tree


def _branch(tree: Tree, title: str, values: Mapping[str, Any]) -> None:
    branch = tree.add(title)
    for name, value in values.items():
        if isinstance(value, Mapping):
            value = [f"{key} {number}" for key, number in value.items()]
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        branch.add(f"{name} = {shown}")


@dataclass
class TableColumn:
    """A column: its title may be folded at spaces, its cells only if they are ``prose``."""

    title: str
    justify: Literal["left", "right"] = "left"
    prose: bool = False
    cells: list[Text] = field(default_factory=list)

    def widest(self) -> int:
        """Return the width that folds nothing."""
        return max(cell_len(self.title), *(cell.cell_len for cell in self.cells), 0)

    def narrowest(self) -> int:
        """Return the least width that cuts nothing."""
        words = self.title.split()
        if not self.prose:
            return max([0, *(cell.cell_len for cell in self.cells), *map(cell_len, words)])
        words += [word for cell in self.cells for word in cell.plain.split()]
        longest = max(map(cell_len, words), default=0)
        return min(self.widest(), max(_LEAST_PROSE, min(longest, _LONGEST_WORD)))


class Table:
    """Rows and columns, arranged for the width of the terminal.

    Where they do not fit, ``prose`` is folded at spaces first. Then columns are dropped in the
    order of ``drop``. Then the first cell of each row goes above the others, if it may go
    ``over``. Last, the columns are divided into tables below one another, each with the first
    column. With ``numbers`` the first column is prose, and the others are aligned right.
    """

    def __init__(
        self, *columns: str, numbers: bool = False, prose: Collection[str] = (),
        drop: Sequence[str] = (), over: bool = False, rows: Iterable[Iterable[str | Text]] = (),
    ) -> None:
        self.columns = [
            TableColumn(
                title, "right" if numbers and place else "left",
                title in prose or (numbers and not place),
            )
            for place, title in enumerate(columns)
        ]
        self.show_header = True
        self._styles: list[str] = []
        self._drop = tuple(drop)
        self._over = over
        for row in rows:
            self.add_row(*row)

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self._styles)

    def add_column(self, title: str, justify: Literal["left", "right"] = "left") -> None:
        """Add a column, before any row."""
        self.columns.append(TableColumn(title, justify))

    def add_row(self, *cells: str | Text, style: str | None = None) -> None:
        """Add a row; cells that are not given are empty."""
        given = [*cells, *[""] * (len(self.columns) - len(cells))]
        for column, cell in zip(self.columns, given, strict=True):
            column.cells.append(Text(cell) if isinstance(cell, str) else cell)
        self._styles.append(style or "")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the width without any folding."""
        wanted = _total([column.widest() for column in self.columns])
        return Measurement(min(wanted, options.max_width), wanted)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines that fit the terminal."""
        width = options.max_width
        for over in [False] + [True] * self._over:
            for dropped in range(len(self._drop) + 1):
                left = [one for one in self.columns if one.title not in self._drop[:dropped]]
                first = left.pop(0) if over else None
                if widths := _fitted(left, width - len(_GAP) * over):
                    yield from self._table(console, left, widths, over=first)
                    return
        for number, block in enumerate(_blocks(self.columns, width)):
            if number:
                yield Text()
            yield from self._table(console, block, _fitted(block, width) or _squeezed(block, width))

    def _table(
        self, console: Console, columns: Sequence[TableColumn], widths: Sequence[int], *,
        over: TableColumn | None = None,
    ) -> Iterator[Text]:
        """Yield the lines of some columns, with the cells of ``over`` above the others."""
        indent = _GAP if over else ""
        if self.show_header:
            if over and over.title:
                yield Text(over.title, style="bold")
            heads = [Text(column.title, style="bold") for column in columns]
            yield from _lines(console, heads, columns, widths, indent)
        for place, style in enumerate(self._styles):
            if over:
                above = over.cells[place].copy()
                above.stylize_before(style)
                above.no_wrap, above.overflow = True, "ignore"  # the terminal folds it
                yield above
            cells = [column.cells[place].copy() for column in columns]
            for cell in cells:
                cell.stylize_before(style)
            yield from _lines(console, cells, columns, widths, indent)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * max(len(widths) - 1, 0)


def _fitted(columns: Sequence[TableColumn], width: int) -> list[int] | None:
    """Return the widths of columns that fit together; ``None`` where they cannot."""
    widest = [column.widest() for column in columns]
    if _total(widest) <= width:
        return widest
    made = [column.narrowest() for column in columns]
    spare = width - _total(made)
    if spare < 0:
        return None
    # the column that needs least gets its full width first
    for place in sorted(range(len(made)), key=lambda place: widest[place] - made[place]):
        more = min(widest[place] - made[place], spare)
        made[place] += more
        spare -= more
    return made


def _squeezed(columns: Sequence[TableColumn], width: int) -> list[int]:
    """Return widths for what is wider than the terminal: the first column gets half at most."""
    first = min(columns[0].narrowest(), max((width - len(_GAP)) // 2, 1))
    rest = [max(width - first - len(_GAP), 1) for _ in columns[1:]]
    return [first, *rest] if rest else [width]


def _blocks(columns: Sequence[TableColumn], width: int) -> Iterator[list[TableColumn]]:
    """Divide columns into tables that fit, each with the first of them."""
    block = [columns[0]]
    for column in columns[1:]:
        if len(block) > 1 and _fitted([*block, column], width) is None:
            yield block
            block = [columns[0]]
        block.append(column)
    yield block


def _lines(
    console: Console, cells: Sequence[Text], columns: Sequence[TableColumn], widths: Sequence[int],
    indent: str,
) -> Iterator[Text]:
    """Yield the lines of one row."""
    parts = [
        list(cell.wrap(console, width)) if cell.cell_len > width else [cell]
        for cell, width in zip(cells, widths, strict=True)
    ]
    for height in range(max(map(len, parts), default=0)):
        line = Text(indent, no_wrap=True, overflow="ignore")
        for place, (part, column) in enumerate(zip(parts, columns, strict=True)):
            text = part[height].copy() if height < len(part) else Text()
            text.rstrip()
            text.align(column.justify, widths[place])
            line.append_text(text)
            line.append(_GAP if place < len(parts) - 1 else "")
        line.rstrip()
        yield line
