"""What a cell costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dgljoint_bench.results.records import CellRecord

CPU_SECONDS = "cpu_seconds"


@dataclass(frozen=True, slots=True)
class CostKind:
    """Something that a cell takes.

    Attributes:
        title: its name in print.
        of: gives it for a cell; ``None`` where it is not known.
    """

    title: str
    of: Callable[[CellRecord], float | None]


COSTS = {
    "trials": CostKind("trials", lambda cell: len(cell.trials) or None),
    "epochs": CostKind("epochs", lambda cell: cell.epochs or None),
    "seconds": CostKind("seconds", lambda cell: cell.seconds),
    CPU_SECONDS: CostKind("CPU seconds", lambda cell: cell.cpu_seconds),
    "peak_megabytes": CostKind("peak MB", lambda cell: cell.peak_megabytes),
    "parameters": CostKind("parameters", lambda cell: cell.parameters),
}
"""By short name, in the order they are shown."""
