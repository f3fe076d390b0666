"""What the runs of a grid came to: means and spreads over folds, from the run folders alone.

The figures are those of the test part, which a run reads once, after its epoch was selected on
the validation part. Where there are several seeds, a fold's figure is their mean first, so that a
spread is one over folds. Standard deviations are those of a sample, ``None`` for a single fold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median, stdev
from typing import Any

from dgljoint.evaluation.figures import TITLES
from dgljoint.runs.stored import TEST, StoredRun
from dgljoint.training.study_summary import guess_figures
from dgljoint_bench.grid import Cell, read_record

_COMPARED = ("accuracy", "macro_f1", "mrr", "mrr_not_source")
QUALITY = tuple(TITLES[name] for name in _COMPARED)
ACCURACY, MACRO_F1, MRR, MRR_NOT_SOURCE = QUALITY
SECONDS, PEAK = "seconds an epoch", "peak MB"
PARAMETERS, EPOCHS = "parameters", "epochs"
COST = (SECONDS, PEAK, PARAMETERS, EPOCHS)

Figures = Mapping[str, float]
ByFold = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation of a figure over folds."""

    mean: float
    sd: float | None
    folds: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: of the configuration or guess.
        folds: that have figures.
        figures: by name; what a row does not have is absent.
        differences: the same figures less the reference's, fold by fold, over the folds that both
            have; empty for the reference and for what is not compared with it.
    """

    name: str
    folds: int
    figures: dict[str, Spread]
    differences: dict[str, Spread]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def read_cell(cell: Cell) -> dict[str, float]:
    """Return the figures of a finished run by name; those that it has.

    Raises:
        DataError: its folder is damaged.
    """
    run = StoredRun(cell.folder)
    figures = _compared(run.figures())
    seconds = [float(record["seconds"]) for record in run.records()]
    figures |= {SECONDS: median(seconds), EPOCHS: float(len(seconds))}
    figures[PARAMETERS] = float(run.manifest()["parameters"])
    if (peak := read_record(cell).get("peak_megabytes")) is not None:
        figures[PEAK] = peak
    return figures


def read_guesses(cell: Cell) -> dict[str, dict[str, float]]:
    """Return the figures of the guesses that need no model, by guess; a finished run has them.

    Raises:
        DataError: its folder is damaged.
    """
    guesses = guess_figures(StoredRun(cell.folder).typed_scores()[TEST])
    return {guess: _compared(figures) for guess, figures in guesses.items()}


def _compared(figures: Figures) -> dict[str, float]:
    return {TITLES[name]: figures[name] for name in _COMPARED if name in figures}


def rows_of_runs(cells: Iterable[Cell], reference: str) -> list[Row]:
    """Sum up the finished runs by configuration, in the order they first come.

    Args:
        cells: any; those without figures are left out.
        reference: the configuration that the others are compared with; ``""`` for none.
    """
    found: dict[str, list[tuple[int, Figures]]] = defaultdict(list)
    for cell in cells:
        if cell.finished:
            found[cell.configuration].append((cell.fold, read_cell(cell)))
    by_name = {name: by_fold(figures) for name, figures in found.items()}
    base = by_name.get(reference, {})
    return [
        summarise(name, figures, base if name != reference else {})
        for name, figures in by_name.items()
    ]


def rows_of_guesses(cells: Iterable[Cell]) -> list[Row]:
    """Sum up the guesses that need no model; every run of a fold has the same."""
    found: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for cell in cells:
        if cell.finished:
            for guess, figures in read_guesses(cell).items():
                found[guess][cell.fold] |= figures
    return [
        summarise(guess, by_fold(list(folds.items())), {}) for guess, folds in found.items()
    ]


def by_fold(figures: Sequence[tuple[int, Figures]]) -> dict[str, dict[int, float]]:
    """Turn figures of folds into each figure by fold, the mean where a fold has several."""
    gathered: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for fold, values in figures:
        for name, value in values.items():
            gathered[name][fold].append(value)
    return {
        name: {fold: fmean(several) for fold, several in folds.items()}
        for name, folds in gathered.items()
    }


def summarise(
    name: str, figures: Mapping[str, ByFold], reference: Mapping[str, ByFold]
) -> Row:
    """Make a row from each figure by fold, beside the reference's."""
    differences = {}
    for figure, values in figures.items():
        base = reference.get(figure, {})
        both = [values[fold] - base[fold] for fold in values if fold in base]
        if figure in QUALITY and both:
            differences[figure] = spread(both)
    return Row(
        name=name,
        folds=max(map(len, figures.values()), default=0),
        figures={figure: spread(list(values.values())) for figure, values in figures.items()},
        differences=differences,
    )


def spread(values: Sequence[float]) -> Spread:
    """Return mean and standard deviation of at least one value."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None, len(values))
