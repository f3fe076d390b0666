"""The final scoring of a selected model: metrics, their intervals, calibration, early detection.

It costs too much, or means nothing, in every epoch; an epoch's metrics are
:meth:`dgljoint.evaluation.evaluator.Evaluator.scores`.
"""

from __future__ import annotations

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
from dgljoint.evaluation.scores import DeadlineScores, EarlyDetection, Scores
from dgljoint.nn.model import JointModel
from dgljoint.tasks.losses import RUMOR


@dataclass(frozen=True, slots=True, eq=False)
class Assessed:
    """A part with all there is to say of it.

    Attributes:
        predictions: cascade by cascade.
        scores: with intervals and calibration.
        temperature: the logits were divided by it; ``None`` for none.
    """

    predictions: PooledPredictions
    scores: Scores
    temperature: float | None


def assess(
    evaluator: Evaluator, model: JointModel, indices: Index, part: str,
    calibrated_on: Assessed | None = None,
) -> Assessed:
    """Score ``model``, in evaluation mode, on a part."""
    started = time.perf_counter()
    said = evaluator.predict(model, indices)
    judged, temperature = None, None
    if RUMOR in evaluator.tasks:
        temperature = calibrated_on.temperature if calibrated_on else fit_temperature(said)
        judged = calibration(said, temperature)
    scores = replace(
        evaluator.figures(said, part),
        intervals=intervals(said, evaluator.tasks),
        calibration=judged,
        notes=rumor_notes(evaluator, said, part),
        seconds=time.perf_counter() - started,
    )
    return Assessed(said, scores, temperature)


def rumor_notes(evaluator: Evaluator, said: PooledPredictions, part: str) -> tuple[str, ...]:
    """Say what the figures of rumor detection on a part leave out, if anything."""
    if RUMOR not in evaluator.tasks:
        return ()
    names = evaluator.store.label_names
    label = said.label[said.label >= 0]
    if not len(label):
        return (f"rumor detection is not asked: no cascade of the {part} set has a label",)
    notes = []
    present = np.unique(label)
    if len(present) == 1:
        notes.append(
            all_of_one_class(len(label), names[present[0]], f" of the {part} set")
            + ": accuracy is how often it is predicted"
        )
    lost = ~said.answerable[label]
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
    """Score ``model`` on a part by each deadline.

    A cascade is judged as if it had ended at the deadline: later posts are in no batch, and with
    them go their edges and whatever is computed of them. Nothing else is held back, so that
    ``all`` shows the rumor head more than the other figures do, which leave the last posts out.

    Returns:
        The figures, and the predictions by the deadline's text.
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
        raise DataError(f"no cascade of the {part} part has a label", hint="choose another part")
    said = {one.text: evaluator.predict(model, indices, one) for one in deadlines}
    columns = store.read(indices)
    untimed = ~columns.timed & (np.diff(columns.post_ptr) > 1)
    figures = tuple(_figures(evaluator, said[one.text], part, one) for one in deadlines)
    taken = time.perf_counter() - started
    notes = rumor_notes(evaluator, said[deadlines[0].text], part)
    return EarlyDetection(part, len(indices), int(untimed.sum()), figures, taken, notes), said


def _figures(
    evaluator: Evaluator, said: PooledPredictions, part: str, deadline: Deadline
) -> DeadlineScores:
    rumor = evaluator.figures(said, part).rumor
    if rumor is None:
        raise ValueError("there is no labelled cascade")
    return DeadlineScores(
        deadline=deadline.text,
        seconds=deadline.seconds,
        posts=deadline.posts,
        rumor=rumor,
        intervals=intervals(said, (RUMOR,)),
        posts_mean=float(said.observed.mean()),
        posts_median=float(np.median(said.observed)),
        beyond_source=float((said.observed > 1).mean()),
    )
