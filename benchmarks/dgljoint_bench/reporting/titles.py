"""What metrics and costs are called, and which way metrics are better."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dgljoint._internal.text import did_you_mean
from dgljoint.errors import UsageError
from dgljoint.evaluation.scores import TITLES
from dgljoint.runs.records import RunRecord
from dgljoint.runs.summary import FIGURES

CPU_SECONDS = "cpu_seconds"

_TITLES = {**TITLES, **FIGURES}
_LOWER = ("ece",)


@dataclass(frozen=True, slots=True)
class CostKind:
    """Something that a cell costs: its name in print, and what returns it where it is known."""

    title: str
    of: Callable[[RunRecord], float | None]


COSTS = {
    "trials": CostKind("trials", lambda cell: len(cell.trials) or None),
    "epochs": CostKind("epochs", lambda cell: cell.epochs or None),
    "seconds": CostKind("seconds", lambda cell: cell.seconds),
    CPU_SECONDS: CostKind("CPU seconds", lambda cell: cell.cpu_seconds),
    "peak_megabytes": CostKind("peak MB", lambda cell: cell.peak_megabytes),
    "parameters": CostKind("parameters", lambda cell: cell.parameters),
}
"""By short name, in the order they are shown."""


def title_of(metric: str) -> str:
    """Return the name of a metric in print, with its deadline."""
    name, _, deadline = metric.partition("@")
    return _TITLES.get(name, name) + (f", {deadline_title(deadline)}" if deadline else "")


def deadline_title(deadline: str) -> str:
    """Return how much of a cascade is observed until a deadline, in words."""
    from dgljoint.data.observation import EVERYTHING  # which opens stores

    if deadline == EVERYTHING:
        return "whole cascade"
    if deadline.endswith("p"):
        return f"first {deadline.removesuffix('p')} posts"
    return "source alone" if deadline == "0" else f"within {deadline}"


def lower_is_better(metric: str) -> bool:
    """Return whether a small value of a metric is the better one."""
    return metric.partition("@")[0] in _LOWER


def check_figures(names: Iterable[str]) -> None:
    """Refuse a name that no metric has."""
    for name in names:
        if name.partition("@")[0] not in _TITLES:
            raise UsageError(f"there is no figure '{name}'", hint=did_you_mean(name, _TITLES))


def in_order(deadlines: Iterable[str], wanted: str) -> list[str]:
    """Sort deadlines as the suite has them (with commas between them); others follow by name."""
    from dgljoint.data.observation import parse_deadlines

    known = [one.text for one in parse_deadlines(wanted)] if wanted else []
    return sorted(
        deadlines,
        key=lambda name: (known.index(name) if name in known else len(known), name),
    )
