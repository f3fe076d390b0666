"""The tables of an evaluation, trivial guesses beside the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table

from dgljoint.config import RunConfig
from dgljoint.evaluation.scores import (
    MODEL,
    NOT_SOURCE,
    Calibration,
    EarlyDetection,
    Intervals,
    LinkTable,
    RumorScores,
    Scores,
)
from dgljoint.runs.protocol import Protocol
from dgljoint.store import CascadeStore
from dgljoint_cli.rendering import table, titled

if TYPE_CHECKING:
    from dgljoint.training.transfer import Transfer

_CASCADE = "cascade"
_VALIDATION = "validation"
_NOTHING = "–"
# Where the intervals of a group's figures stand.
_SUFFIX = {NOT_SOURCE: "_not_source"}
_CLASSES_SHOWN = 8


def protocol_of(config: RunConfig) -> Protocol:
    """Look up how a run's data are split.

    Raises:
        DataError: the data cannot be opened.
        UsageError: they have no such split.
    """
    store = CascadeStore(Path(config.data))
    split = store.split(config.split)
    disjoint = store.kept_apart(config.split)
    return Protocol(store.name, split.name, config.fold, disjoint, bool(split.ordered_by))


def scores_to_dict(
    scores: Scores | EarlyDetection | Transfer[Any], protocol: Protocol
) -> dict[str, Any]:
    """Return the figures and their protocol as plain values."""
    return {
        "data": protocol.data,
        "split": protocol.split,
        "fold": protocol.fold,
        "disjoint": protocol.disjoint,
        **scores.to_dict(),
    }


def score_tables(
    scores: Scores, protocol: Protocol, on: str | None = None
) -> list[RenderableType]:
    """Lay out the figures of one part: rumor detection, then links by group of targets.

    Args:
        scores: of the part.
        protocol: of the run.
        on: name of the data that were scored instead of a part of the run's own.
    """
    parts: list[RenderableType] = []
    where = scored_place(scores.part, protocol, on)
    if (rumor := scores.rumor) is not None:
        title = f"rumor detection, {rumor.cascades:,} cascades · {where}"
        parts.append(titled(title, rumor_table(rumor, scores.intervals)))
        if len(rumor.confusion) <= _CLASSES_SHOWN:
            parts.append(titled("cascades by class", confusion_table(rumor)))
    if scores.calibration is not None:
        parts.append(titled("calibration", calibration_table(scores.calibration, scores.part)))
    for group, links in scores.links.items():
        title = f"links, {links.targets:,} targets: {group} · {where}"
        parts.append(titled(title, link_table(links, scores.intervals, _SUFFIX.get(group, ""))))
    if not parts:
        parts.append(f"nothing to score in the {where}")
    elif not scores.links and _CASCADE in scores.tasks:
        parts.append(
            f"links: no targets in the {where}; no post has a choice among strictly earlier ones"
        )
    parts += [f"note: {note}" for note in scores.notes]
    if len(scores.tasks) == 1:
        parts.append(f"the {scores.tasks[0]} task alone was trained, and is scored")
    if (views := scores.views) is not None:
        parts.append(
            f"the tasks' views of {views.cascades:,} cascades: linear CKA {figure(views.cka)}, "
            f"mean cosine {figure(views.cosine)}"
        )
    return parts


def scored_place(part: str, protocol: Protocol, on: str | None) -> str:
    """Say what was scored: a part of the run's own data, or the data ``on``."""
    if on is None:
        return f"{part} part of {protocol}"
    return f"{on}, trained on {protocol.data}, split {protocol.split}, fold {protocol.fold}"


def rumor_table(rumor: RumorScores, intervals: Intervals | None) -> Table:
    """Lay out rumor detection beside the majority guess."""
    by_class = [f"F1 {label}" for label in rumor.f1]
    made = table("", "accuracy", "macro F1", *by_class, "AUROC", numbers=True)
    made.add_row(
        "model",
        figure(rumor.accuracy),
        figure(rumor.macro_f1),
        *(figure(value) for value in rumor.f1.values()),
        figure(rumor.auroc),
        style="bold",
    )
    _add_intervals(made, intervals, "accuracy", "macro_f1")
    made.add_row(
        "majority guess", figure(rumor.majority), *[_NOTHING] * (len(by_class) + 2)
    )
    return made


def confusion_table(rumor: RumorScores) -> Table:
    """Count cascades by true class, a row each, and by the class said."""
    made = table("", *(f"said {label}" for label in rumor.confusion), numbers=True)
    for label, row in rumor.confusion.items():
        made.add_row(f"truly {label}", *(f"{count:,}" for count in row.values()))
    return made


def link_table(links: LinkTable, intervals: Intervals | None, suffix: str) -> Table:
    """Lay out the ranking of the true parent beside the trivial guesses."""
    made = table("", "MRR", "Hits@1", "Hits@3", "Hits@10", "AUC", numbers=True)
    for name, row in links.rows.items():
        figures = (row.mrr, row.hits1, row.hits3, row.hits10, row.auc)
        model = name == MODEL
        made.add_row(name, *(figure(value) for value in figures), style="bold" if model else None)
        if model:
            _add_intervals(made, intervals, f"mrr{suffix}", f"hits1{suffix}")
    return made


def interval(ends: tuple[float, float] | None) -> str:
    """Say an interval; nothing where there is none."""
    return "" if ends is None else f"{ends[0]:.3f}–{ends[1]:.3f}"


def figure(value: float | None) -> str:
    """Say a figure, or a dash where there is none."""
    return _NOTHING if value is None else f"{value:.3f}"


def _add_intervals(made: Table, intervals: Intervals | None, *names: str) -> None:
    if intervals is not None and any(name in intervals.figures for name in names):
        cells = [interval(intervals.figures.get(name)) for name in names]
        made.add_row(f"  {intervals.level:.0%} interval", *cells)


def calibration_table(found: Calibration, part: str) -> Table:
    """Lay out how well the probabilities say how often they are right."""
    made = table("", "ECE", "NLL", "Brier", numbers=True)
    where = "this part itself" if part == _VALIDATION else f"the {_VALIDATION} part"
    rows = {
        "as the model says": found.raw,
        f"with temperature {figure(found.temperature)}, fitted on {where}": found.scaled,
    }
    for name, row in rows.items():
        if row is not None:
            made.add_row(name, figure(row.ece), figure(row.nll), figure(row.brier))
    return made
