"""Predictions as CSV and as tables."""

from __future__ import annotations

import csv
import io
from collections import Counter

from rich.console import RenderableType

from dgljoint._internal.tables import NOTHING, figure
from dgljoint._internal.text import plural
from dgljoint.evaluation.predicting import Predictions
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table

ROWS = 20


def to_csv(found: Predictions) -> str:
    """Write one line per cascade (RFC 4180); missing values are empty."""
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
