"""The table of early detection."""

from __future__ import annotations

from rich.console import RenderableType

from dgljoint.evaluation.scores import EarlyDetection
from dgljoint.runs.protocol import Protocol
from dgljoint.words import plural
from dgljoint_cli.rendering import table, titled
from dgljoint_cli.scores import figure, interval, scored_place


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
    made = table(
        "seen until", "posts, mean", "median", "beyond source", "accuracy", level, "macro F1",
        level, "majority", numbers=True,
    )
    for row in found.deadlines:
        ends = row.intervals.figures if row.intervals is not None else {}
        made.add_row(
            row.deadline if row.posts is None else plural(row.posts, "post"),
            f"{row.posts_mean:,.1f}",
            f"{row.posts_median:,.1f}",
            f"{row.beyond_source:.0%}",
            figure(row.rumor.accuracy),
            interval(ends.get("accuracy")),
            figure(row.rumor.macro_f1),
            interval(ends.get("macro_f1")),
            figure(row.rumor.majority),
        )
    where = scored_place(found.part, protocol, on)
    title = f"early rumor detection, {found.cascades:,} cascades · {where}"
    parts: list[RenderableType] = [titled(title, made)]
    if found.untimed:
        parts.append(
            f"{found.untimed:,} of the cascades have no times: until the end their source alone "
            "is seen"
        )
    return parts
