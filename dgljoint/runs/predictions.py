"""The predictions of a run, read back from ``predictions.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from dgljoint.errors import DataError
from dgljoint.runs.folders import read_plain
from dgljoint.runs.stored import PREDICTIONS, TEST, StoredRun

_PROBABILITY = "p_"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A row: a cascade and its prediction. ``None`` where there was nothing to predict."""

    cascade: str
    event: str
    label: str | None
    predicted: str | None
    confidence: float | None  # the probability of the predicted class
    observed: int  # posts the rumor head read
    targets: int  # link targets
    mrr: float | None  # mean reciprocal rank of their parents


@dataclass(frozen=True, slots=True)
class StoredPredictions:
    """The predictions for a set of cascades: the names of the classes, and one row per cascade.

    The classes are those that a cascade of the set has or that can be predicted, as in macro F1.
    """

    labels: tuple[str, ...]
    lines: tuple[Prediction, ...]


def read_predictions(run: StoredRun, part: str = TEST) -> StoredPredictions | None:
    """Read the predictions for a set of cascades; ``None`` where the run wrote no such file."""
    file = run.path / PREDICTIONS
    if not file.exists():
        return None
    content = read_plain(run.path, file)
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
        labels = tuple(
            name.removeprefix(_PROBABILITY)
            for name in reader.fieldnames or ()
            if name.startswith(_PROBABILITY)
        )
        rows = [row for row in reader if row["part"] == part]
        lines = tuple(map(_line, rows))
    except (csv.Error, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{file} is not readable ({type(error).__name__}: {error})") from error
    present = {line.label for line in lines}
    counted = (
        label for label in labels
        if label in present or any(row[_PROBABILITY + label] for row in rows)
    )
    return StoredPredictions(tuple(counted), lines)


def _line(row: Mapping[str, str]) -> Prediction:
    predicted = row["predicted"] or None
    return Prediction(
        cascade=row["cascade"], event=row["event"], label=row["label"] or None, predicted=predicted,
        confidence=_share(row[_PROBABILITY + predicted]) if predicted else None,
        observed=_count(row["observed_posts"]), targets=_count(row["targets"] or "0"),
        mrr=_share(row["mrr"]) if row["mrr"] else None,
    )


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:  # neither is what is no number
        raise ValueError(f"{text} is not between 0 and 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value < 1 << 31:
        raise ValueError(f"{text} is no number of posts")
    return value
