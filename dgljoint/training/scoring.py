"""Score the selected epoch of a run, on whole sets or by deadlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dgljoint._internal.files import write_text
from dgljoint.evaluation.assessment import Assessed, assess, curve_csv, detect_early
from dgljoint.evaluation.deadlines import Deadline
from dgljoint.evaluation.predicting import predictions_csv
from dgljoint.evaluation.scores import EarlyDetection, Scores
from dgljoint.training.parts import TEST, VALIDATION
from dgljoint.training.setup import Setup, check_part, selected


def evaluate_run(
    folder: Path, *, part: str, predictions: Path | None = None, device: str = "auto"
) -> Scores:
    """Score the selected epoch of a finished or running run.

    Args:
        folder: a run folder.
        part: ``test`` or ``validation``.
        predictions: CSV file to write, one line per cascade.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: ``part`` is neither, or there is no such device.
        DataError: the folder, its data or its checkpoint cannot be used.
        PluginError: a plugin failed.
        RunFailedError: the file system refuses.
    """
    check_part(part)
    setup = selected(folder, device)
    assessed = assess_parts(setup, part)[part]
    if predictions is not None:
        write_text(predictions, predictions_table(setup, {part: assessed}))
    return assessed.scores


def assess_parts(setup: Setup, *parts: str) -> dict[str, Assessed]:
    """Score sets; the validation set is read in any case, for the temperature."""
    validation = assess(setup.evaluator, setup.model, setup.indices(VALIDATION), VALIDATION)
    found = {VALIDATION: validation}
    if TEST in parts:
        found[TEST] = assess_test(setup, validation)
    return {part: found[part] for part in parts}


def assess_test(setup: Setup, validation: Assessed) -> Assessed:
    """Score the test set, with the temperature of the validation set."""
    return assess(
        setup.evaluator, setup.model, setup.indices(TEST), TEST, calibrated_on=validation
    )


def predictions_table(setup: Setup, assessed: Mapping[str, Assessed]) -> str:
    """Return the predictions for the cascades of some sets, as CSV."""
    pooled = {part: one.predictions for part, one in assessed.items()}
    return predictions_csv(setup.store, pooled, setup.evaluator.tasks)


def evaluate_early(
    folder: Path, *, part: str, deadlines: Sequence[Deadline],
    predictions: Path | None = None, curve: Path | None = None, device: str = "auto",
) -> EarlyDetection:
    """Score the selected epoch of a run on what was visible by each deadline.

    Args:
        folder: a run folder.
        part: ``test`` or ``validation``.
        deadlines: at least one.
        predictions: CSV file to write, one line per deadline and cascade.
        curve: CSV file to write, one line per deadline.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UsageError: ``part`` is neither, the run did not train the rumor task, or there is no such
            device.
        DataError: the folder, its data or its checkpoint cannot be used, or no cascade of the
            part has a label.
        PluginError: a plugin failed.
        RunFailedError: the file system refuses.
    """
    check_part(part)
    setup = selected(folder, device)
    evaluator = setup.evaluator
    found, pooled = detect_early(
        evaluator, setup.model, setup.indices(part), part, deadlines
    )
    if predictions is not None:
        table = predictions_csv(setup.store, pooled, evaluator.tasks, by_deadline_of=part)
        write_text(predictions, table)
    if curve is not None:
        write_text(curve, curve_csv(found))
    return found
