"""Results files made up for tests: no cell of them was ever trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dgljoint.evaluation.scores import MODEL
from dgljoint.runs.records import DONE, FAILED, NO_MODEL, Key, RunRecord, Trial
from dgljoint_bench.results.database import DataRecord, Results
from dgljoint_bench.suites.suite import Suite

Figures = Mapping[str, float]


def suite(name: str = "made", **changes: Any) -> Suite:
    """Describe two configurations on five folds of one table."""
    values: dict[str, Any] = {
        "name": name,
        "summary": "made up",
        "tables": [{"data": "small", "folds": [0, 1, 2, 3, 4]}],
        "reference": "plain",
        "figures": ["accuracy"],
        "configurations": {"plain": {}, "joint": {}},
    }
    return Suite.model_validate(values | changes)


def data(name: str = "small", **changes: Any) -> DataRecord:
    values: dict[str, Any] = {
        "name": name, "data": "small", "cascades": 1200, "posts": 34567, "digest": "d" * 8,
        "split": "event", "split_digest": "e" * 8, "kept_apart": "event", "ordered": False,
        "folds": 5,
    }
    return DataRecord(**values | changes)


def cell(
    configuration: str, fold: int = 0, seed: int = 0, *, table: str = "small",
    of: str = "made", guesses: Mapping[str, Figures] | None = None, **figures: float,
) -> RunRecord:
    """Make a cell whose model has some figures; with ``None`` it is one without a model."""
    model = {MODEL: dict(figures)} if figures else {}
    return RunRecord(
        key=Key(of, table, configuration, fold, seed),
        digest=f"{configuration}-{fold}-{seed}",
        state=DONE,
        figures={**model, **{name: dict(row) for name, row in (guesses or {}).items()}},
        trials=() if configuration == NO_MODEL else (Trial({}, 0.5, 10, chosen=True),),
        seconds=20.0,
        cpu_seconds=15.0,
        peak_megabytes=400.0,
        parameters=None if configuration == NO_MODEL else 1234,
        tests_seen=0,
    )


def failed(
    configuration: str, fold: int = 0, seed: int = 0, *, table: str = "small", of: str = "made",
    message: str = "a loss is not finite",
) -> RunRecord:
    return RunRecord(
        Key(of, table, configuration, fold, seed), "f", FAILED, message=message, exit_code=5
    )


def row(configuration: str, values: Iterable[float], figure: str = "accuracy") -> list[RunRecord]:
    """Make a cell a fold."""
    return [cell(configuration, fold, **{figure: value}) for fold, value in enumerate(values)]


def write(
    path: Path, cells: Sequence[RunRecord], of: Suite | None = None,
    records: Sequence[DataRecord] = (data(),),
) -> Path:
    """Write a suite and its cells into a results file."""
    described = of or suite()
    with Results(path, create=True) as results:
        places = dict(enumerate(records))
        results.describe(described.name, described.model_dump(mode="json"), places)
        for one in cells:
            results.record(one)
    return path
