"""Predictions as CSV and as tables."""

from __future__ import annotations

import csv
import io
from collections import Counter

from rich.console import RenderableType

from dgljoint._internal.text import plural
from dgljoint.evaluation.predicting import Predictions
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table

ROWS = 20
_NOTHING = "–"


def to_csv(found: Predictions) -> str:
    """Write a line a cascade (RFC 4180); what there is not is empty."""
    text = io.StringIO(newline="")
    columns = ("part", "cascade", "event", "label", "predicted", *(f"p_{n}" for n in found.classes),
               "posts", "observed_posts", "targets", "mrr", *["runs"] * (found.runs is not None))
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for row in found.rows():
        writer.writerow(
            {name: f"{x:.9g}" if isinstance(x, float) else x for name, x in row.items()}
        )
    return text.getvalue()


def tables(found: Predictions, *, shown: int) -> list[RenderableType]:
    """Lay out the first cascades, and how many are of each class.

    Args:
        found: what was said.
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
                row["part"], row["cascade"], row["label"] or _NOTHING, row["predicted"] or _NOTHING,
                _figure(p), f"{row['posts']:,}", f"{row['observed_posts']:,}", _figure(row["mrr"]),
                *(str(row[name]) for name in several),
            )
        parts.append(titled("predictions", made))
        if len(found) > shown:
            parts.append(f"… and {len(found) - shown:,} more: -o FILE writes them all")
    parts.append(parts_line(found))
    missing = [name for name in found.classes if name not in found.label_names]
    if missing and found.probability is not None:
        parts.append(f"never predicted, for no training cascade has it: {', '.join(missing)}")
    count = Counter(found.predicted or ())
    classes = ", ".join(f"{name} {count[name]:,}" for name in found.label_names)
    parts.append(
        f"{len(found):,} cascades: {classes}" if found.probability is not None
        else f"{len(found):,} cascades; the rumor task was not trained, and none is classified"
    )
    return parts


def parts_line(found: Predictions) -> str:
    """Say how many cascades the run was trained, selected or tested on, and how many are new."""
    counted = found.parts
    if found.runs is not None:
        return several_line(found)
    known = ", ".join(f"{count:,} {part}" for part, count in counted.items() if count)
    line = f"cascades by part of the run: {known or 'none'}"
    trained = counted["train"]
    return f"{line}; on {trained:,} of them it was trained" if trained else line


def several_line(found: Predictions) -> str:
    """Say how many runs each cascade's probabilities are the mean of, and what they know of it."""
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


def _figure(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"
