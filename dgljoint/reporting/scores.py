"""The scores of a set of cascades, trivial baselines beside the model; read without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgljoint._internal.tables import Sheet, TextTable, figure
from dgljoint._internal.text import plural
from dgljoint.evaluation.scores import TITLES
from dgljoint.evaluation.verdicts import (
    MAJORITY,
    link_verdicts,
    rumor_baseline,
    rumor_verdicts,
    verdict_line,
)

if TYPE_CHECKING:
    from dgljoint.evaluation.scores import EarlyDetection, LinkTable, RumorScores, Scores

MODEL = "model"


def scores_sheet(scores: Scores, title: str = "") -> Sheet:
    """Show the rumor task, the classes, and the links by group of targets."""
    tables: list[TextTable] = []
    notes = []
    if scores.rumor is not None:
        tables += _rumor_tables(scores.rumor)
        notes.append(f"rumor: {verdict_line(rumor_verdicts(scores.rumor))}")
    for name, links in scores.links.items():
        tables.append(_link_table(name, links))
        if line := verdict_line(link_verdicts(links)):
            notes.append(f"links, {name}: {line}")
    if (found := scores.intervals) is not None and found.figures:
        ends = (
            f"{TITLES.get(name, name)} {low:.3f}–{high:.3f}"
            for name, (low, high) in found.figures.items()
        )
        notes.append(f"{found.level:.0%} intervals: {', '.join(ends)}")
    notes += scores.notes
    if not tables:
        notes.append("nothing was scored")
    return Sheet(title or f"Scores on the {scores.part} set", tuple(tables), tuple(notes))


def _rumor_tables(rumor: RumorScores) -> list[TextTable]:
    title = f"rumor, {plural(rumor.cascades, 'cascade')}"
    model = (MODEL, figure(rumor.accuracy), figure(rumor.macro_f1), figure(rumor.auroc))
    guess = (MAJORITY, *map(figure, rumor_baseline(rumor).values()))
    classes = tuple(
        (name, figure(value), f"{sum(rumor.confusion.get(name, {}).values()):,}")
        for name, value in rumor.f1.items()
    )
    return [
        TextTable((title, "accuracy", "macro F1", "AUROC"), (model, guess)),
        TextTable(("class", "F1", "cascades"), classes),
    ]


def _link_table(name: str, links: LinkTable) -> TextTable:
    rows = (
        (row, *map(figure, (of.mrr, of.hits1, of.hits3, of.hits10, of.auc)))
        for row, of in links.rows.items()
    )
    title = f"{plural(links.targets, 'link')}, {name}"
    return TextTable((title, "MRR", "Hits@1", "Hits@3", "Hits@10", "AUC"), tuple(rows))


def early_sheet(found: EarlyDetection, title: str = "") -> Sheet:
    """Show a row per deadline."""
    rows = (
        (
            one.deadline, f"{one.posts_mean:,.1f}", f"{one.beyond_source:.0%}",
            figure(one.rumor.accuracy), figure(one.rumor.macro_f1), figure(one.rumor.majority),
        )
        for one in found.deadlines
    )
    columns = ("seen until", "posts, mean", "beyond source", "accuracy", "macro F1", "majority")
    untimed = f"{plural(found.untimed, 'cascade')} without times: only the source is seen"
    notes = ((untimed,) if found.untimed else ()) + found.notes
    where = f"{found.part} set, {plural(found.cascades, 'cascade')}"
    title = title or f"Early detection on the {where}"
    return Sheet(title, (TextTable(columns, tuple(rows)),), notes)
