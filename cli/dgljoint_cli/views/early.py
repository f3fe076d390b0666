"""The table of early detection."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from dgljoint._internal.text import plural
from dgljoint.evaluation.figures import TITLES
from dgljoint.evaluation.scores import DeadlineScores, EarlyDetection
from dgljoint.evaluation.verdicts import rumor_verdicts
from dgljoint.runs.protocol import Protocol
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.scores import figure, interval, marked, scored_place
from dgljoint_cli.views.table import Table


def early_table(
    found: EarlyDetection, protocol: Protocol, on: str | None = None
) -> list[RenderableType]:
    """Lay out the figures, a row a deadline, and say what must be known to read them.

    Args:
        found: by deadline.
        protocol: of the run.
        on: name of the data that were scored instead of a part of the run's own.
    """
    level = next((f"{row.intervals.level:.0%}" for row in found.deadlines if row.intervals), "")
    made = Table(
        "seen until", "posts, mean", "median", "beyond source", "accuracy", level, "macro F1",
        level, "majority", numbers=True,
    )
    for row in found.deadlines:
        beside = rumor_verdicts(row.rumor)
        ends = row.intervals.figures if row.intervals is not None else {}
        made.add_row(
            _name(row),
            f"{row.posts_mean:,.1f}",
            f"{row.posts_median:,.1f}",
            f"{row.beyond_source:.0%}",
            marked(row.rumor.accuracy, beside["accuracy"]),
            interval(ends.get("accuracy")),
            marked(row.rumor.macro_f1, beside["macro_f1"]),
            interval(ends.get("macro_f1")),
            figure(row.rumor.majority),
        )
    where = scored_place(found.part, protocol, on)
    title = f"early rumor detection, {plural(found.cascades, 'cascade')} · {where}"
    parts: list[RenderableType] = [titled(title, made, _verdict(found.deadlines))]
    if found.untimed:
        parts.append(
            f"{found.untimed:,} of the cascades have no times: until the end their source alone "
            "is seen"
        )
    return parts + [f"note: {note}" for note in found.notes]


def _name(row: DeadlineScores) -> str:
    return row.deadline if row.posts is None else plural(row.posts, "post")


def _verdict(rows: Sequence[DeadlineScores]) -> str:
    """Say at which deadlines the model beats the majority guess."""
    beaten = {
        metric: [_name(row) for row in rows if rumor_verdicts(row.rumor)[metric].beats]
        for metric in ("accuracy", "macro_f1")
    }
    where = ", ".join(
        f"in {TITLES[metric]} at {' and '.join(names) if len(names) < len(rows) else 'all'}"
        for metric, names in beaten.items() if names
    )
    if not where:
        return "the model beats the best trivial baseline, the majority guess, at no deadline"
    return f"the model beats the best trivial baseline, the majority guess, {where}"
