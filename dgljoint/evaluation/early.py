"""Early detection: what a model says of cascades when only their beginning is known."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.assessment import rumor_notes
from dgljoint.evaluation.bootstrap import intervals
from dgljoint.evaluation.deadlines import Deadline
from dgljoint.evaluation.evaluate import Evaluator
from dgljoint.evaluation.predictions import Index, Predictions
from dgljoint.evaluation.scores import DeadlineScores, EarlyDetection
from dgljoint.nn.model import JointModel
from dgljoint.tasks.losses import RUMOR


def detect_early(
    evaluator: Evaluator, model: JointModel, indices: Index, part: str,
    deadlines: Sequence[Deadline],
) -> tuple[EarlyDetection, dict[str, Predictions]]:
    """Score ``model`` on a part by each deadline.

    A cascade is judged as if it had ended at the deadline: later posts are in no batch, and with
    them go their edges and whatever is computed of them. Nothing else is held back, so that
    ``all`` shows the rumor head more than the other figures do, which leave the last posts out.

    Args:
        evaluator: of the run.
        model: left in evaluation mode.
        indices: positions in the store.
        part: name of the part, for the record.
        deadlines: at least one.

    Returns:
        The figures, and the predictions by the deadline's text.

    Raises:
        UsageError: the rumor task was not trained.
        DataError: no cascade has a label.
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
    evaluator: Evaluator, said: Predictions, part: str, deadline: Deadline
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
