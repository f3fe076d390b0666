"""Early detection by the selected model of a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dgljoint._internal.files import write_text
from dgljoint.evaluation.deadlines import Deadline
from dgljoint.evaluation.early import detect_early
from dgljoint.evaluation.listing import curve_csv, predictions_csv
from dgljoint.evaluation.scores import EarlyDetection
from dgljoint.plugins.registry import Registry
from dgljoint.training.setup import check_part, part_indices, selected


def evaluate_early(
    folder: Path, *, registry: Registry, part: str, deadlines: Sequence[Deadline],
    predictions: Path | None = None, curve: Path | None = None, device: str = "auto",
) -> EarlyDetection:
    """Score the selected epoch of a run on what was visible by each deadline.

    Args:
        folder: a run folder.
        registry: where components are found.
        part: ``test`` or ``validation``.
        deadlines: at least one.
        predictions: CSV file to write, a line a deadline and cascade.
        curve: CSV file to write, a line a deadline.
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
    setup = selected(folder, registry, device)
    evaluator = setup.evaluator
    found, said = detect_early(
        evaluator, setup.model, part_indices(setup, part), part, deadlines
    )
    if predictions is not None:
        table = predictions_csv(setup.store, said, evaluator.tasks, by_deadline_of=part)
        write_text(predictions, table)
    if curve is not None:
        write_text(curve, curve_csv(found))
    return found
