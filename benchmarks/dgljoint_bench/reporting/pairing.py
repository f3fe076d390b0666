"""The cells of two results files, or of two configurations of one, pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from dgljoint._internal.text import did_you_mean, plural
from dgljoint.errors import DataError, UsageError
from dgljoint_bench.reporting.report import held_suites
from dgljoint_bench.results.database import Results
from dgljoint_bench.results.records import NO_MODEL, CellRecord, DataRecord, Key
from dgljoint_bench.suites.suite import Suite

_ASKED = {
    "digest": "data digest", "split_digest": "split digest", "test_on": "tested on",
    "test_digest": "digest of what is tested on",
}
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the results is looked at; empty for all of it.

    Attributes:
        suites: their names.
        tables: their names.
    """

    suites: Collection[str] = ()
    tables: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: of the file or of the configuration.
        suites: definition of each suite, by name.
        tables: by name of the suite, then of the table.
        cells: by key.
    """

    name: str
    suites: dict[str, Suite]
    tables: dict[str, dict[str, DataRecord]]
    cells: dict[Key, CellRecord]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cells that were asked the same: the reference's, and the one it is compared with."""

    first: CellRecord
    second: CellRecord


def read_side(path: Path, scope: Scope) -> Side:
    """Read a results file.

    Args:
        path: of the file.
        scope: what of it is looked at.

    Raises:
        UsageError: it has no suite or table of that name.
        DataError: it is no results file.
    """
    with Results(path) as results:
        held = held_suites(results)
        _known(scope.suites, held, f"{path} has no suite")
        suites = {name: one for name, one in held.items() if name in (scope.suites or held)}
        tables = {name: results.data(name) for name in suites}
        titles = {title for of_suite in tables.values() for title in of_suite}
        _known(scope.tables, titles, f"{path} has no table")
        cells = {
            cell.key: cell for name in suites for cell in results.cells(name)
            if cell.key.data in (scope.tables or titles)
        }
    return Side(str(path), suites, tables, cells)


def _known(wanted: Iterable[str], known: Collection[str], message: str) -> None:
    for name in wanted:
        if name not in known:
            raise UsageError(f"{message} '{name}'", hint=did_you_mean(name, known))


def of_configuration(side: Side, name: str) -> Side:
    """Return what a side holds of one configuration.

    Raises:
        UsageError: there is none of that name.
    """
    known = {key.configuration for key in side.cells} - {NO_MODEL}
    if name not in known:
        raise UsageError(
            f"there is no file '{name}', and {side.name} has no configuration of that name",
            hint=did_you_mean(name, known),
        )
    cells = {key: cell for key, cell in side.cells.items() if key.configuration == name}
    return replace(side, name=name, cells=cells)


def pairs_of_files(first: Side, second: Side) -> tuple[list[Pair], list[str]]:
    """Pair cells by suite, table, configuration, fold and seed.

    Returns:
        The pairs, and notes on the cells without a counterpart.

    Raises:
        DataError: there is no pair, or the two were not asked the same.
    """
    found = _paired(first, second, lambda key: key)
    for suite, table in dict.fromkeys((p.first.key.suite, p.first.key.data) for p in found[0]):
        _check_asked(first, second, suite, table)
    return found


def pairs_of_configurations(first: Side, second: Side) -> tuple[list[Pair], list[str]]:
    """Pair the cells of two configurations of one file by suite, table, fold and seed.

    Returns:
        The pairs, and notes on the cells without a counterpart.

    Raises:
        DataError: there is no pair, or the two were not asked the same.
    """
    return _paired(first, second, lambda key: replace(key, configuration=NO_MODEL))


def _paired(
    first: Side, second: Side, by: Callable[[Key], Key]
) -> tuple[list[Pair], list[str]]:
    ours = {by(key): cell for key, cell in first.cells.items()}
    theirs = {by(key): cell for key, cell in second.cells.items()}
    pairs = [Pair(cell, theirs[key]) for key, cell in ours.items() if key in theirs]
    if not pairs:
        raise DataError(
            f"{first.name} and {second.name} have no cell in common: {_held(first)}; "
            f"{_held(second)}",
            hint="run the same suite, tables, folds and seeds for both",
        )
    for pair in pairs:
        _check_observed(pair)
    notes = []
    for side, cells, rest in ((first, ours, theirs), (second, theirs, ours)):
        if alone := [cell.key for key, cell in cells.items() if key not in rest]:
            count = plural(len(alone), "cell")
            notes.append(f"{side.name}: {count} without a counterpart: {named(alone)}")
    return pairs, notes


def named(keys: Collection[Key]) -> str:
    """Name cells, the first few of many."""
    several = len({key.suite for key in keys}) > 1
    shown = [f"{key.suite}: {key}" if several else str(key) for key in keys][:_MOST_NAMED]
    more = len(keys) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else [])])


def _held(side: Side) -> str:
    if not side.cells:
        return f"{side.name} holds none"
    keys = side.cells
    return f"{side.name} holds {plural(len(keys), 'cell')} of " + "; ".join(
        f"suite {suite}, tables {', '.join(_once(key.data for key in keys if key.suite == suite))}"
        for suite in _once(key.suite for key in keys)
    )


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _check_asked(first: Side, second: Side, suite: str, table: str) -> None:
    mine, theirs = (side.tables[suite][table] for side in (first, second))
    asked = [(what, getattr(mine, name), getattr(theirs, name)) for name, what in _ASKED.items()]
    before, after = (side.suites[suite].deadlines for side in (first, second))
    if _set_of(before) != _set_of(after):
        asked.append(("deadlines", before or "none", after or "none"))
    differ = [f"{what} {one} and {other}" for what, one, other in asked if one != other]
    if differ:
        raise DataError(
            f"{first.name} and {second.name} were not asked the same of {table} (suite {suite}): "
            f"{'; '.join(differ)}",
            hint="run the suite again on the same data, or choose other tables: --table NAME",
        )


def _set_of(deadlines: str) -> set[str]:
    return {text.strip() for text in deadlines.split(",")}


def _check_observed(pair: Pair) -> None:
    one, other = (cell.config.get("cascade", {}) for cell in (pair.first, pair.second))
    # A cell that failed, or that trains no model, has no configuration.
    if one and other and one["observed_share"] != other["observed_share"]:
        raise DataError(
            f"{pair.first.key} and {pair.second.key} were not asked the same: "
            f"cascade.observed_share {one['observed_share']} and {other['observed_share']}",
            hint="which posts are link targets must be the same for both",
        )
