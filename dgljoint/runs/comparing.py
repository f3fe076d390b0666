"""Runs beside one another: which are paired, whether they may be, and what they differ by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dgljoint.config.run_config import RunConfig
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.comparison import (
    Difference,
    Outcomes,
    cascade_intervals,
    compare_pairs,
    holm,
)
from dgljoint.runs.comparable import check_comparable, differing_settings
from dgljoint.runs.listing import find_runs
from dgljoint.runs.near import no_run
from dgljoint.runs.predictions import SaidOfPart, read_predictions
from dgljoint.runs.protocol import Protocol, recorded_protocol
from dgljoint.runs.stored import StoredRun

METRICS = ("accuracy", "macro_f1", "mrr", "mrr_not_source", "hits1")
"""The figures compared unless others are asked for."""

PAIRS = "pairs"
CASCADES = "cascades"
NOTHING = "nothing"

Cell = tuple[int, int]
_BY_CELL = {"fold", "seed", "data"}
_HINT = "compare runs of the same data, split, folds and cascade.observed_share"


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of one side beside the reference's.

    Attributes:
        metric: its short name.
        found: the figures; the reference is the first side.
        holm: ``found.p`` corrected for all that are in the comparison.
    """

    metric: str
    found: Difference
    holm: float | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """One side beside the reference.

    Attributes:
        name: of the side, as it was given.
        cells: (fold, seed) of the pairs; a run alone beside a run alone of another seed is a pair.
        basis: what intervals are resampled from: ``pairs``, ``cascades`` of the one pair, or
            ``nothing`` where neither is there.
        rows: by metric, of those that both sides have.
        settings: those that differ, the reference's value first.
    """

    name: str
    cells: tuple[Cell, ...]
    basis: str
    rows: tuple[Compared, ...]
    settings: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class RunComparison:
    """What :func:`compare_runs` found.

    Attributes:
        reference: name of the side that the others are compared with.
        protocol: how the data are cut; the fold is that of the first pair.
        sides: the others.
        notes: what was left out.
    """

    reference: str
    protocol: Protocol
    sides: tuple[Beside, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Side:
    """A run, or the runs of a folder that differ in fold and seed alone."""

    name: str
    runs: dict[Cell, StoredRun]
    config: RunConfig


def compare_runs(paths: Sequence[Path], metrics: Sequence[str] = METRICS) -> RunComparison:
    """Compare finished runs on their test parts, paired by fold and seed.

    With several pairs, the differences are resampled pair by pair and tested, and the p-values of
    all rows are corrected together. With one pair that wrote ``predictions.csv``, its cascades are
    resampled.

    Args:
        paths: run folders, or folders of the runs of one study; the first is the reference.
        metrics: short names of figures, of
            :data:`~dgljoint.evaluation.scores.TITLES`.

    Raises:
        UsageError: fewer than two are named, or a folder holds runs that are not of one study.
        DataError: a run cannot be read or has not ended, or two were not tested on the same
            questions.
    """
    if len(paths) < 2:
        raise UsageError("there is nothing to compare with", hint="name two runs or more")
    notes: list[str] = []
    first, *others = (_gather(path, notes) for path in paths)
    sides = tuple(_beside(first, other, metrics, notes) for other in others)
    (fold, _) = sides[0].cells[0]
    some = next(run for cell, run in first.runs.items() if cell[0] == fold)
    return RunComparison(
        reference=first.name,
        protocol=recorded_protocol(some.config(), some.manifest()),
        sides=_corrected(sides),
        notes=tuple(notes),
    )


def _gather(path: Path, notes: list[str]) -> _Side:
    found = list(find_runs(path)) if path.is_dir() else [path]
    if not found:
        raise no_run(path)
    runs: dict[Cell, StoredRun] = {}
    config: RunConfig | None = None
    for folder in found:
        run = StoredRun(folder)
        if len(found) > 1 and not run.finished:
            notes.append(f"{folder} is left out: its run has not ended")
            continue
        run.figures()  # what cannot be read is refused before anything is compared
        own = run.config()
        cell = (own.fold, own.seed)
        if cell in runs:
            raise UsageError(
                f"{path} holds two runs of fold {own.fold} and seed {own.seed}: "
                f"{runs[cell].path.name} and {folder.name}",
                hint="name the folder of one study, or single runs",
            )
        config = config or own
        _check_one_study(path, config, own, folder)
        runs[cell] = run
    if config is None:
        raise DataError(f"no run in {path} has ended", hint="dgljoint runs list shows how they are")
    return _Side(str(path), dict(sorted(runs.items())), config)


def _check_one_study(path: Path, config: RunConfig, own: RunConfig, folder: Path) -> None:
    differing = differing_settings(config, own)
    names = [name for name in differing if name not in _BY_CELL]
    if names:
        one, other = differing[names[0]]
        raise UsageError(
            f"{path} holds runs of different settings, which have no common figure: "
            f"{names[0]} is {one!r}, and {other!r} in {folder.name}"
            + (f"; {len(names) - 1} more differ" if len(names) > 1 else ""),
            hint="name the folder of one study, or single runs",
        )


def _beside(
    first: _Side, second: _Side, metrics: Sequence[str], notes: list[str]
) -> Beside:
    pairs = _paired(first, second, notes)
    for one, other in pairs:
        check_comparable(one, other, hint=_HINT)
    figures = [(one.figures(), other.figures()) for one, other in pairs]
    rows = tuple(
        Compared(
            metric, compare_pairs([a[metric] for a, _ in figures], [b[metric] for _, b in figures])
        )
        for metric in metrics
        if all(metric in a and metric in b for a, b in figures)
    )
    basis = PAIRS
    if len(pairs) == 1:
        rows, basis = _over_cascades(*pairs[0], rows, notes)
    configs = [run.config() for run in pairs[0]]
    alone = len(first.runs) == len(second.runs) == 1
    left_out = _BY_CELL - {"seed"} if alone else _BY_CELL
    differing = differing_settings(*configs) | _other_versions(*pairs[0])
    return Beside(
        name=second.name,
        cells=tuple((run.config().fold, run.config().seed) for run, _ in pairs),
        basis=basis,
        rows=rows,
        settings={name: both for name, both in differing.items() if name not in left_out},
    )


def _paired(
    first: _Side, second: _Side, notes: list[str]
) -> list[tuple[StoredRun, StoredRun]]:
    ours, theirs = first.runs, second.runs
    if len(ours) == len(theirs) == 1:
        # Two draws of one fold are a pair too.
        return list(zip(ours.values(), theirs.values(), strict=True))
    common = [cell for cell in ours if cell in theirs]
    if not common:
        raise DataError(
            f"{first.name} and {second.name} have no fold and seed in common: "
            f"{_cells(ours)}; {_cells(theirs)}",
            hint="train both with the same --folds and --seeds",
        )
    for side, runs, rest in ((first, ours, theirs), (second, theirs, ours)):
        alone = [cell for cell in runs if cell not in rest]
        if alone:
            notes.append(f"{side.name}: without a counterpart: {_cells(alone)}")
    return [(ours[cell], theirs[cell]) for cell in common]


def _cells(cells: Iterable[Cell]) -> str:
    return ", ".join(f"fold {fold} seed {seed}" for fold, seed in cells)


def _over_cascades(
    one: StoredRun, other: StoredRun, rows: tuple[Compared, ...], notes: list[str]
) -> tuple[tuple[Compared, ...], str]:
    """Put intervals over cascades into the rows of a single pair, where there are predictions."""
    mine, theirs = read_predictions(one), read_predictions(other)
    for run, found in ((one, mine), (other, theirs)):
        if found is None:
            notes.append(f"{run.path} has no predictions.csv: one pair says only its difference")
    if mine is None or theirs is None:
        return rows, NOTHING
    place = {said.cascade: number for number, said in enumerate(theirs.lines)}
    if mine.labels != theirs.labels or {said.cascade for said in mine.lines} != set(place):
        raise DataError(
            f"predictions.csv of {one.path} and of {other.path} are not of the same cascades",
            hint="train again the run whose file was changed",
        )
    aligned = replace(theirs, lines=tuple(theirs.lines[place[s.cascade]] for s in mine.lines))
    if not mine.lines:
        return rows, NOTHING
    intervals = cascade_intervals(_outcomes(mine, one), _outcomes(aligned, other))
    return tuple(
        replace(row, found=replace(row.found, interval=intervals.get(row.metric))) for row in rows
    ), CASCADES


def _outcomes(said: SaidOfPart, run: StoredRun) -> Outcomes:
    number: dict[str | None, int] = {label: place for place, label in enumerate(said.labels)}
    number[None] = -1
    try:
        return Outcomes(
            classes=len(said.labels),
            label=np.array([number[line.label] for line in said.lines]),
            said=np.array([number[line.predicted] for line in said.lines]),
            targets=np.array([line.targets for line in said.lines]),
            reciprocal=np.array([line.mrr or 0.0 for line in said.lines]),
        )
    except KeyError as error:
        raise DataError(f"{run.path}: predictions.csv has no column of class {error}") from error


def _corrected(sides: tuple[Beside, ...]) -> tuple[Beside, ...]:
    """Correct the p-values of all rows of all sides together."""
    known = [row.found.p for side in sides for row in side.rows if row.found.p is not None]
    corrected = iter(holm(known))
    return tuple(
        replace(
            side,
            rows=tuple(
                row if row.found.p is None else replace(row, holm=next(corrected))
                for row in side.rows
            ),
        )
        for side in sides
    )


def _other_versions(one: StoredRun, other: StoredRun) -> dict[str, tuple[Any, Any]]:
    mine, theirs = one.versions(), other.versions()
    return {
        f"version of {name}": (mine[name], theirs[name])
        for name in mine
        if name in theirs and mine[name] != theirs[name]
    }
