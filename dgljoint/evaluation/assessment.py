"""The final scoring of a selected model: metrics, their intervals, calibration, early detection.

It costs too much, or means nothing, in every epoch; an epoch's metrics are
:meth:`dgljoint.evaluation.evaluator.Evaluator.scores`.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dgljoint._internal.text import all_of_one_class, plural
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.bootstrap import intervals
from dgljoint.evaluation.calibration import calibration, fit_temperature
from dgljoint.evaluation.deadlines import Deadline
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.pooled import Index, PooledPredictions
from dgljoint.evaluation.scores import DeadlineScores, EarlyDetection, Intervals, Scores
from dgljoint.nn.model import JointModel
from dgljoint.tasks.losses import RUMOR


@dataclass(frozen=True, slots=True, eq=False)
class Assessed:
    """One set: its predictions, its scores, and the temperature for calibration, if any."""

    predictions: PooledPredictions
    scores: Scores
    temperature: float | None


def assess(
    evaluator: Evaluator, model: JointModel, indices: Index, part: str,
    calibrated_on: Assessed | None = None,
) -> Assessed:
    """Score ``model``, in evaluation mode, on one set.

    The temperature is that of ``calibrated_on``, the validation set; without it this set is the
    validation set, on which the temperature is fitted.
    """
    started = time.perf_counter()
    pooled = evaluator.predict(model, indices)
    judged, temperature = None, None
    if RUMOR in evaluator.tasks:
        temperature = calibrated_on.temperature if calibrated_on else fit_temperature(pooled)
        judged = calibration(pooled, temperature)
    scores = replace(
        evaluator.figures(pooled, part), intervals=intervals(pooled, evaluator.tasks),
        calibration=judged, notes=rumor_notes(evaluator, pooled, part),
        seconds=time.perf_counter() - started,
    )
    return Assessed(pooled, scores, temperature)


def rumor_notes(evaluator: Evaluator, pooled: PooledPredictions, part: str) -> tuple[str, ...]:
    """Describe what the metrics of rumor detection on a set leave out, if anything."""
    if RUMOR not in evaluator.tasks:
        return ()
    names = evaluator.store.label_names
    label = pooled.label[pooled.label >= 0]
    if not len(label):
        return (f"rumor detection is not scored: no cascade of the {part} set has a label",)
    notes = []
    if len(present := np.unique(label)) == 1:
        clause = all_of_one_class(len(label), names[present[0]], f" of the {part} set")
        notes.append(f"{clause}: accuracy is how often it is predicted")
    lost = ~pooled.answerable[label]
    if lost.any():
        which = ", ".join(f"'{names[number]}'" for number in np.unique(label[lost]))
        notes.append(
            f"{int(lost.sum()):,} of {plural(len(label), 'labelled cascade')} are of a class that "
            f"no training cascade has ({which}): they count as wrong, and there is no NLL"
        )
    return tuple(notes)


def detect_early(
    evaluator: Evaluator, model: JointModel, indices: Index, part: str,
    deadlines: Sequence[Deadline],
) -> tuple[EarlyDetection, dict[str, PooledPredictions]]:
    """Score ``model`` on one set by each deadline; return metrics, and predictions by deadline.

    A cascade is classified as if it had ended at the deadline: later posts are in no batch, nor are
    their edges and whatever is computed from them. Nothing else is hidden, so that ``all`` shows
    the rumor head more than the usual evaluation does, which hides the last posts.
    """
    if RUMOR not in evaluator.tasks:
        raise UsageError(
            "early detection is of the rumor task, which this run did not train",
            hint="train with -s train.tasks=both or rumor",
        )
    started = time.perf_counter()
    store = evaluator.store
    indices = indices[store.label[indices] >= 0]
    if not len(indices):
        raise DataError(f"no cascade of the {part} set has a label", hint="choose another set")
    pooled = {one.text: evaluator.predict(model, indices, one) for one in deadlines}
    columns = store.read(indices)
    untimed = ~columns.timed & (np.diff(columns.post_ptr) > 1)
    figures = tuple(_figures(evaluator, pooled[one.text], part, one) for one in deadlines)
    taken = time.perf_counter() - started
    notes = rumor_notes(evaluator, pooled[deadlines[0].text], part)
    return EarlyDetection(part, len(indices), int(untimed.sum()), figures, taken, notes), pooled


def _figures(
    evaluator: Evaluator, pooled: PooledPredictions, part: str, deadline: Deadline
) -> DeadlineScores:
    rumor = evaluator.figures(pooled, part).rumor
    if rumor is None:
        raise ValueError("there is no labelled cascade")
    return DeadlineScores(
        deadline=deadline.text, seconds=deadline.seconds, posts=deadline.posts, rumor=rumor,
        intervals=intervals(pooled, (RUMOR,)), posts_mean=float(pooled.observed.mean()),
        posts_median=float(np.median(pooled.observed)),
        beyond_source=float((pooled.observed > 1).mean()),
    )


def curve_csv(found: EarlyDetection) -> str:
    """Write early detection as CSV (RFC 4180), one line per deadline.

    ``seconds`` and ``posts`` are empty where the deadline is not one of that kind; the ends of
    the intervals where there is none.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    measured = ("accuracy", "macro_f1")
    writer.writerow((
        "deadline", "seconds", "posts", "cascades", "posts_mean", "posts_median", "beyond_source",
        *(f"{name}{end}" for name in measured for end in ("", "_low", "_high")),
        "auroc", "majority",
    ))
    for row in found.deadlines:
        rumor = row.rumor
        writer.writerow((
            row.deadline,
            "" if row.seconds is None else _number(row.seconds),
            "" if row.posts is None else row.posts,
            rumor.cascades,
            *map(_number, (row.posts_mean, row.posts_median, row.beyond_source)),
            _number(rumor.accuracy), *_ends(row.intervals, "accuracy"),
            _number(rumor.macro_f1), *_ends(row.intervals, "macro_f1"),
            "" if rumor.auroc is None else _number(rumor.auroc),
            _number(rumor.majority),
        ))
    return text.getvalue()


def _ends(of: Intervals | None, figure: str) -> tuple[str, ...]:
    ends = of.figures.get(figure) if of is not None else None
    return ("", "") if ends is None else (_number(ends[0]), _number(ends[1]))


def _number(value: float) -> str:
    return f"{value:.9g}"
