"""The tables of many runs: what they will be, and what they came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from dgljoint._internal.text import number_list, plural
from dgljoint.evaluation.scores import MODEL
from dgljoint.evaluation.verdicts import verdict_line
from dgljoint.runs.protocol import Protocol
from dgljoint.training.study import state_of
from dgljoint.training.study_summary import DONE, FIGURES, Spread, StudySummary, spread_verdicts
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table

if TYPE_CHECKING:
    from dgljoint.training.study import Study

_NOTHING = "–"


def summary_tables(summary: StudySummary) -> list[RenderableType]:
    """Lay out the model's figures beside the guesses', and which runs are missing."""
    protocol = Protocol(summary.data, summary.split, 0, summary.disjoint, summary.ordered)
    title = (
        f"test part of {summary.data}, split {summary.split}, folds {number_list(summary.folds)}, "
        f"seeds {number_list(summary.seeds)}: {protocol.kept} · "
        f"mean ± standard deviation over {plural(summary.done, 'run')}"
    )
    names = [name for name in FIGURES if any(name in row for row in summary.figures.values())]
    made = Table("", *(FIGURES[name] for name in names), numbers=True)
    found = spread_verdicts(summary.figures)
    beaten = {name for name, verdict in found.items() if verdict.beats}
    for row, figures in summary.figures.items():
        cells = (_cell(figures, name, summary.done) for name in names)
        bold = beaten if row == MODEL else set[str]()
        made.add_row(row, *(
            Text(cell, style="bold" if name in bold else "")
            for name, cell in zip(names, cells, strict=True)
        ))
    body = made if names else "no run has figures"
    parts: list[RenderableType] = [titled(title, body, verdict_line(found))]
    missing = [f"{cell} ({cell.state})" for cell in summary.cells if cell.state != DONE]
    if missing:
        parts.append(f"NOT IN THE TABLE, {plural(len(missing), 'run')}: {'; '.join(missing)}")
    return parts


def plan_table(study: Study, jobs: int) -> RenderableType:
    """Lay out the runs that would be made."""
    sizes = list(study.cells[0].parts)
    made = Table("run", "state", *sizes, prose=["state"], over=True)
    for column in made.columns[2:]:
        column.justify = "right"
    for cell in study.cells:
        made.add_row(
            cell.folder.name, state_of(cell), *(f"{cell.parts[size]:,}" for size in sizes)
        )
    runs = plural(len(study.cells), "run")
    title = f"{runs}, {jobs} at a time, in {study.folder}: cascades of each part"
    return titled(title, made)


def _cell(figures: Mapping[str, Spread], name: str, runs: int) -> str:
    found = figures.get(name)
    if found is None:
        return _NOTHING
    text = f"{found.mean:.3f}" if found.sd is None else f"{found.mean:.3f} ± {found.sd:.3f}"
    return text if found.n == runs else f"{text} (of {found.n})"
