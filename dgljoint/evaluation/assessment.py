"""The final scoring of a selected model: figures, how sure they are, how honest its probabilities.

What costs too much, or means nothing, in every epoch; an epoch's figures are
:meth:`dgljoint.evaluation.evaluate.Evaluator.scores`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from dgljoint._internal.text import all_of_one_class, plural
from dgljoint.evaluation.bootstrap import intervals
from dgljoint.evaluation.calibration import calibration, fit_temperature
from dgljoint.evaluation.evaluate import Evaluator
from dgljoint.evaluation.predictions import Index, Predictions
from dgljoint.evaluation.scores import Scores
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

    predictions: Predictions
    scores: Scores
    temperature: float | None


def assess(
    evaluator: Evaluator, model: JointModel, indices: Index, part: str,
    calibrated_on: Assessed | None = None,
) -> Assessed:
    """Score ``model``, in evaluation mode, on a part.

    Args:
        evaluator: of the run.
        model: left in evaluation mode.
        indices: positions in the store.
        part: name of the part, for the record.
        calibrated_on: the validation part, whose temperature is used; ``None`` to fit the
            temperature on this part, which then is the validation part.
    """
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


def rumor_notes(evaluator: Evaluator, said: Predictions, part: str) -> tuple[str, ...]:
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
