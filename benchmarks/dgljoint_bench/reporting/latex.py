"""Tables as LaTeX, which need the package booktabs and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dgljoint_bench.reporting.grids import Entry, Grid

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"$<$", ">": r"$>$", "|": r"$|$", "±": r"$\pm$", "–": "--", "×": r"$\times$",
    "≥": r"$\geq$", "≤": r"$\leq$", "→": r"$\rightarrow$", "−": r"$-$",
}
_ANY = re.compile("|".join(map(re.escape, _SPECIAL)))
# More columns are set in smaller letters, longer names in lines of their own width.
_WIDE = 5
_LONG = 24
_BREAK = r",\\"
_NEEDS = "% needs \\usepackage{booktabs}"


def latex(grids: Iterable[Grid]) -> str:
    """Write tables one below the other, each a float with a caption and a label."""
    return "\n\n".join([_NEEDS, *("\n".join(_lines(grid)) for grid in grids)]) + "\n"


def escaped(text: str) -> str:
    """Return ``text`` as LaTeX prints it."""
    return _ANY.sub(lambda found: _SPECIAL[found[0]], " ".join(text.split()))


def _lines(grid: Grid) -> Iterator[str]:
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
    yield _row("", map(_heading, grid.columns))
    for block in filter(None, grid.blocks):
        yield r"\midrule"
        for name, entries in block:
            ragged = r"\raggedright " if wrapped else ""
            yield _row(ragged + escaped(name), map(_entry, entries))
    yield r"\bottomrule"
    yield r"\end{tabular}"
    if notes:
        yield r"\par\smallskip"
        yield r"\begin{minipage}{\linewidth}\footnotesize"
        yield "\n\n".join(notes)  # a paragraph each
        yield r"\end{minipage}"
    yield r"\end{table}"


def _row(first: str, others: Iterable[str]) -> str:
    # A bracket at the start of a row would be taken for an option of the \\ before it.
    guarded = f"{{}}{first}" if first.startswith(("[", "*")) else first
    return " & ".join([guarded, *others]) + r" \\"


def _heading(title: str) -> str:
    """Break a title where its comma is."""
    lines = [escaped(line) for line in title.split(", ")]
    return lines[0] if len(lines) == 1 else rf"\shortstack[r]{{{_BREAK.join(lines)}}}"


def _entry(entry: Entry) -> str:
    text = escaped(entry.text)
    # Bold letters alone: signs of mathematics stay as they are.
    return rf"\textbf{{{text}}}" if entry.bold else text


def _label(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
