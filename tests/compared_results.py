"""Results files as suites leave them, written without training."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dgljoint.evaluation.scores import MODEL
from dgljoint.runs.records import DONE, FAILED, Key, RunRecord
from dgljoint_bench.results.database import DataRecord, Results
from dgljoint_bench.suites.suite import Configuration, Suite, Table

SUITE = "small"


def key(configuration: str = "joint", fold: int = 0, seed: int = 0, data: str = "one") -> Key:
    return Key(SUITE, data, configuration, fold, seed)


def cell(
    configuration: str = "joint", fold: int = 0, seed: int = 0, *, data: str = "one",
    figures: Mapping[str, float] | None = None, rows: dict[str, dict[str, float]] | None = None,
    curve: Sequence[float] = (), config: dict[str, Any] | None = None, **changes: Any,
) -> RunRecord:
    """Make a cell that is done; a figure is 0.5 unless said."""
    found = {"accuracy": 0.5, "mrr": 0.5} if figures is None else dict(figures)
    made = RunRecord(
        key=key(configuration, fold, seed, data), digest="c", state=DONE,
        config={"fold": fold, "seed": seed, "data": "/data/x.h5",
                "cascade": {"observed_share": 0.75}, **(config or {})} if configuration else {},
        versions={"python": "3.11.7", "torch": "2.13.0"},
        figures=rows if rows is not None else {MODEL: found},
        curve=tuple({"score": score, "mrr": score / 2, "seconds": 1.0} for score in curve),
        seconds=10.0, cpu_seconds=8.0, peak_megabytes=500.0, tests_seen=0,
    )
    return replace(made, **changes)


def failed(
    configuration: str = "joint", fold: int = 0, seed: int = 0, **changes: Any
) -> RunRecord:
    return RunRecord(
        key=key(configuration, fold, seed), digest="c", state=FAILED, message="it broke",
        exit_code=1, **changes,
    )


def folds(
    values: Sequence[float], configuration: str = "joint", figure: str = "accuracy", **more: Any
) -> list[RunRecord]:
    """Make a cell a fold, each with its value of a figure."""
    return [
        cell(configuration, fold, figures={figure: value}, **more)
        for fold, value in enumerate(values)
    ]


def write_results(
    path: Path, cells: Iterable[RunRecord], *, deadlines: str = "",
    figures: Sequence[str] = ("accuracy", "mrr"),
    generated: Mapping[str, str] = MappingProxyType({}), **data: Any,
) -> Path:
    """Write a results file of one suite with the tables of its cells.

    Args:
        path: where.
        cells: of the suite.
        deadlines: of the suite.
        figures: of the suite.
        generated: data of some tables, ``synthetic:...``; the name of the table by default.
        data: changes to the description of every table.
    """
    found = list(cells)
    names = list(dict.fromkeys(one.key.data for one in found)) or ["one"]
    configurations = {one.key.configuration for one in found} - {""} or {"joint"}
    suite = Suite(
        name=SUITE, summary="a small one", deadlines=deadlines, figures=tuple(figures),
        tables=tuple(Table(data=generated.get(name, name), name=name) for name in names),
        configurations={name: Configuration() for name in sorted(configurations)},
    )
    tables = [
        DataRecord(**{
            "name": name, "data": name, "cascades": 40, "posts": 900, "digest": "d",
            "split": "event", "split_digest": "s", "kept_apart": "event", "ordered": False,
            "folds": len({one.key.fold for one in found}), **data,
        })
        for name in names
    ]
    with Results(path, create=True) as results:
        results.describe(SUITE, suite.model_dump(mode="json"), dict(enumerate(tables)))
        for one in found:
            results.record(one)
    return path


def write_speeds(
    path: Path, sections: Mapping[str, Mapping[str, float]], **changes: Any
) -> Path:
    """Write a speed file: median seconds by row, by section."""
    values = {
        "format": 1,
        "machine": {"processor": "a", "cores": 2},
        "versions": {"torch": "2.13.0"},
        "settings": {"rounds": 5, "batch": 128},
        "data": {"path": "/data/x.h5", "digest": "d", "cascades": 40},
        "sections": {
            name: {"rows": {
                row: {"median_seconds": seconds, "ratio": seconds / next(iter(rows.values())),
                      "seconds": [seconds]}
                for row, seconds in rows.items()
            }}
            for name, rows in sections.items()
        },
        "scaling": {},
        **changes,
    }
    path.write_text(json.dumps(values))
    return path
