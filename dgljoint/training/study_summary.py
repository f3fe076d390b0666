"""What the cells of a study came to: mean and standard deviation of every figure.

The figures are those of the test part, which each run reads once, after its epoch was selected on
the validation part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from dgljoint._internal.tables import Sheet, Shown
from dgljoint.errors import StudyFailedError
from dgljoint.evaluation.scores import ALL, MODEL, NOT_SOURCE, TITLES, Scores, figures_of
from dgljoint.evaluation.verdicts import MAJORITY, Verdict, rumor_baseline, verdicts

FIGURES = {
    "accuracy": TITLES["accuracy"], "macro_f1": TITLES["macro_f1"], "ece": "ECE",
    "mrr": TITLES["mrr"], "hits1": TITLES["hits1"], "mrr_not_source": TITLES["mrr_not_source"],
}
"""What is summed up, by short name, and how it is called in print."""

DONE, FAILED, UNFINISHED, NOT_STARTED = "done", "failed", "unfinished", "not started"


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over runs: mean, standard deviation of a sample (``None`` for one), and number."""

    mean: float
    sd: float | None
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if self.sd is None else f"{self.mean:.3f} ± {self.sd:.3f}"


@dataclass(frozen=True, slots=True)
class CellState:
    """How a cell stands.

    Attributes:
        fold: that is tested.
        seed: of everything random.
        run: name of its run folder.
        state: ``done``, ``failed``, ``unfinished`` (a run to go on with) or ``not started``.
        figures: of the model on the test part; empty unless the cell is done.
        message: why it failed.
        hint: what mends it.
        exit_code: that its run ended with; 0 unless it failed.
        log: what its process wrote, where that was anything.
    """

    fold: int
    seed: int
    run: str
    state: str
    figures: dict[str, float]
    message: str = ""
    hint: str | None = None
    exit_code: int = 0
    log: str | None = None

    def __str__(self) -> str:
        return f"fold {self.fold}, seed {self.seed}"


@dataclass(frozen=True, slots=True, repr=False)
class StudySummary(Shown):
    """A study and what it came to so far.

    Attributes:
        data: name of the data set.
        split: name of the split.
        disjoint: what is never on both sides; ``None`` for random folds.
        ordered: whether what is tested is later than what was trained on.
        folds: of the cells.
        seeds: of the cells.
        cells: every pair of them.
        figures: of the model and of the guesses that need none, over the cells that are done.
    """

    data: str
    split: str
    disjoint: str | None
    ordered: bool
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    cells: tuple[CellState, ...]
    figures: dict[str, dict[str, Spread]]

    @property
    def done(self) -> int:
        """Number of cells that have their figures."""
        return self._count(DONE)

    @property
    def failed(self) -> int:
        """Number of cells whose run failed."""
        return self._count(FAILED)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    def _sheet(self) -> Sheet:
        from dgljoint.evaluation.result_tables import study_sheet

        return study_sheet(self)

    def _count(self, state: str) -> int:
        return sum(cell.state == state for cell in self.cells)

    def error(self) -> StudyFailedError | None:
        """Return what to end with when cells failed; its exit code is that of the first."""
        failed = [cell for cell in self.cells if cell.state == FAILED]
        if not failed:
            return None
        said = "".join(f"\n  {cell}: {cell.message}" for cell in failed)
        hints = dict.fromkeys(cell.hint for cell in failed if cell.hint)
        return StudyFailedError(
            f"{len(failed)} of {len(self.cells)} runs failed:{said}",
            exit_code=failed[0].exit_code, hint="; ".join(hints) or None,
        )


def all_figures(test: Scores) -> dict[str, float]:
    """Return the model's figures of a test part by short name.

    What was not scored is left out: a task that was not trained, a group without targets.
    """
    found = figures_of(asdict(test))
    if test.calibration is not None:
        found["ece"] = test.calibration.raw.ece
    return found


def model_figures(test: Scores) -> dict[str, float]:
    """Return those of :func:`all_figures` that ``FIGURES`` names, in its order."""
    found = all_figures(test)
    return {name: found[name] for name in FIGURES if name in found}


def guess_figures(test: Scores) -> dict[str, dict[str, float]]:
    """Return the figures of the guesses that need no model, by guess."""
    guesses: dict[str, dict[str, float]] = defaultdict(dict)
    if test.rumor is not None:
        found = rumor_baseline(test.rumor)
        guesses[MAJORITY] |= {name: found[name] for name in found if name in FIGURES}
    for group, suffix in ((ALL, ""), (NOT_SOURCE, "_not_source")):
        rows = test.links[group].rows if group in test.links else {}
        for guess, row in rows.items():
            if guess != MODEL:
                found = {f"mrr{suffix}": row.mrr, f"hits1{suffix}": row.hits1}
                guesses[f"parent: {guess}"] |= {n: found[n] for n in found if n in FIGURES}
    return dict(guesses)


def spread(values: Sequence[float]) -> Spread:
    """Return mean and standard deviation of at least one value."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


def spread_verdicts(figures: Mapping[str, Mapping[str, Spread]]) -> dict[str, Verdict]:
    """Compare the means of the model and of the guesses, as :func:`over_cells` gives them."""
    means = {
        row: {name: one.mean for name, one in found.items()} for row, found in figures.items()
    }
    return verdicts(means.pop(MODEL, {}), means)


def over_cells(tests: Iterable[Scores]) -> dict[str, dict[str, Spread]]:
    """Sum up the figures of the model and of each guess over runs.

    Args:
        tests: the test part of each.
    """
    gathered: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for test in tests:
        for row, figures in {MODEL: model_figures(test), **guess_figures(test)}.items():
            for name, value in figures.items():
                gathered[row][name].append(value)
    return {
        row: {name: spread(values) for name, values in figures.items()}
        for row, figures in gathered.items()
    }
