"""Compare two results files or two configurations, by :mod:`dgljoint.runs.comparing`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgljoint._internal.text import did_you_mean
from dgljoint.errors import UsageError
from dgljoint.runs.comparing import Comparison, Side, compare, pair
from dgljoint.runs.records import NO_MODEL, Key
from dgljoint_bench.reporting.report import held_suites
from dgljoint_bench.results.database import DataRecord, Results
from dgljoint_bench.suites.suite import Suite

_HINT = "run the suite again on the same data, or choose other tables: --table NAME"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the results is compared; empty for all of it."""

    suites: Collection[str] = ()
    tables: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class ResultsSide:
    """A results file as a side, with its suites and tables."""

    side: Side
    suites: dict[str, Suite]
    tables: dict[str, dict[str, DataRecord]]


def read_side(path: Path, scope: Scope) -> ResultsSide:
    """Read a results file."""
    with Results(path) as results:
        held = held_suites(results)
        _known(scope.suites, held, f"{path} has no suite")
        suites = {name: one for name, one in held.items() if name in (scope.suites or held)}
        tables = {name: results.data(name) for name in suites}
        titles = {title for of_suite in tables.values() for title in of_suite}
        _known(scope.tables, titles, f"{path} has no table")
        records = {
            one.key: one for name in suites for one in results.cells(name)
            if one.key.data in (scope.tables or titles)
        }
    side = Side(
        str(path), records,
        asked={key: _asked(tables[key.suite][key.data], suites[key.suite]) for key in records},
        shown={name: suite.figures for name, suite in suites.items()},
        cautions={
            (name, title): record.caution
            for name, of_suite in tables.items() for title, record in of_suite.items()
        },
    )
    return ResultsSide(side, suites, tables)


def _known(wanted: Iterable[str], known: Collection[str], message: str) -> None:
    for name in wanted:
        if name not in known:
            raise UsageError(f"{message} '{name}'", hint=did_you_mean(name, known))


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


def compare_files(
    first: Path, second: Path, scope: Scope, figures: Collection[str] = ()
) -> Comparison:
    """Compare two results files: runs are paired by suite, table, configuration, fold and seed."""
    one, other = (read_side(path, scope).side for path in (first, second))
    pairs, notes = pair(one, other, hint=_HINT)
    return compare(one, other, pairs, metrics=figures, notes=notes)


def compare_configurations(
    first: str, second: str, results: Path, scope: Scope, figures: Collection[str] = ()
) -> Comparison:
    """Compare two configurations of one file: runs are paired by suite, table, fold and seed."""
    whole = read_side(results, scope).side
    one, other = (of_configuration(whole, name) for name in (first, second))
    pairs, notes = pair(one, other, hint=_HINT, by=_without_configuration)
    return compare(one, other, pairs, metrics=figures, notes=notes)


def _without_configuration(key: Key) -> Key:
    return replace(key, configuration=NO_MODEL)
