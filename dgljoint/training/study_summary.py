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

from dgljoint.errors import StudyFailedError

ACCURACY, MACRO_F1, ECE = "accuracy", "macro F1", "ECE"
MRR, HITS1, MRR_NOT_SOURCE = "MRR", "Hits@1", "MRR, parent not source"
FIGURES = (ACCURACY, MACRO_F1, ECE, MRR, HITS1, MRR_NOT_SOURCE)
MODEL, MAJORITY = "model", "majority guess"

DONE, FAILED, UNFINISHED, NOT_STARTED = "done", "failed", "unfinished", "not started"

_LINKS = ((MRR, "all", "mrr"), (HITS1, "all", "hits1"),
          (MRR_NOT_SOURCE, "parent is not the source", "mrr"))


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over runs: mean, standard deviation of a sample (``None`` for one), and number."""

    mean: float
    sd: float | None
    n: int


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


@dataclass(frozen=True, slots=True)
class StudySummary:
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


def model_figures(test: Mapping[str, Any]) -> dict[str, float]:
    """Return the model's figures of a test part by name, in the order of ``FIGURES``.

    Args:
        test: as ``scores.json`` has it. What was not scored is left out: a task that was not
            trained, a group without targets.
    """
    figures: dict[str, float] = {}
    if (rumor := test["rumor"]) is not None:
        figures |= {ACCURACY: rumor["accuracy"], MACRO_F1: rumor["macro_f1"]}
    # Runs of before had no calibration.
    if (calibration := test.get("calibration")) is not None:
        figures[ECE] = calibration["raw"]["ece"]
    return figures | _link_figures(test).get(MODEL, {})


def guess_figures(test: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return the figures of the guesses that need no model, by guess.

    Args:
        test: as ``scores.json`` has it.
    """
    rumor = test["rumor"]
    guesses = {} if rumor is None else {MAJORITY: {ACCURACY: rumor["majority"]}}
    links = _link_figures(test)
    return guesses | {f"parent: {name}": links[name] for name in links if name != MODEL}


def spread(values: Sequence[float]) -> Spread:
    """Return mean and standard deviation of at least one value."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


def over_cells(tests: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Spread]]:
    """Sum up the figures of the model and of each guess over runs.

    Args:
        tests: the test part of each run's ``scores.json``.
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


def _link_figures(test: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return the figures of each row of the link tables."""
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for name, group, key in _LINKS:
        for row, scores in test["links"].get(group, {"rows": {}})["rows"].items():
            rows[row][name] = scores[key]
    return dict(rows)
