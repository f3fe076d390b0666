"""A report as plain values: rows of CSV, and JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from io import StringIO
from typing import Any

from dgljoint.training.study_summary import Spread
from dgljoint_bench.reporting.report import SuiteReport, TableReport
from dgljoint_bench.reporting.rows import CONFIGURATION, Progress, Row

CSV_COLUMNS = (
    "suite", "table", "kind", "row", "figure", "mean", "sd", "n", "asked", "bold", "reference",
    "pairs", "difference", "difference_sd", "low", "high", "p", "p_holm", "p_worse", "p_equal",
    "p_better", "data", "protocol", "published_protocol", "source",
)
"""One line a row and figure; costs are figures of the kind ``cost``."""


def to_csv(reports: Iterable[SuiteReport]) -> str:
    """Write all figures and costs in full precision, a line each."""
    file = StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for report in reports:
        for table in report.tables:
            same = {
                "suite": table.suite, "table": table.name, "data": table.record.data,
                "protocol": table.record.protocol,
            }
            writer.writerows(same | line for line in _lines(table))
    return file.getvalue()


def to_values(reports: Iterable[SuiteReport]) -> dict[str, Any]:
    """Return a report as plain values, ready for JSON."""
    return {
        "suites": [
            {
                "name": report.suite.name,
                "summary": report.suite.summary,
                "tables": [_table(table) for table in report.tables],
                "not_run": list(report.not_run),
                "ranks": [asdict(one) for one in report.ranks],
            }
            for report in reports
        ]
    }


def _lines(table: TableReport) -> Iterator[dict[str, Any]]:
    beside = {(one.configuration, one.figure): one for one in table.beside}
    for row in table.cells.rows:
        for figure in (name for name in table.shown if name in row.figures):
            line = {
                "kind": row.kind, "row": row.name, "figure": figure,
                "bold": int(table.is_best(row, figure)), "published_protocol": row.protocol,
                "source": row.source, "asked": row.asked or None,
                **_spread(row.figures[figure]),
            }
            one = beside.get((row.name, figure)) if row.kind == CONFIGURATION else None
            if one is not None:
                low, high = one.found.interval or (None, None)
                chances = one.posterior
                line |= {
                    "reference": table.reference, "pairs": one.pairs,
                    "difference": one.found.difference, "difference_sd": one.found.sd,
                    "low": low, "high": high, "p": one.found.p, "p_holm": one.p,
                    "p_worse": chances and chances.worse, "p_equal": chances and chances.equal,
                    "p_better": chances and chances.better,
                }
            yield line
    for progress in table.cells.progress:
        for name, cost in progress.costs.items():
            yield {
                "kind": "cost", "row": progress.name, "figure": name, "asked": progress.asked,
                **_spread(cost),
            }


def _table(table: TableReport) -> dict[str, Any]:
    cells = table.cells
    return {
        "name": table.name,
        "data": asdict(table.record) | {"protocol": table.record.protocol},
        "folds": cells.folds,
        "seeds": cells.seeds,
        "figures": table.figures,
        "deadlines": table.deadlines,
        "rows": [_row(table, row) for row in cells.rows],
        "cells": [_progress(one) for one in cells.progress],
        "stray": cells.stray,
        "reference": table.reference or None,
        "differences": [asdict(one) for one in table.beside],
        "best": {name: asdict(one) for name, one in table.best.items()},
    }


def _row(table: TableReport, row: Row) -> dict[str, Any]:
    shown = [name for name in table.shown if name in row.figures]
    return {
        "name": row.name,
        "kind": row.kind,
        "asked": row.asked or None,
        "figures": {
            name: _spread(row.figures[name]) | {
                "bold": table.is_best(row, name),
                "values": [
                    {"fold": fold, "seed": seed, "value": value}
                    for (fold, seed), value in row.values.get(name, {}).items()
                ],
            }
            for name in shown
        },
        "protocol": row.protocol or None,
        "source": row.source or None,
    }


def _progress(one: Progress) -> dict[str, Any]:
    costs = {name: _spread(cost) for name, cost in one.costs.items()}
    return asdict(one) | {"missing": one.missing, "costs": costs}


def _spread(found: Spread) -> dict[str, Any]:
    """Say nothing of the number of what was published: it is one of others' cells."""
    return {"mean": found.mean, "sd": found.sd, "n": found.n or None}

