"""The tables of an evaluation, trivial guesses beside the model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from dgljoint._internal.text import plural
from dgljoint.config.run_config import RunConfig
from dgljoint.data.store import CascadeStore
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
from dgljoint.evaluation.verdicts import (
    MAJORITY,
    Verdict,
    link_verdicts,
    rumor_baseline,
    rumor_verdicts,
    verdict_line,
)
from dgljoint.runs.protocol import Protocol
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table

if TYPE_CHECKING:
    from dgljoint.training.transfer import Transfer

_CASCADE = "cascade"
_VALIDATION = "validation"
_NOTHING = "–"
# Where the intervals of a group's figures stand.
_SUFFIX = {NOT_SOURCE: "_not_source"}
_CLASSES_SHOWN = 8


def protocol_of(config: RunConfig, store: CascadeStore | None = None) -> Protocol:
    """Look up how a run's data are split; they are opened where ``store`` is not given.

    Raises:
        DataError: the data cannot be opened.
        UsageError: they have no such split.
    """
    store = store or CascadeStore(Path(config.data))
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
        title = f"rumor detection, {plural(rumor.cascades, 'cascade')} · {where}"
        made = rumor_table(rumor, scores.intervals)
        parts += [titled(title, made, verdict_line(rumor_verdicts(rumor)))]
        parts.append(titled("F1 by class", class_table(rumor)))
        if len(rumor.confusion) <= _CLASSES_SHOWN:
            parts.append(titled("cascades by class", confusion_table(rumor)))
    if scores.calibration is not None:
        parts.append(titled("calibration", calibration_table(scores.calibration, scores.part)))
    for group, links in scores.links.items():
        title = f"links, {plural(links.targets, 'target')}: {group} · {where}"
        made = link_table(links, scores.intervals, _SUFFIX.get(group, ""))
        parts.append(titled(title, made, verdict_line(link_verdicts(links))))
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
            f"the tasks' views of {plural(views.cascades, 'cascade')}: linear CKA "
            f"{figure(views.cka)}, mean cosine {figure(views.cosine)}"
        )
    return parts


def scored_place(part: str, protocol: Protocol, on: str | None) -> str:
    """Say what was scored: a part of the run's own data, or the data ``on``."""
    if on is None:
        return f"{part} part of {protocol}"
    return f"{on}, trained on {protocol.data}, split {protocol.split}, fold {protocol.fold}"


def rumor_table(rumor: RumorScores, intervals: Intervals | None) -> Table:
    """Lay out rumor detection and the majority guess; bold is what is better than that guess."""
    made = Table("", "accuracy", "macro F1", "AUROC", numbers=True)
    found = rumor_verdicts(rumor)
    figures = {"accuracy": rumor.accuracy, "macro_f1": rumor.macro_f1, "auroc": rumor.auroc}
    made.add_row("model", *(marked(value, found.get(name)) for name, value in figures.items()))
    _add_intervals(made, intervals, "accuracy", "macro_f1")
    made.add_row(MAJORITY, *map(figure, rumor_baseline(rumor).values()))
    return made


def class_table(rumor: RumorScores) -> Table:
    """Lay out F1 by class, a row each."""
    made = Table("class", "F1", "cascades", numbers=True)
    for label, value in rumor.f1.items():
        cascades = sum(rumor.confusion.get(label, {}).values())
        made.add_row(label, figure(value), f"{cascades:,}")
    return made


def marked(value: float | None, verdict: Verdict | None) -> Text:
    """Say a figure of the model, bold where it beats the best trivial baseline."""
    return Text(figure(value), style="bold" if verdict and verdict.beats else "")


def confusion_table(rumor: RumorScores) -> Table:
    """Count cascades by true class, a row each, and by the class said."""
    made = Table("", *(f"said {label}" for label in rumor.confusion), numbers=True)
    for label, row in rumor.confusion.items():
        made.add_row(f"truly {label}", *(f"{count:,}" for count in row.values()))
    return made


def link_table(links: LinkTable, intervals: Intervals | None, suffix: str) -> Table:
    """Lay out the ranking of the true parent and the trivial guesses; bold beats all of them."""
    made = Table("", "MRR", "Hits@1", "Hits@3", "Hits@10", "AUC", numbers=True)
    found = link_verdicts(links)
    for name, row in links.rows.items():
        figures = asdict(row)
        model = name == MODEL
        made.add_row(
            name,
            *(marked(value, found.get(key) if model else None) for key, value in figures.items()),
        )
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
    made = Table("", "ECE", "NLL", "Brier", numbers=True)
    where = "this part itself" if part == _VALIDATION else f"the {_VALIDATION} part"
    rows = {
        "as the model says": found.raw,
        f"with temperature {figure(found.temperature)}, fitted on {where}": found.scaled,
    }
    for name, row in rows.items():
        if row is not None:
            made.add_row(name, figure(row.ece), figure(row.nll), figure(row.brier))
    return made
