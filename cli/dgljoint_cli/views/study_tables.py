"""The tables of many runs: their plan, and their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from dgljoint._internal.text import plural
from dgljoint.evaluation.scores import MODEL
from dgljoint.evaluation.verdicts import verdict_line
from dgljoint.runs.many.study import state_of
from dgljoint.runs.summary import FIGURES, StudySummary, spread_table, spread_verdicts
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table

if TYPE_CHECKING:
    from dgljoint.runs.many.study import Study



def summary_tables(summary: StudySummary) -> list[RenderableType]:
    """Show the model and the trivial baselines, and which runs are missing."""
    title = f"test set of {summary.protocol.data}, {summary.extent}"
    found = spread_verdicts(summary.figures)
    beaten = {FIGURES[name] for name, verdict in found.items() if verdict.beats}
    table = spread_table(summary.figures, summary.done)
    made = Table(*table.columns, numbers=True)
    for row, *cells in table.rows:
        made.add_row(row, *(
            Text(cell, style="bold" if row == MODEL and column in beaten else "")
            for cell, column in zip(cells, table.columns[1:], strict=True)
        ))
    body = made if summary.figures else "no run has metrics"
    parts: list[RenderableType] = [titled(title, body, verdict_line(found))]
    if missing := summary.missing:
        parts.append(f"NOT IN THE TABLE, {plural(len(missing), 'run')}: {'; '.join(missing)}")
    return parts


def plan_table(study: Study, jobs: int) -> RenderableType:
    """Show the runs that would be made."""
    sizes = list(study.sizes[0])
    made = Table("run", "state", *sizes, prose=["state"], over=True)
    for column in made.columns[2:]:
        column.justify = "right"
    for job, counts in zip(study.jobs, study.sizes, strict=True):
        made.add_row(job.folder.name, state_of(job), *(f"{counts[size]:,}" for size in sizes))
    runs = plural(len(study.jobs), "run")
    title = f"{runs}, {jobs} at a time, in {study.folder}: cascades of each set"
    return titled(title, made)
