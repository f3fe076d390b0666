"""Compare the runs of folders: gather the sides, and resample events for a single pair."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dgljoint._internal.text import plural
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.comparison import Outcomes, event_intervals
from dgljoint.evaluation.metrics import MIN_FOR_INTERVAL
from dgljoint.evaluation.scores import MATCHED, MODEL
from dgljoint.runs import stored
from dgljoint.runs.comparing import (
    OF_THE_RUN,
    Compared,
    Group,
    Pair,
    Side,
    compare,
    corrected,
    pair,
)
from dgljoint.runs.folders import no_run
from dgljoint.runs.listing import differing_settings, find_runs
from dgljoint.runs.records import Key
from dgljoint.runs.summary import record_of

METRICS = (
    "accuracy", "macro_f1", MATCHED, "mrr", "mrr_not_source", "mrr_without_source", "hits1",
)
"""The metrics compared unless others are asked for."""

PAIRS = "pairs"
EVENTS = "events"
NOTHING = "nothing"

_HINT = "compare runs of the same data, split, folds and cascade.observed_share"


@dataclass(frozen=True, slots=True)
class SeedNoise:
    """What other seeds alone change in a metric, where both sides have several on a fold.

    ``floor`` is 1.96 standard errors of the mean difference of pairs between two configurations
    that are equal: of that size are differences by seeds alone.
    """

    first: float  # standard deviation over the seeds of a fold, of one run of the reference
    second: float
    floor: float


@dataclass(frozen=True, slots=True)
class ComparedSide:
    """One side compared with the reference."""

    name: str  # of the side, as it was given
    # (fold, seed) of the pairs; two single runs of different seeds are a pair
    cells: tuple[tuple[int, int], ...]
    basis: str  # what intervals are resampled from: PAIRS, EVENTS of the one pair, or NOTHING
    rows: tuple[Compared, ...]  # by metric, of those that both sides have
    # those that differ, and versions, the reference's value first
    settings: dict[str, tuple[Any, Any]]
    noise: dict[str, SeedNoise]  # by metric


@dataclass(frozen=True, slots=True)
class RunComparison:
    """What :func:`compare_runs` found."""

    reference: str  # name of the side that the others are compared with
    protocol: stored.Protocol  # how the data are cut; the fold is that of the first pair
    sides: tuple[ComparedSide, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        values = asdict(self)
        for row in (row for side in values["sides"] for row in side["rows"]):
            del row["row"]
        return values


@dataclass(frozen=True, slots=True)
class _Folder:
    """A run, or the runs of a folder that differ in fold and seed alone."""

    side: Side
    runs: dict[Key, stored.StoredRun]


def compare_runs(paths: Sequence[Path], metrics: Sequence[str] = METRICS) -> RunComparison:
    """Compare finished runs on their test sets, paired by fold and seed.

    With several pairs, the differences are resampled pair by pair and tested, and the p-values of
    all rows are corrected together. With one pair that wrote ``predictions.csv``, the events of its
    test set are resampled.
    """
    if len(paths) < 2:
        raise UsageError("there is nothing to compare with", hint="name two runs or more")
    notes: list[str] = []
    first, *others = (_gather(path, notes) for path in paths)
    found = [_compared(first, other, metrics, notes) for other in others]
    groups = corrected([group for group, _ in found])
    sides = tuple(
        replace(side, rows=group.rows) for group, (_, side) in zip(groups, found, strict=True)
    )
    fold = sides[0].cells[0][0]
    some = next(run for key, run in first.runs.items() if key.fold == fold)
    return RunComparison(
        reference=first.side.name, sides=sides, notes=tuple(notes),
        protocol=stored.recorded_protocol(some.config(), some.manifest()),
    )


def _gather(path: Path, notes: list[str]) -> _Folder:
    found = list(find_runs(path)) if path.is_dir() else [path]
    if not found:
        raise no_run(path)
    runs: dict[Key, stored.StoredRun] = {}
    for folder in found:
        run = stored.StoredRun(folder)
        if len(found) > 1 and not run.finished:
            notes.append(f"{folder} is left out: its run has not ended")
            continue
        run.figures()  # what cannot be read is refused before anything is compared
        own = run.config()
        key = Key("", "", own.encoder, own.fold, own.seed)
        if key in runs:
            raise UsageError(
                f"{path} holds two runs of {key}: {runs[key].path.name} and {folder.name}",
                hint="name the folder of one study, or single runs",
            )
        _check_one_study(path, next(iter(runs.values()), run), run)
        runs[key] = run
    if not runs:
        raise DataError(f"no run in {path} has ended", hint="dgljoint runs list shows how they are")
    # paired by fold and seed, whatever the configuration
    runs = {replace(key, configuration=str(path)): runs[key] for key in sorted(runs, key=_place)}
    return _Folder(
        Side(
            str(path), {key: record_of(run, key) for key, run in runs.items()},
            {key: _asked(run) for key, run in runs.items()},
        ),
        runs,
    )


def _place(key: Key) -> tuple[int, int]:
    return key.fold, key.seed


def _check_one_study(path: Path, one: stored.StoredRun, other: stored.StoredRun) -> None:
    differing = differing_settings(one.config(), other.config())
    names = [name for name in differing if name not in OF_THE_RUN]
    if names:
        mine, theirs = differing[names[0]]
        raise UsageError(
            f"{path} holds runs of different settings, which have no common metric: "
            f"{names[0]} is {mine!r}, and {theirs!r} in {other.path.name}"
            + (f"; {len(names) - 1} more differ" if len(names) > 1 else ""),
            hint="name the folder of one study, or single runs",
        )


def _compared(
    first: _Folder, second: _Folder, metrics: Sequence[str], notes: list[str]
) -> tuple[Group, ComparedSide]:
    alone = len(first.runs) == len(second.runs) == 1
    pairs, more = pair(
        first.side, second.side, hint=_HINT,
        # Two draws of one fold are a pair too.
        by=lambda key: Key("", "", "", *((0, 0) if alone else _place(key))),
    )
    found = compare(first.side, second.side, pairs, metrics=metrics, notes=more)
    notes += found.notes
    (group,) = found.groups
    basis = PAIRS
    if len(pairs) == 1:
        one, other = first.runs[pairs[0].first.key], second.runs[pairs[0].second.key]
        rows, basis = _over_events(one, other, group.rows, notes)
        group = replace(group, rows=rows)
    settings = {one.name: (one.first, one.second) for one in group.settings}
    seeds = (pairs[0].first.key.seed, pairs[0].second.key.seed)
    if alone and seeds[0] != seeds[1]:
        settings["seed"] = seeds
    versions = {
        f"version of {name}": both for name, both in found.versions.items() if None not in both
    }
    cells = tuple(_place(one.second.key) for one in pairs)
    if alone:
        cells = (_place(pairs[0].first.key),)
    noise = {row.metric: _seed_noise(pairs, row.metric) for row in group.rows}
    return group, ComparedSide(
        second.side.name, cells, basis, group.rows, dict(sorted(settings.items())) | versions,
        {metric: found for metric, found in noise.items() if found is not None},
    )


def _seed_noise(pairs: Sequence[Pair], metric: str) -> SeedNoise | None:
    """Pool the variance over the seeds of each fold; ``None`` where no fold has several."""
    values = [
        (one.first.key.fold, one.first.figures[MODEL][metric], one.second.figures[MODEL][metric])
        for one in pairs
        if all(metric in run.figures.get(MODEL, {}) for run in (one.first, one.second))
    ]
    folds = {fold: [(a, b) for own, a, b in values if own == fold] for fold, _, _ in values}
    free = len(values) - len(folds)  # a mean is fitted per fold
    if not free:
        return None
    centred = np.concatenate([np.array(of) - np.mean(of, axis=0) for of in folds.values()])
    first, second = ((centred**2).sum(axis=0) / free).tolist()
    return SeedNoise(first**0.5, second**0.5, 1.96 * ((first + second) / len(values)) ** 0.5)


def _over_events(
    one: stored.StoredRun, other: stored.StoredRun, rows: tuple[Compared, ...], notes: list[str]
) -> tuple[tuple[Compared, ...], str]:
    """Put intervals over events into the rows of a single pair, where there are predictions."""
    mine, theirs = stored.read_predictions(one), stored.read_predictions(other)
    for run, found in ((one, mine), (other, theirs)):
        if found is None:
            notes.append(f"{run.path} has no predictions.csv: one pair has only its difference")
    if mine is None or theirs is None:
        return rows, NOTHING
    place = {one.cascade: number for number, one in enumerate(theirs.lines)}
    if mine.labels != theirs.labels or {one.cascade for one in mine.lines} != set(place):
        raise DataError(
            f"predictions.csv of {one.path} and of {other.path} are not of the same cascades",
            hint="train again the run whose file was changed",
        )
    aligned = replace(theirs, lines=tuple(theirs.lines[place[s.cascade]] for s in mine.lines))
    if not mine.lines:
        return rows, NOTHING
    first, second = _outcomes(mine, one), _outcomes(aligned, other)
    if (events := len(np.unique(first.event))) < MIN_FOR_INTERVAL:
        notes.append(
            f"the test set of {one.path} has {plural(events, 'event')}: intervals resample events, "
            f"and need {MIN_FOR_INTERVAL}"
        )
        return rows, NOTHING
    intervals = event_intervals(first, second)
    return tuple(
        replace(row, found=replace(row.found, interval=intervals.get(row.metric))) for row in rows
    ), EVENTS


def _outcomes(found: stored.StoredPredictions, run: stored.StoredRun) -> Outcomes:
    events = {name: place for place, name in enumerate(sorted({x.event for x in found.lines}))}
    number: dict[str | None, int] = {label: place for place, label in enumerate(found.labels)}
    number[None] = -1
    try:
        return Outcomes(
            classes=len(found.labels),
            label=np.array([number[line.label] for line in found.lines]),
            predicted=np.array([number[line.predicted] for line in found.lines]),
            targets=np.array([line.targets for line in found.lines]),
            reciprocal=np.array([line.mrr or 0.0 for line in found.lines]),
            event=np.array([events[line.event] for line in found.lines]),
        )
    except KeyError as error:
        raise DataError(f"{run.path}: predictions.csv has no column of class {error}") from error


def check_comparable(one: stored.StoredRun, other: stored.StoredRun, *, hint: str) -> None:
    """Raise :class:`DataError` unless both were tested on the same cascades and posts."""
    mine, theirs = _asked(one), _asked(other)
    differ = [name for name in mine if mine[name] != theirs[name]]
    if differ:
        what = "; ".join(f"{name} {mine[name]} and {theirs[name]}" for name in differ)
        raise DataError(f"{one.path} and {other.path} cannot be compared: {what}", hint=hint)


def _asked(run: stored.StoredRun) -> dict[str, Any]:
    manifest, config = run.manifest(), run.config()
    data, split = stored.section(manifest, "data"), stored.section(manifest, "split")
    return {
        "data digest": data.get("content_digest", data.get("digest")),
        "split digest": split.get("digest", split.get("name")),
        "fold": config.fold,
        "classes": config.classes or "all",
        "cascade.observed_share": config.cascade.observed_share,
    }
