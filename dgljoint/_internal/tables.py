"""Small tables as plain text, as HTML and as CSV."""

import csv
import io
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 80
"""Most columns of the text."""
NOTHING = "–"

_GAP = 2
_LONGEST = 36  # of a name; numbers are shorter


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of cells under the names of their columns; the first column holds names.

    Without names of columns the rows are facts: pairs of a name and a text of any length.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is shown of a result: a title, tables one under the other, sentences under them."""

    title: str
    tables: tuple[TextTable, ...] = ()
    notes: tuple[str, ...] = ()


class Shown:
    """A result that shows itself as small tables: its ``repr``, and HTML in a notebook."""

    __slots__ = ()

    def _sheet(self) -> Sheet:
        raise NotImplementedError

    def __repr__(self) -> str:
        return to_text(self._sheet())

    def _repr_html_(self) -> str:
        return to_html(self._sheet())


def facts(**values: object) -> TextTable:
    """Return a table of facts; ``_`` in a name becomes a blank, and ``None`` a dash."""
    return TextTable((), tuple(
        (name.replace("_", " "), NOTHING if value is None else str(value))
        for name, value in values.items()
    ))


def figure(value: float | None) -> str:
    """Return a number with three decimals, or a dash where there is none."""
    return NOTHING if value is None else f"{value:.3f}"


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Format rows as CSV (RFC 4180), a value that does not exist as an empty one."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({n: f"{x:.9g}" if isinstance(x, float) else x for n, x in row.items()})
    return text.getvalue()


def to_text(sheet: Sheet) -> str:
    """Format a sheet in lines of at most 80 columns; no number is cut."""
    lines = _wrapped(sheet.title)
    for table in sheet.tables:
        lines += ["", *(_lines(table) if table.columns else _fact_lines(table))]
    for number, note in enumerate(sheet.notes):
        lines += [""] * (number == 0) + _wrapped(note)
    return "\n".join(lines)


def to_html(sheet: Sheet) -> str:
    """Format a sheet as HTML with everything in it escaped."""
    parts = [f"<div><p><b>{escape(sheet.title)}</b></p>"]
    for table in sheet.tables:
        head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
        parts.append("<table>" + (f"<thead><tr>{head}</tr></thead>" if head else "") + "<tbody>")
        for first, *others in table.rows:
            cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
            parts.append(f"<tr><th>{escape(first)}</th>{cells}</tr>")
        parts.append("</tbody></table>")
    parts += [f"<p>{escape(note)}</p>" for note in sheet.notes]
    return "\n".join([*parts, "</div>"])


def _lines(table: TextTable) -> Iterator[str]:
    """Format rows; columns that do not fit follow in a block of their own."""
    rows = [tuple(_cut(cell) for cell in row) for row in (table.columns, *table.rows)]
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    for number, block in enumerate(_blocks(widths)):
        if number:
            yield ""
        for row in rows:
            padded = [
                " " * (widths[n] - cells(row[n])) + row[n] if n else
                row[n] + " " * (widths[n] - cells(row[n]))
                for n in block
            ]
            yield (" " * _GAP).join(padded).rstrip()


def _blocks(widths: Sequence[int]) -> Iterator[list[int]]:
    block, used = [0], widths[0]
    for column in range(1, len(widths)):
        if len(block) > 1 and used + _GAP + widths[column] > WIDTH:
            yield block
            block, used = [0], widths[0]
        block.append(column)
        used += _GAP + widths[column]
    yield block


def _fact_lines(table: TextTable) -> Iterator[str]:
    names = [_cut(name) for name, _ in table.rows]
    width = max(map(cells, names), default=0) + _GAP
    for name, (_, value) in zip(names, table.rows, strict=True):
        first, *others = _wrapped(value, WIDTH - width)
        yield name + " " * (width - cells(name)) + first
        yield from (" " * width + line for line in others)


def cells(text: str) -> int:
    """Return how many columns a terminal takes for a text: Chinese signs take two.

    >>> cells("rumor"), cells("谣言")
    (5, 4)
    """
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    none = sum(unicodedata.combining(sign) != 0 for sign in text)
    return len(text) + wide - none


def _cut(text: str) -> str:
    """Return a name on one line, shortened where it is longer than names are."""
    line = _plain(text)
    if cells(line) <= _LONGEST:
        return line
    while cells(line) > _LONGEST - 1:
        line = line[:-1]
    return line + "…"


def _plain(text: str) -> str:
    """Return a text on one line, without what a terminal would act on."""
    return "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    # The widest signs take two columns.
    plain = _plain(text)
    room = width if cells(plain) == len(plain) else width // 2
    return textwrap.wrap(plain, room) or [""]
