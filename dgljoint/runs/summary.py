"""Mean and standard deviation over runs of every metric on the test set."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from dgljoint._internal.tables import NOTHING, Sheet, Shown, TextTable
from dgljoint._internal.text import number_list, plural
from dgljoint.errors import StudyFailedError
from dgljoint.evaluation import matched_pairs, scores
from dgljoint.evaluation.verdicts import MAJORITY, Verdict, rumor_baseline, verdict_line, verdicts
from dgljoint.runs.records import DONE, FAILED, Key, RunRecord, done_runs, failure_of
from dgljoint.runs.stored import IDLE, TEST, Protocol, StoredRun

FIGURES = {
    name: scores.TITLES.get(name, "ECE")
    for name in (
        "accuracy", "macro_f1", scores.MATCHED, "ece", "mrr", "hits1", "mrr_not_source",
        "mrr_without_source",
    )
}
"""What is summed up, by short name, and how it is called in print."""
_CURVE = ("score", "accuracy", "macro_f1", "mrr")


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over runs: mean, standard deviation of a sample (``None`` for one), and number."""

    mean: float
    sd: float | None
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if self.sd is None else f"{self.mean:.3f} ± {self.sd:.3f}"


@dataclass(frozen=True, slots=True, repr=False)
class StudySummary(Shown):
    """The results of the runs of one configuration so far.

    Attributes:
        protocol: how the data are cut.
        folds: of the runs.
        seeds: of the runs.
        runs: the record of every pair of them.
        figures: mean and spread of each metric over the finished runs, and of trivial baselines.
    """

    protocol: Protocol
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    runs: tuple[RunRecord, ...]
    figures: dict[str, dict[str, Spread]]

    @property
    def extent(self) -> str:
        """The split, folds and seeds, and over how many runs means are taken."""
        return (
            f"split {self.protocol.split}, folds {number_list(self.folds)}, seeds "
            f"{number_list(self.seeds)}: {self.protocol.kept} · mean ± standard deviation over "
            f"{plural(self.done, 'run')}"
        )

    @property
    def done(self) -> int:
        """Number of runs that have their metrics."""
        return len(done_runs(self.runs))

    @property
    def failed(self) -> int:
        """Number of runs that failed."""
        return sum(one.state == FAILED for one in self.runs)

    @property
    def missing(self) -> list[str]:
        """The runs that have no metrics, each with its state."""
        return [f"{one.key} ({one.state})" for one in self.runs if one.state != DONE]

    def error(self) -> StudyFailedError | None:
        """Return what to end with when runs failed; its exit code is that of the first."""
        return failure_of(self.runs)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "data": self.protocol.data,
            "split": self.protocol.split,
            "disjoint": self.protocol.disjoint,
            "ordered": self.protocol.ordered,
            "folds": list(self.folds),
            "seeds": list(self.seeds),
            "cells": [
                {
                    "fold": one.key.fold, "seed": one.key.seed, "run": run_name(one.key),
                    "state": one.state, "figures": _summed(one.figures.get(scores.MODEL, {})),
                    "message": one.message or "", "hint": one.hint, "exit_code": one.exit_code,
                    "log": one.log,
                }
                for one in self.runs
            ],
            "figures": plain_values(self.figures),
        }

    def _sheet(self) -> Sheet:
        table = spread_table(self.figures, self.done)
        notes = [line] if (line := verdict_line(spread_verdicts(self.figures))) else []
        notes += pooled_notes(self.figures)
        notes += [f"not in the table: {'; '.join(self.missing)}"] * bool(self.missing)
        title = f"Study of {self.protocol.data}, {self.extent}"
        return Sheet(title, (table,) if self.figures else (), tuple(notes))


def plain_values(
    figures: Mapping[str, Mapping[str, Spread]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return spreads by row and name as plain values."""
    return {row: {name: asdict(one) for name, one in of.items()} for row, of in figures.items()}


def metric_names(figures: Mapping[str, Mapping[str, Spread]]) -> list[str]:
    """Return the short names of the metrics that any row has."""
    return [name for name in FIGURES if any(name in row for row in figures.values())]


def spread_table(
    figures: Mapping[str, Mapping[str, Spread]], runs: int, title: str = ""
) -> TextTable:
    """Show mean and deviation by row; of how many runs, where some do not have the metric."""

    def cell(found: Spread | None) -> str:
        if found is None:
            return NOTHING
        return str(found) if found.n == runs else f"{found} (of {found.n})"

    names = metric_names(figures)
    rows = ((row, *(cell(of.get(name)) for name in names)) for row, of in figures.items())
    return TextTable((title, *(FIGURES[name] for name in names)), tuple(rows))


def pooled_notes(figures: Mapping[str, Mapping[str, Spread]]) -> list[str]:
    """State how what is pooled over folds must be read, where it is shown."""
    if scores.MATCHED not in figures.get(scores.MODEL, {}):
        return []
    return [
        f"{scores.TITLES[scores.MATCHED]}: over the pairs of all test sets of a seed together, its "
        "deviation over seeds"
    ]


def run_name(key: Key) -> str:
    """Return the name of the folder of a run."""
    return f"fold{key.fold}-seed{key.seed}"


def _summed(found: Mapping[str, float]) -> dict[str, float]:
    return {name: found[name] for name in FIGURES if name in found}


def all_figures(test: scores.Scores) -> dict[str, float]:
    """Return the model's figures of a test part by short name.

    What was not scored is left out: a task that was not trained, a group without targets. The
    date-matched areas and numbers of pairs of each two classes are among them, to be pooled.
    """
    found = scores.figures_of(asdict(test))
    if test.calibration is not None:
        found["ece"] = test.calibration.raw.ece
    if test.rumor is not None:
        found |= matched_pairs.pair_figures(test.rumor.class_pairs)
    return found


def record_of(run: StoredRun, key: Key) -> RunRecord:
    """Read the record of a finished run from its folder."""
    records, config = run.records(), run.config().model_dump(mode="json")
    return RunRecord(
        key, "", DONE,
        # Where the file was is nobody's business who is given the results.
        config={
            **config, "data": Path(config["data"]).name,
            **({IDLE: idle} if (idle := run.idle_interactions()) else {}),
        },
        versions=run.versions(),
        figures=rows_of(run.typed_scores()[TEST]),
        curve=tuple(
            {name: line["validation"][name] for name in _CURVE if name in line["validation"]}
            | {"seconds": line["seconds"]}
            for line in records
        ),
        parameters=run.manifest().get("parameters"),
        best_epoch=max((line["epoch"] for line in records if line["best"]), default=None),
        tests_seen=run.test_cascades_seen(),
    )


def rows_of(test: scores.Scores) -> dict[str, dict[str, float]]:
    """Return the metrics of a test set by row: the model's, trivial guesses', the best."""
    guesses: dict[str, dict[str, float]] = defaultdict(dict)
    if test.rumor is not None:
        found = rumor_baseline(test.rumor)
        guesses[MAJORITY] |= {name: found[name] for name in found if name in FIGURES}
    for group, suffix in scores.GROUPS.items():
        rows = test.links[group].rows if group in test.links else {}
        for guess, row in rows.items():
            if guess != scores.MODEL:
                found = {f"mrr{suffix}": row.mrr, f"hits1{suffix}": row.hits1}
                guesses[f"parent: {guess}"] |= {n: found[n] for n in found if n in FIGURES}
    best = {
        row: {name: found[name] for name in found if name in FIGURES}
        for row, found in scores.best_rows(test).items()
    }
    return {scores.MODEL: all_figures(test), **guesses, **best}


def spread(values: Sequence[float]) -> Spread:
    """Return mean and standard deviation of at least one value."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


def spread_verdicts(figures: Mapping[str, Mapping[str, Spread]]) -> dict[str, Verdict]:
    """Compare the means of the model and of the guesses, as :func:`over_runs` gives them."""
    means = {row: {name: one.mean for name, one in found.items()} for row, found in figures.items()}
    model = means.pop(scores.MODEL, {})
    guesses = {row: found for row, found in means.items() if not row.startswith(scores.BEST)}
    return verdicts(model, guesses)


def matched_spread(runs: Iterable[tuple[int, Mapping[str, float]]]) -> Spread | None:
    """Return mean and deviation over seeds of the date-matched AUC, pooled over the runs of each.

    ``runs`` are the seeds and figures of runs on different folds. ``None`` where no two classes
    have enough pairs, or where none are recorded.
    """
    by_seed: dict[int, list[Mapping[str, float]]] = defaultdict(list)
    for seed, figures in runs:
        by_seed[seed].append(figures)
    areas = [(matched_pairs.pooled(some), len(some)) for some in by_seed.values()]
    known = [(area, count) for area, count in areas if area is not None]
    if not known:
        return None
    return replace(spread([area for area, _ in known]), n=sum(count for _, count in known))


def over_runs(
    runs: Iterable[tuple[int, Mapping[str, Mapping[str, float]]]]
) -> dict[str, dict[str, Spread]]:
    """Sum up the metrics of the model and of each baseline over runs: a seed and its rows each."""
    gathered: dict[str, list[tuple[int, Mapping[str, float]]]] = defaultdict(list)
    for seed, rows in runs:
        for row, figures in rows.items():
            gathered[row].append((seed, figures))
    return {row: _over_runs(found) for row, found in gathered.items()}


def _over_runs(runs: Sequence[tuple[int, Mapping[str, float]]]) -> dict[str, Spread]:
    values: dict[str, list[float]] = defaultdict(list)
    for _, figures in runs:
        for name, value in _summed(figures).items():
            values[name].append(value)
    found = {name: spread(some) for name, some in values.items()}
    pooled = matched_spread(runs)
    return found if pooled is None else found | {scores.MATCHED: pooled}
