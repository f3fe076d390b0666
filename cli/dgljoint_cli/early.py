"""The table of early detection."""

from __future__ import annotations

from rich.console import RenderableType

from dgljoint.evaluation.scores import EarlyDetection
from dgljoint.runs.protocol import Protocol
from dgljoint_cli.rendering import table, titled
from dgljoint_cli.scores import figure, interval


def early_table(found: EarlyDetection, protocol: Protocol) -> list[RenderableType]:
    """Lay out the figures, a row a deadline, and say what must be known to read them."""
    level = next((f"{row.intervals.level:.0%}" for row in found.deadlines if row.intervals), "")
    made = table(
        "seen until", "posts, mean", "median", "beyond source", "accuracy", level, "macro F1",
        level, "majority", numbers=True,
    )
    for row in found.deadlines:
        ends = row.intervals.figures if row.intervals is not None else {}
        made.add_row(
            row.deadline if row.posts is None else f"{row.posts:,} post{'s' * (row.posts != 1)}",
            f"{row.posts_mean:,.1f}",
            f"{row.posts_median:,.1f}",
            f"{row.beyond_source:.0%}",
            figure(row.rumor.accuracy),
            interval(ends.get("accuracy")),
            figure(row.rumor.macro_f1),
            interval(ends.get("macro_f1")),
            figure(row.rumor.majority),
        )
    title = (
        f"early rumor detection, {found.cascades:,} cascades · {found.part} part of {protocol}"
    )
    parts: list[RenderableType] = [titled(title, made)]
    if found.untimed:
        parts.append(
            f"{found.untimed:,} of the cascades have no times: until the end their source alone "
            "is seen"
        )
    return parts
