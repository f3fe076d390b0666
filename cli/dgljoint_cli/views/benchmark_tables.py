"""Tables of suites and of their results in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from dgljoint.config.run_config import flat
from dgljoint_cli.views.rendering import Table, facts, titled

if TYPE_CHECKING:
    from dgljoint_bench.reporting.layout import Grid
    from dgljoint_bench.suites.suite import Suite

MARK = "marked *"
_NOTHING = "–"


def report_tables(grids: Iterable[Grid]) -> Iterator[RenderableType]:
    """Show the tables of a report, what must be known to read each above and below it."""
    for grid in grids:
        yield Text(grid.title, style="bold")
        yield Text(f"{grid.caption}.", style="dim")
        if grid.columns:
            made = Table("", *grid.columns, numbers=True)
            for block in grid.blocks:
                for name, entries in block:
                    made.add_row(name, *(
                        Text(f"{entry.text} *", style="bold") if entry.bold else entry.text
                        for entry in entries
                    ))
            yield made
        yield from (f"{note}." for note in grid.notes)
        yield ""


def suites_table(suites: Iterable[Suite]) -> RenderableType:
    """Show suites, one per row."""
    made = Table(
        "name", "tables", "configurations", "seeds", "trials", "runs per fold", "summary",
        prose=["summary"],
    )
    for column in made.columns[1:-1]:
        column.justify = "right"
    for suite in suites:
        size = size_of(suite)
        made.add_row(suite.name, *map(str, size.values()), suite.summary)
    return made


def size_of(suite: Suite) -> dict[str, int]:
    """Return how large a suite is."""
    rows = sum(len(suite.rows_of(table)) for table in suite.tables)
    return {
        "tables": len(suite.tables), "configurations": len(suite.configurations),
        "seeds": len(suite.seeds), "trials": len(suite.trials),
        "cells_per_fold": rows * len(suite.seeds),
    }


def suite_tables(suite: Suite) -> list[RenderableType]:
    """Show one suite."""
    values = {
        "summary": suite.summary, "seeds": ", ".join(map(str, suite.seeds)),
        "figures": ", ".join(suite.figures), "reference": suite.reference or _NOTHING,
        "noise floor": suite.noise_floor or _NOTHING, "deadlines": suite.deadlines or _NOTHING,
        "settings": _settings(suite.settings),
        "runs per fold": str(size_of(suite)["cells_per_fold"]),
    }
    tables = Table(
        "table", "data", "split", "folds", "tested on", "settings", "without",
        prose=["table", "tested on", "settings", "without"],
    )
    for one in suite.tables:
        folds = one.folds if one.folds == "all" else ", ".join(map(str, one.folds))
        tables.add_row(
            one.title, one.data, one.split, folds, one.test_on or "test set",
            _settings(one.settings), ", ".join(one.without) or _NOTHING,
        )
    rows = Table(
        "configuration", "preset", "settings", "own trials",
        prose=["configuration", "settings", "own trials"],
    )
    for name, made in suite.configurations.items():
        own = "; ".join(map(_settings, made.trials)) or _NOTHING
        rows.add_row(name, made.preset or _NOTHING, _settings(made.settings), own)
    trials = Table("trial", "settings", prose=["settings"])
    for number, settings in enumerate(suite.trials):
        trials.add_row(str(number), _settings(settings))
    parts = [
        titled(suite.name, facts(values)), titled("tables", tables),
        titled("configurations", rows), titled("trials", trials),
    ]
    return [*parts, *_published(suite)]


def _published(suite: Suite) -> Iterator[RenderableType]:
    if not suite.published:
        return
    made = Table(
        "table", "method", "figures", "protocol", "source",
        prose=["table", "method", "figures", "protocol", "source"],
    )
    for one in suite.published:
        figures = ", ".join(f"{name} {value:g}" for name, value in one.figures.items())
        made.add_row(one.table, one.method, figures, one.protocol, one.source)
    yield titled("published", made)


def _settings(settings: Mapping[str, Any]) -> str:
    shown = (f"{name}={_plain(value)}" for name, value in flat(settings).items())
    return ", ".join(shown) or _NOTHING


def _plain(value: object) -> str:
    return " + ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
