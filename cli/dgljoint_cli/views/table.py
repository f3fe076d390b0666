"""A table that fits the terminal: numbers, names and intervals are never cut or folded."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.text import Text

_GAP = "  "
# Columns of prose: no narrower, and no wider for a single long word.
_LEAST_PROSE = 20
_LONGEST_WORD = 40


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
