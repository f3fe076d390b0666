"""The gate: what became worse by more than is tolerated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dgljoint._internal.text import plural
from dgljoint.errors import DataError, RegressionError
from dgljoint.evaluation.scores import MODEL
from dgljoint.runs.comparing import Comparison, Group
from dgljoint.runs.records import NO_MODEL
from dgljoint_bench.reporting.titles import COSTS, CPU_SECONDS, lower_is_better

TOLERANCE = 0.01
"""By how much the mean of a figure may fall."""


@dataclass(frozen=True, slots=True)
class Regression:
    """Something that became worse."""

    where: str  # table and configuration, section and row, or run
    what: str  # the figure, the time or the failure
    first: float | None = None  # of the reference; `None` for a failure
    second: float | None = None
    tolerated: str | None = None  # in words

    def __str__(self) -> str:
        if self.first is None or self.second is None:
            return f"{self.where}: {self.what}"
        return (
            f"{self.where}: {self.what} from {self.first:.4g} to {self.second:.4g}, "
            f"tolerated is {self.tolerated}"
        )


def regressions(
    found: Comparison, *, tolerance: float = TOLERANCE, time_tolerance: float | None = None
) -> list[Regression]:
    """Return what is worse in the second side.

    A figure is when its mean fell by more than ``tolerance`` and, from the number of pairs on that
    has an interval, the interval of the difference is below 0: what the choice of folds and seeds
    alone could bring about stops nothing. Of one that is better when lower it is a rise. A run
    that failed is worse in any case, and so is one that has lost a figure. Runs that the second
    side has not are not missed: it may have been run on fewer folds. ``time_tolerance`` is how many
    times the CPU seconds a configuration may take on a table, classifiers without a model apart.
    """
    several = len({group.suite for group in found.groups}) > 1
    worse = [Regression(one.cell, f"failed: {one.message}") for one in found.failures]
    for group in found.groups:
        where = f"{group.suite}: {group.title}" if several else group.title
        worse += _figures(group, where, tolerance)
        worse += (Regression(where, f"{_named(*one)} is gone") for one in group.lost)
        if time_tolerance is not None and group.configuration != NO_MODEL:
            worse += _time(group, where, time_tolerance)
    return worse


def refuse(found: Sequence[Regression]) -> None:
    """Raise what the command line ends with when there are regressions."""
    if found:
        count = plural(len(found), "regression")
        raise RegressionError("\n  ".join((f"{count}:", *map(str, found))))


def times(tolerance: float) -> str:
    """Write how many times as long something may take."""
    return f"{tolerance:g} times as long"


def _figures(group: Group, where: str, tolerance: float) -> Iterable[Regression]:
    for one in group.rows:
        made, lower = one.found, lower_is_better(one.metric)
        sign = -1 if lower else 1
        # A fall of 0.01 is not more than 0.01, whatever its last binary digits.
        fell = round(-sign * made.difference, 9) > tolerance
        by_chance = made.interval is not None and max(sign * end for end in made.interval) >= 0
        if fell and not by_chance:
            tolerated = f"a {'rise' if lower else 'fall'} of {tolerance:g}"
            what = _named(one.row, one.metric)
            yield Regression(where, what, made.first, made.second, tolerated)


def _named(row: str, figure: str) -> str:
    return figure if row == MODEL else f"{row}, {figure}"


def _time(group: Group, where: str, tolerance: float) -> Iterable[Regression]:
    cost = next((cost for cost in group.costs if cost.name == CPU_SECONDS), None)
    if cost is None or cost.ratio is None:
        raise DataError(
            f"{where}: CPU seconds are not known on both sides",
            hint="leave --time-tolerance out, or record the runs anew",
        )
    if cost.ratio > tolerance:
        yield Regression(where, COSTS[CPU_SECONDS].title, cost.first, cost.second, times(tolerance))
