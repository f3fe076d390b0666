"""The forms of a report: Markdown, LaTeX, CSV and plain values for JSON."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from dgljoint.errors import UsageError
from dgljoint.evaluation.comparison import Difference
from dgljoint.runs.summary import Spread
from dgljoint_bench.reporting.layout import Entry, Grid
from dgljoint_bench.reporting.report import SuiteReport, TableReport
from dgljoint_bench.reporting.rows import CONFIGURATION, NOISE, Row

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
CSV_COLUMNS = (
    "suite", "table", "kind", "row", "figure", "mean", "sd", "n", "asked", "bold", "reference",
    "pairs", "difference", "difference_sd", "low", "high", "p", "p_holm", "p_worse", "p_equal",
    "p_better", "data", "protocol", "published_protocol", "source",
)
"""One line per row and metric; costs are metrics of the kind ``cost``."""

# What would be markup, or an end of the column.
_MARKUP = re.compile(r"[\\`*_\[\]<>|]")
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"$<$", ">": r"$>$", "|": r"$|$", "±": r"$\pm$", "–": "--", "×": r"$\times$",
    "≥": r"$\geq$", "≤": r"$\leq$", "→": r"$\rightarrow$", "−": r"$-$",
}
_ANY_SPECIAL = re.compile("|".join(map(re.escape, _SPECIAL)))
# More columns get smaller letters, longer names a wrapped column.
_WIDE = 5
_LONG = 24
_BREAK = r",\\"
_NEEDS = "% needs \\usepackage{booktabs}"


# Markdown


def markdown(grids: Iterable[Grid], *, compact: bool = False) -> str:
    """Write tables one below the other, each under a heading, or compactly under one paragraph."""
    return "\n".join("\n".join(_markdown(grid, compact)) for grid in grids)


def _markdown(grid: Grid, compact: bool) -> Iterator[str]:
    title, caption = _plain(grid.title), _plain(grid.caption)
    heading = [f"**{title}**: {caption}."] if compact else [f"### {title}", "", f"{caption}."]
    yield from (*heading, "")
    if grid.columns:
        yield _line(["", *map(_plain, grid.columns)])
        yield "| --- |" + " ---: |" * len(grid.columns)
        for block in grid.blocks:
            for name, entries in block:
                texts = ((_plain(entry.text), entry.bold) for entry in entries)
                yield _line([
                    _plain(name), *(f"**{text}**" if bold else text for text, bold in texts)
                ])
        yield ""
    if grid.notes:
        yield from (f"- {_plain(note)}." for note in grid.notes)
        yield ""


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(text: str) -> str:
    return _MARKUP.sub(lambda found: "\\" + found[0], " ".join(text.split()))


def between_markers(path: Path, text: str) -> tuple[str, str]:
    """Return a page (UTF-8) as it is, and as it is with ``text`` between its markers."""
    try:
        # bytes: line ends are kept
        page = path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or page.count(BEGIN) != 1 or page.count(END) != 1:
        raise UsageError(
            f"{path} has no place for results",
            hint=f"write each once, on lines of their own: {BEGIN} and {END}",
        )
    made = f"\n\n{text.strip()}\n\n"
    if "\r\n" in before + after:
        made = made.replace("\n", "\r\n")
    return page, f"{before}{BEGIN}{made}{END}{after}"


# LaTeX


def latex(grids: Iterable[Grid]) -> str:
    """Write tables one below the other, each a float with a caption and a label."""
    return "\n\n".join([_NEEDS, *("\n".join(_latex(grid)) for grid in grids)]) + "\n"


def escaped(text: str) -> str:
    """Return ``text`` as LaTeX prints it."""
    return _ANY_SPECIAL.sub(lambda found: _SPECIAL[found[0]], " ".join(text.split()))


def _latex(grid: Grid) -> Iterator[str]:
    title, caption = escaped(grid.title), escaped(grid.caption)
    notes = [f"{escaped(note)}." for note in grid.notes]
    if not grid.columns:
        yield " ".join([rf"\noindent\textbf{{{title}.}} {caption}.", *notes])
        return
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{title}. {caption}.}}"
    yield rf"\label{{tab:{_label(grid.title)}}}"
    yield r"\scriptsize" if len(grid.columns) > _WIDE else r"\footnotesize"
    yield r"\setlength{\tabcolsep}{3pt}"
    wrapped = max((len(name) for block in grid.blocks for name, _ in block), default=0) > _LONG
    first = r"p{0.24\linewidth}" if wrapped else "l"
    yield rf"\begin{{tabular}}{{{first}{'r' * len(grid.columns)}}}"
    yield r"\toprule"
    yield _latex_row("", map(_heading, grid.columns))
    for block in filter(None, grid.blocks):
        yield r"\midrule"
        for name, entries in block:
            ragged = r"\raggedright " if wrapped else ""
            yield _latex_row(ragged + escaped(name), map(_latex_entry, entries))
    yield r"\bottomrule"
    yield r"\end{tabular}"
    if notes:
        yield r"\par\smallskip"
        yield r"\begin{minipage}{\linewidth}\footnotesize"
        yield "\n\n".join(notes)  # a paragraph each
        yield r"\end{minipage}"
    yield r"\end{table}"


def _latex_row(first: str, others: Iterable[str]) -> str:
    # A bracket at the start of a row would be taken for an option of the \\ before it.
    guarded = f"{{}}{first}" if first.startswith(("[", "*")) else first
    return " & ".join([guarded, *others]) + r" \\"


def _heading(title: str) -> str:
    """Break a title where its comma is."""
    lines = [escaped(line) for line in title.split(", ")]
    return lines[0] if len(lines) == 1 else rf"\shortstack[r]{{{_BREAK.join(lines)}}}"


def _latex_entry(entry: Entry) -> str:
    # Bold letters alone: signs of mathematics stay as they are.
    return rf"\textbf{{{escaped(entry.text)}}}" if entry.bold else escaped(entry.text)


def _label(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


# CSV and JSON


def to_csv(reports: Iterable[SuiteReport]) -> str:
    """Write all metrics and costs in full precision, one line each."""
    file = StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for report in reports:
        for table in report.tables:
            same = {
                "suite": table.suite, "table": table.name, "data": table.record.data,
                "protocol": table.record.protocol,
            }
            writer.writerows(same | line for line in _lines(table))
    return file.getvalue()


def to_values(reports: Iterable[SuiteReport]) -> dict[str, Any]:
    """Return a report as plain values, ready for JSON."""
    return {
        "suites": [
            {
                "name": report.suite.name, "summary": report.suite.summary,
                "tables": [_table(table) for table in report.tables],
                "not_run": list(report.not_run),
                "ranks": [asdict(one) for one in report.ranks],
            }
            for report in reports
        ]
    }


def _lines(table: TableReport) -> Iterator[dict[str, Any]]:
    differences = {(one.configuration, one.figure): one for one in table.differences}
    for row in table.cells.rows:
        for metric in (name for name in table.shown if name in row.figures):
            line = {
                "kind": row.kind, "row": row.name, "figure": metric,
                "bold": int(table.is_best(row, metric)), "published_protocol": row.protocol,
                "source": row.source, "asked": row.asked or None,
                **_spread(row.figures[metric]),
            }
            one = differences.get((row.name, metric)) if row.kind == CONFIGURATION else None
            if one is not None:
                line |= _compared(table.reference, one.pairs, one.found)
                line |= {"p": one.found.p, "p_holm": one.p}
                if one.posterior is not None:
                    line |= {f"p_{name}": p for name, p in asdict(one.posterior).items()}
            if row.kind == NOISE and (floor := table.noise.get(metric)) is not None:
                line |= _compared(floor.of, floor.pairs, floor.found)
            yield line
    for progress in table.cells.progress:
        for name, cost in progress.costs.items():
            yield {
                "kind": "cost", "row": progress.name, "figure": name, "asked": progress.asked,
                **_spread(cost),
            }


def _compared(reference: str, pairs: int, found: Difference) -> dict[str, Any]:
    low, high = found.interval or (None, None)
    return {
        "reference": reference, "pairs": pairs, "difference": found.difference,
        "difference_sd": found.sd, "low": low, "high": high,
    }


def _table(table: TableReport) -> dict[str, Any]:
    cells = table.cells
    return {
        "name": table.name,
        "data": asdict(table.record) | {"protocol": table.record.protocol},
        "folds": cells.folds, "seeds": cells.seeds,
        "figures": table.figures, "deadlines": table.deadlines,
        "rows": [_row(table, row) for row in cells.rows],
        "cells": [
            asdict(one) | {
                "missing": one.missing,
                "costs": {name: _spread(cost) for name, cost in one.costs.items()},
            }
            for one in cells.progress
        ],
        "stray": cells.stray, "reference": table.reference or None,
        "differences": [asdict(one) for one in table.differences],
        "noise": {name: asdict(one) for name, one in table.noise.items()},
        "best": {name: asdict(one) for name, one in table.best.items()},
    }


def _row(table: TableReport, row: Row) -> dict[str, Any]:
    shown = [name for name in table.shown if name in row.figures]
    return {
        "name": row.name, "kind": row.kind, "asked": row.asked or None,
        "figures": {
            name: _spread(row.figures[name]) | {
                "bold": table.is_best(row, name),
                "values": [
                    {"fold": fold, "seed": seed, "value": value}
                    for (fold, seed), value in row.values.get(name, {}).items()
                ],
            }
            for name in shown
        },
        "protocol": row.protocol or None, "source": row.source or None,
        "same_as": row.same_as or None,
    }


def _spread(found: Spread) -> dict[str, Any]:
    # What was published has no number of cells.
    return {"mean": found.mean, "sd": found.sd, "n": found.n or None}
