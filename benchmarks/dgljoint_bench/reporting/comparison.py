"""Compare two results files or two configurations, by :mod:`dgljoint.runs.comparing`; the gate."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgljoint._internal.text import did_you_mean, plural
from dgljoint.errors import DataError, RegressionError, UsageError
from dgljoint.evaluation.scores import MODEL
from dgljoint.runs.comparing import Comparison, Group, Side, compare, pair
from dgljoint.runs.records import NO_MODEL, Key
from dgljoint_bench.reporting.report import held_suites
from dgljoint_bench.reporting.titles import COSTS, CPU_SECONDS, lower_is_better
from dgljoint_bench.results.database import DataRecord, Results
from dgljoint_bench.suites.names import check_known
from dgljoint_bench.suites.suite import Suite

_HINT = "run the suite again on the same data, or choose other tables: --table NAME"


@dataclass(frozen=True, slots=True)
class ResultsSide:
    """A results file as a side, with its suites and tables."""

    side: Side
    suites: dict[str, Suite]
    tables: dict[str, dict[str, DataRecord]]


def read_side(
    path: Path, suites: Collection[str] = (), tables: Collection[str] = ()
) -> ResultsSide:
    """Read a results file: these suites and tables, or all of it."""
    with Results(path) as results:
        held = held_suites(results)
        check_known(suites, held, f"{path} has no suite")
        chosen = {name: one for name, one in held.items() if name in (suites or held)}
        data = {name: results.data(name) for name in chosen}
        titles = {title for of_suite in data.values() for title in of_suite}
        check_known(tables, titles, f"{path} has no table")
        records = {
            one.key: one for name in chosen for one in results.cells(name)
            if one.key.data in (tables or titles)
        }
    side = Side(
        str(path), records,
        asked={key: _asked(data[key.suite][key.data], chosen[key.suite]) for key in records},
        shown={name: suite.figures for name, suite in chosen.items()},
        cautions={
            (name, title): record.caution
            for name, of_suite in data.items() for title, record in of_suite.items()
        },
    )
    return ResultsSide(side, chosen, data)


def _asked(record: DataRecord, suite: Suite) -> dict[str, Any]:
    deadlines = sorted({text.strip() for text in suite.deadlines.split(",")} - {""})
    return {
        "data digest": record.digest, "split digest": record.split_digest,
        "tested on": record.test_on, "digest of what is tested on": record.test_digest,
        "deadlines": ",".join(deadlines) or "none",
    }


def of_configuration(side: Side, name: str) -> Side:
    """Return what a side holds of one configuration."""
    known = {key.configuration for key in side.records} - {NO_MODEL}
    if name not in known:
        raise UsageError(
            f"there is no file '{name}', and {side.name} has no configuration of that name",
            hint=did_you_mean(name, known),
        )
    records = {key: one for key, one in side.records.items() if key.configuration == name}
    return replace(side, name=name, records=records)


def compare_files(one: Side, other: Side, figures: Collection[str] = ()) -> Comparison:
    """Compare results files: runs are paired by suite, table, configuration, fold and seed."""
    pairs, notes = pair(one, other, hint=_HINT)
    return compare(one, other, pairs, metrics=figures, notes=notes)


def compare_configurations(
    whole: Side, first: str, second: str, figures: Collection[str] = ()
) -> Comparison:
    """Compare two configurations of a file: runs are paired by suite, table, fold and seed."""
    one, other = (of_configuration(whole, name) for name in (first, second))
    pairs, notes = pair(one, other, hint=_HINT, by=_without_configuration)
    return compare(one, other, pairs, metrics=figures, notes=notes)


def _without_configuration(key: Key) -> Key:
    return replace(key, configuration=NO_MODEL)


# The gate: what became worse by more than is tolerated.

TOLERANCE = 0.01  # by how much the mean of a figure may fall


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
    found: Comparison, tolerance: float = TOLERANCE, time_tolerance: float | None = None
) -> list[Regression]:
    """Return what is worse in the second side.

    A metric is when its mean became worse by more than ``tolerance`` and the interval of the
    difference, where there is one, is on the same side of 0. A run that failed is worse in any
    case, and so is one that has lost a metric; one that the second side has not is not missed.
    ``time_tolerance`` is how many times the CPU seconds a configuration may take on a table.
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
        tolerated = f"{tolerance:g} times as long"
        yield Regression(where, COSTS[CPU_SECONDS].title, cost.first, cost.second, tolerated)
