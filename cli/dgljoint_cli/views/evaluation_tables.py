"""The tables of scores, with the trivial baselines next to the model, and of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from dgljoint._internal.tables import NOTHING, figure
from dgljoint._internal.text import plural
from dgljoint.evaluation import scores as of
from dgljoint.evaluation import verdicts
from dgljoint.evaluation.scores import TITLES
from dgljoint.runs.protocol import Protocol
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table

if TYPE_CHECKING:
    from dgljoint.evaluation.predicting import Predictions
    from dgljoint.training.inputs import RunInputs
    from dgljoint.training.transfer import Transfer

ROWS = 20  # of predictions
_CLASSES_SHOWN = 8
# In the names of the intervals, by group of targets.
_SUFFIX = {of.NOT_SOURCE: "_not_source"}


def protocol_of(inputs: RunInputs) -> Protocol:
    """Return how the data of a run are split."""
    store, split = inputs.store, inputs.split
    disjoint = store.kept_apart(split.name)
    return Protocol(store.name, split.name, inputs.config.fold, disjoint, bool(split.ordered_by))


def scores_to_dict(
    scores: of.Scores | of.EarlyDetection | Transfer[Any], protocol: Protocol
) -> dict[str, Any]:
    """Return the scores and their protocol as plain values."""
    return {
        "data": protocol.data,
        "split": protocol.split,
        "fold": protocol.fold,
        "disjoint": protocol.disjoint,
        **scores.to_dict(),
    }


def score_tables(
    scores: of.Scores, protocol: Protocol, on: str | None = None
) -> list[RenderableType]:
    """Show rumor detection, then the links by group of targets.

    Args:
        scores: of a test or validation set.
        protocol: of the run.
        on: name of the data that were scored instead of the run's own.
    """
    shown: list[RenderableType] = []
    where = _place(scores.part, protocol, on)
    if (rumor := scores.rumor) is not None:
        title = f"rumor detection, {plural(rumor.cascades, 'cascade')} · {where}"
        line = verdicts.verdict_line(verdicts.rumor_verdicts(rumor))
        shown.append(titled(title, _rumor_table(rumor, scores.intervals), line))
        shown.append(titled("F1 by class", _class_table(rumor)))
        if len(rumor.confusion) <= _CLASSES_SHOWN:
            shown.append(titled("cascades by class", _confusion_table(rumor)))
    if scores.calibration is not None:
        shown.append(titled("calibration", _calibration_table(scores.calibration, scores.part)))
    for group, links in scores.links.items():
        title = f"links, {plural(links.targets, 'target')}: {group} · {where}"
        line = verdicts.verdict_line(verdicts.link_verdicts(links))
        made = _link_table(links, scores.intervals, _SUFFIX.get(group, ""))
        shown.append(titled(title, made, line))
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


def _rumor_table(rumor: of.RumorScores, intervals: of.Intervals | None) -> Table:
    """Compare with the majority guess; a metric in bold is better than that guess."""
    made = Table("", "accuracy", "macro F1", "AUROC", numbers=True)
    found = verdicts.rumor_verdicts(rumor)
    values = {"accuracy": rumor.accuracy, "macro_f1": rumor.macro_f1, "auroc": rumor.auroc}
    made.add_row("model", *(_marked(value, found.get(name)) for name, value in values.items()))
    _add_intervals(made, intervals, "accuracy", "macro_f1")
    made.add_row(verdicts.MAJORITY, *map(figure, verdicts.rumor_baseline(rumor).values()))
    return made


def _class_table(rumor: of.RumorScores) -> Table:
    made = Table("class", "F1", "cascades", numbers=True)
    for label, value in rumor.f1.items():
        cascades = sum(rumor.confusion.get(label, {}).values())
        made.add_row(label, figure(value), f"{cascades:,}")
    return made


def _confusion_table(rumor: of.RumorScores) -> Table:
    """Count cascades: one row per true class, one column per predicted class."""
    made = Table("", *(f"predicted {label}" for label in rumor.confusion), numbers=True)
    for label, row in rumor.confusion.items():
        made.add_row(f"truly {label}", *(f"{count:,}" for count in row.values()))
    return made


def _link_table(links: of.LinkTable, intervals: of.Intervals | None, suffix: str) -> Table:
    """Compare with the trivial guesses; a metric in bold is better than all of them."""
    made = Table("", "MRR", "Hits@1", "Hits@3", "Hits@10", "AUC", numbers=True)
    found = verdicts.link_verdicts(links)
    for name, row in links.rows.items():
        bold = found if name == of.MODEL else {}
        made.add_row(name, *(_marked(value, bold.get(key)) for key, value in asdict(row).items()))
        if name == of.MODEL:
            _add_intervals(made, intervals, f"mrr{suffix}", f"hits1{suffix}")
    return made


def _calibration_table(found: of.Calibration, part: str) -> Table:
    made = Table("", "ECE", "NLL", "Brier", numbers=True)
    where = "this set itself" if part == "validation" else "the validation set"
    rows = {
        "as predicted": found.raw,
        f"with temperature {figure(found.temperature)}, fitted on {where}": found.scaled,
    }
    for name, row in rows.items():
        if row is not None:
            made.add_row(name, figure(row.ece), figure(row.nll), figure(row.brier))
    return made


def early_table(
    found: of.EarlyDetection, protocol: Protocol, on: str | None = None
) -> list[RenderableType]:
    """Show one row per deadline, with the notes that are needed to read them.

    Args:
        found: by deadline.
        protocol: of the run.
        on: name of the data that were scored instead of the run's own.
    """
    level = next((f"{row.intervals.level:.0%}" for row in found.deadlines if row.intervals), "")
    made = Table(
        "seen until", "posts, mean", "median", "beyond source", "accuracy", level, "macro F1",
        level, "majority", numbers=True,
    )
    for row in found.deadlines:
        bold = verdicts.rumor_verdicts(row.rumor)
        ends = row.intervals.figures if row.intervals is not None else {}
        made.add_row(
            _name(row), f"{row.posts_mean:,.1f}", f"{row.posts_median:,.1f}",
            f"{row.beyond_source:.0%}",
            _marked(row.rumor.accuracy, bold["accuracy"]), _interval(ends.get("accuracy")),
            _marked(row.rumor.macro_f1, bold["macro_f1"]), _interval(ends.get("macro_f1")),
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
        metric: [_name(row) for row in rows if verdicts.rumor_verdicts(row.rumor)[metric].beats]
        for metric in ("accuracy", "macro_f1")
    }
    where = ", ".join(
        f"in {TITLES[metric]} at {' and '.join(names) if len(names) < len(rows) else 'all'}"
        for metric, names in beaten.items() if names
    )
    return (
        "the model beats the best trivial baseline, the majority guess, "
        + (where or "at no deadline")
    )


def _marked(value: float | None, verdict: verdicts.Verdict | None) -> Text:
    """Show a metric of the model, in bold where it beats the best trivial baseline."""
    return Text(figure(value), style="bold" if verdict and verdict.beats else "")


def _interval(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.3f}–{ends[1]:.3f}"


def _add_intervals(made: Table, intervals: of.Intervals | None, *names: str) -> None:
    if intervals is not None and any(name in intervals.figures for name in names):
        cells = [_interval(intervals.figures.get(name)) for name in names]
        made.add_row(f"  {intervals.level:.0%} interval", *cells)


def prediction_tables(found: Predictions, *, shown: int) -> list[RenderableType]:
    """Show the first cascades, and how many are predicted to be of each class.

    Args:
        found: the predictions.
        shown: most cascades to list.
    """
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


def parts_line(found: Predictions) -> str:
    """Count the cascades that the run was trained, selected or tested on, and the new ones."""
    if found.runs is not None:
        return _line_of_several(found)
    counted = found.parts
    known = ", ".join(f"{count:,} {part}" for part, count in counted.items() if count)
    line = f"cascades by part of the run: {known or 'none'}"
    trained = counted["train"]
    return f"{line}; it was trained on {trained:,} of them" if trained else line


def _line_of_several(found: Predictions) -> str:
    """Count the cascades by how many runs are averaged, and by what those know of them."""
    shown = {
        "new": "{} new to the runs, averaged over {}",
        "test": "{} of the runs' data, averaged over {} with it in the test set",
        "validation": "{} in no test set, averaged over {} that SELECTED THEIR EPOCH ON IT",
        "train": "{} in no test set, averaged over {} that WERE TRAINED ON IT",
    }
    runs = [] if found.runs is None else found.runs.tolist()
    counted = Counter(zip(found.part, runs, strict=True))
    lines = [
        text.format(f"{number:,}", plural(several, "run"))
        for known, text in shown.items()
        for (part, several), number in sorted(counted.items())
        if part == known
    ]
    return "cascades: " + ("; ".join(lines) or "none")
