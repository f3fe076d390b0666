"""The tables of scores, with the trivial baselines next to the model, and of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

import dgljoint
from dgljoint import training
from dgljoint._internal.tables import NOTHING, figure
from dgljoint._internal.text import plural
from dgljoint.evaluation import scores as of
from dgljoint.evaluation.verdicts import Verdict, rumor_verdicts
from dgljoint.reporting import scores as tables
from dgljoint.runs.stored import Protocol
from dgljoint_cli.views.rendering import Table, titled

ROWS = 20  # of predictions
_CLASSES_SHOWN = 8


def protocol_of(inputs: training.RunInputs) -> Protocol:
    """Return how the data of a run are split."""
    store, split, config = inputs.store, inputs.split, inputs.config
    return Protocol(
        store.name, split.name, config.fold, store.kept_apart(split.name), bool(split.ordered_by),
        classes=config.classes,
    )


def scores_to_dict(
    scores: of.Scores | of.EarlyDetection | training.Transfer[Any], protocol: Protocol
) -> dict[str, Any]:
    """Return the scores and their protocol as plain values."""
    names = ("data", "split", "fold", "disjoint")
    return {**{name: getattr(protocol, name) for name in names}, **scores.to_dict()}


def score_tables(
    scores: of.Scores, protocol: Protocol, on: str | None = None
) -> list[RenderableType]:
    """Show rumor detection, then the links by group of targets."""
    shown: list[RenderableType] = []
    where = _place(scores.part, protocol, on)
    if (rumor := scores.rumor) is not None:
        shown.append(_shown(tables.rumor_table(rumor, scores.intervals), where))
        shown.append(_shown(tables.class_table(rumor)))
        if len(rumor.confusion) <= _CLASSES_SHOWN:
            shown.append(_shown(tables.confusion_table(rumor)))
            shown += [_shown(tables.pair_table(rumor))] if rumor.class_pairs else []
    if scores.calibration is not None:
        shown.append(_shown(tables.calibration_table(scores.calibration, scores.part)))
    for group, links in scores.links.items():
        shown.append(_shown(tables.link_table(group, links, scores.intervals), where))
    if not shown:
        shown.append(f"nothing to score in the {where}")
    elif not scores.links and "cascade" in scores.tasks:
        shown.append(
            f"links: no targets in the {where}; no post has a choice among strictly earlier ones"
        )
    shown += [f"note: {note}" for note in scores.notes]
    if len(scores.tasks) == 1:
        shown.append(f"the {scores.tasks[0]} task alone was trained, and is scored")
    if (views := scores.views) is not None:
        shown.append(
            f"the tasks' views of {plural(views.cascades, 'cascade')}: linear CKA "
            f"{figure(views.cka)}, mean cosine {figure(views.cosine)}"
        )
    return shown


def _place(part: str, protocol: Protocol, on: str | None) -> str:
    """Name what was scored: a set of the run's own data, or the data ``on``."""
    if on is None:
        return f"{part} set of {protocol}"
    return f"{on}, trained on {protocol.data}, split {protocol.split}, fold {protocol.fold}"


def _shown(table: tables.ScoreTable, where: str = "") -> RenderableType:
    """Show a table; a metric of the model in bold beats the best trivial baseline."""
    made = Table(*table.columns, numbers=True)
    for name, *cells in table.rows:
        better = table.better if name == of.MODEL else frozenset[str]()
        made.add_row(name, *(
            Text(cell, style="bold" if column in better else "")
            for cell, column in zip(cells, table.columns[1:], strict=True)
        ))
    title = f"{table.title} · {where}" if where else table.title
    return titled(title, made, table.verdict)


def early_table(
    found: of.EarlyDetection, protocol: Protocol, on: str | None = None
) -> list[RenderableType]:
    """Show one row per deadline, with the notes that are needed to read them."""
    level = next((f"{row.intervals.level:.0%}" for row in found.deadlines if row.intervals), "")
    made = Table(
        "seen until", "posts, mean", "median", "beyond source", "accuracy", level, "macro F1",
        level, "majority", numbers=True,
    )
    for row in found.deadlines:
        bold = rumor_verdicts(row.rumor)
        ends = row.intervals.figures if row.intervals is not None else {}
        made.add_row(
            _name(row), f"{row.posts_mean:,.1f}", f"{row.posts_median:,.1f}",
            f"{row.beyond_source:.0%}",
            _marked(row.rumor.accuracy, bold["accuracy"]), tables.interval(ends.get("accuracy")),
            _marked(row.rumor.macro_f1, bold["macro_f1"]), tables.interval(ends.get("macro_f1")),
            figure(row.rumor.majority),
        )
    where = _place(found.part, protocol, on)
    title = f"early rumor detection, {plural(found.cascades, 'cascade')} · {where}"
    shown: list[RenderableType] = [titled(title, made, _early_verdict(found.deadlines))]
    if found.untimed:
        shown.append(
            f"{found.untimed:,} of the cascades have no times: until the end only their source is "
            "seen"
        )
    return shown + [f"note: {note}" for note in found.notes]


def _name(row: of.DeadlineScores) -> str:
    return row.deadline if row.posts is None else plural(row.posts, "post")


def _early_verdict(rows: Sequence[of.DeadlineScores]) -> str:
    """Name the deadlines at which the model beats the majority guess."""
    beaten = {
        metric: [_name(row) for row in rows if rumor_verdicts(row.rumor)[metric].beats]
        for metric in ("accuracy", "macro_f1")
    }
    where = ", ".join(
        f"in {of.TITLES[metric]} at {' and '.join(names) if len(names) < len(rows) else 'all'}"
        for metric, names in beaten.items() if names
    )
    beats = "the model beats the best trivial baseline, the majority guess, "
    return beats + (where or "at no deadline")


def _marked(value: float | None, verdict: Verdict | None) -> Text:
    """Show a metric of the model, in bold where it beats the best trivial baseline."""
    return Text(figure(value), style="bold" if verdict and verdict.beats else "")


def prediction_tables(found: dgljoint.Predictions, *, shown: int) -> list[RenderableType]:
    """Show the first cascades, at most ``shown``, and how many are predicted of each class."""
    parts: list[RenderableType] = []
    if shown and len(found):
        several = ["runs"] * (found.runs is not None)
        made = Table(
            "part", "cascade", "label", "predicted", "p", "posts", "observed", "MRR", *several
        )
        for row in list(found.rows())[:shown]:
            p = row[f"p_{row['predicted']}"] if row["predicted"] else None
            made.add_row(
                row["part"], row["cascade"], row["label"] or NOTHING, row["predicted"] or NOTHING,
                figure(p), f"{row['posts']:,}", f"{row['observed_posts']:,}", figure(row["mrr"]),
                *(str(row[name]) for name in several),
            )
        parts.append(titled("predictions", made))
        if len(found) > shown:
            parts.append(f"… and {len(found) - shown:,} more: -o FILE writes them all")
    parts.append(parts_line(found))
    if found.probability is None:
        line = f"{len(found):,} cascades; the rumor task was not trained, and none is classified"
        return [*parts, line]
    if missing := [name for name in found.classes if name not in found.label_names]:
        parts.append(f"never predicted, for no training cascade has it: {', '.join(missing)}")
    count = Counter(found.predicted or ())
    classes = ", ".join(f"{name} {count[name]:,}" for name in found.label_names)
    return [*parts, f"{len(found):,} cascades: {classes}"]


def parts_line(found: dgljoint.Predictions) -> str:
    """Count the cascades that the run was trained, selected or tested on, and the new ones.

    Of several runs they are counted by how many are averaged, and by what those know of them.
    """
    if found.runs is None:
        counted = found.parts
        known = ", ".join(f"{count:,} {part}" for part, count in counted.items() if count)
        line = f"cascades by part of the run: {known or 'none'}"
        trained = counted["train"]
        return f"{line}; it was trained on {trained:,} of them" if trained else line
    shown = {
        "new": "{} new to the runs, averaged over {}",
        "test": "{} of the runs' data, averaged over {} with it in the test set",
        "validation": "{} in no test set, averaged over {} that SELECTED THEIR EPOCH ON IT",
        "train": "{} in no test set, averaged over {} that WERE TRAINED ON IT",
    }
    averaged = Counter(zip(found.part, found.runs.tolist(), strict=True))
    lines = [
        text.format(f"{number:,}", plural(several, "run"))
        for known, text in shown.items()
        for (part, several), number in sorted(averaged.items())
        if part == known
    ]
    return "cascades: " + ("; ".join(lines) or "none")
