"""What pictures show of results: lines, points and blocks, gathered from cells."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TypeVar

from dgljoint_bench.results.records import MODEL, NO_MODEL, CellRecord, done_cells

T = TypeVar("T")
# By table, then by name.
_Table = defaultdict[str, defaultdict[str, T]]


@dataclass(frozen=True, slots=True)
class Line:
    """A figure along an axis, over the cells of one configuration or classifier.

    Attributes:
        name: of the configuration, or of the classifier that needs no model.
        at: places on the axis that at least half of the cells have.
        mean: over the cells that have the figure there.
        sd: standard deviation of a sample of them; 0 for one.
        whole: number of leading places at which every cell has it.
        model: whether it is a configuration.
    """

    name: str
    at: tuple[int, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    whole: int
    model: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of every cell of one configuration, or of one guess.

    Attributes:
        name: of the configuration, the guess or the classifier.
        values: one a cell; of a guess one a fold.
        model: whether it is a configuration.
    """

    name: str
    values: tuple[float, ...]
    model: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """The lines or the rows of one table."""

    table: str
    lines: tuple[Line, ...] = ()
    rows: tuple[Row, ...] = ()


def learning_curves(cells: Iterable[CellRecord], figure: str) -> list[Panel]:
    """Return a figure of the validation part by epoch, a panel a table.

    Args:
        cells: of one suite.
        figure: ``score``, which epochs are selected by, or a figure of the learning curve.
    """
    return _line_panels(
        (
            cell, MODEL,
            {epoch: told[figure] for epoch, told in enumerate(cell.curve, 1) if figure in told},
        )
        for cell in done_cells(cells)
    )


def early_detection(
    cells: Iterable[CellRecord], figure: str, deadlines: Sequence[str]
) -> list[Panel]:
    """Return a figure by deadline, a panel a table: of configurations and classifiers.

    Args:
        cells: of one suite.
        figure: its short name.
        deadlines: in order; the place of a line's point is that of its deadline.
    """
    names = {f"{figure}@{deadline}": place for place, deadline in enumerate(deadlines)}
    return _line_panels(
        (cell, row, {names[name]: value for name, value in figures.items() if name in names})
        for cell in done_cells(cells) for row, figures in cell.figures.items()
    )


def every_cell(cells: Iterable[CellRecord], figure: str) -> list[Panel]:
    """Return a figure of every cell, a panel a table: configurations, then what needs no model.

    Args:
        cells: of one suite.
        figure: its short name, possibly with a deadline.
    """
    tables: defaultdict[str, list[CellRecord]] = defaultdict(list)
    models: _Table[list[float]] = defaultdict(lambda: defaultdict(list))
    for cell in done_cells(cells):
        tables[cell.key.data].append(cell)
        if figure in cell.figures.get(MODEL, {}):
            models[cell.key.data][cell.key.configuration].append(cell.figures[MODEL][figure])
    return [
        Panel(table, rows=(
            *(Row(name, tuple(values), model=True) for name, values in found.items()),
            *(Row(name, tuple(figures[figure].values()), model=False)
              for name, figures in by_fold(tables[table]).items() if figure in figures),
        ))
        for table, found in models.items()
    ]


def by_fold(cells: Iterable[CellRecord]) -> dict[str, dict[str, dict[int, float]]]:
    """Return what needs no model: the mean over the cells of each fold, by row and figure.

    A guess is made of the training part. Cells of a fold that leave out more or less of it, by
    their seed or for a weighter that learns on a part, may guess differently.

    Args:
        cells: of one table.
    """
    found: _Table[defaultdict[int, list[float]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for cell in cells:
        for row, figures in cell.figures.items():
            for figure, value in figures.items() if row != MODEL else ():
                found[row][figure][cell.key.fold].append(value)
    return {
        row: {
            figure: {fold: fmean(values) for fold, values in folds.items()}
            for figure, folds in figures.items()
        }
        for row, figures in found.items()
    }


def blocks(cells: Iterable[CellRecord], figure: str) -> tuple[dict[str, list[float]], list[str]]:
    """Return a figure by configuration in every block: a fold of a table.

    Configurations are ranked where all of them were tested, by the mean over the seeds that all
    have there. One without the figure, since it does not train the task, is none of them.

    Args:
        cells: of one suite.
        figure: its short name, possibly with a deadline.

    Returns:
        The figure by configuration in one order of blocks, and the blocks that not all of them
        have.
    """
    found: _Table[dict[int, float]] = defaultdict(lambda: defaultdict(dict))
    for cell in done_cells(cells):
        key, value = cell.key, cell.figures.get(MODEL, {}).get(figure)
        if key.configuration != NO_MODEL and value is not None:
            found[f"{key.data}, fold {key.fold}"][key.configuration][key.seed] = value
    means: dict[str, list[float]] = {name: [] for block in found.values() for name in block}
    partial = []
    for title, block in found.items():
        seeds = set.intersection(*(set(block[name]) for name in means))
        for name in means if seeds else ():
            means[name].append(fmean(block[name][seed] for seed in seeds))
        if not seeds:
            partial.append(title)
    return means, partial


def _line_panels(cells: Iterable[tuple[CellRecord, str, dict[int, float]]]) -> list[Panel]:
    """Make a line of the points of each configuration and classifier, which rows of cells have."""
    found: _Table[list[dict[int, float]]] = defaultdict(lambda: defaultdict(list))
    configurations = set()
    for cell, row, points in cells:
        if points:
            name = cell.key.configuration if row == MODEL else row
            found[cell.key.data][name].append(points)
            if row == MODEL:
                configurations.add(name)
    return [
        Panel(table, lines=tuple(
            _line(name, points, model=name in configurations) for name, points in lines.items()
        ))
        for table, lines in found.items()
    ]


def _line(name: str, cells: Sequence[dict[int, float]], *, model: bool) -> Line:
    # The mean of the few that train longest is not that of the configuration.
    counts = Counter(place for points in cells for place in points)
    places = sorted(place for place, count in counts.items() if 2 * count >= len(cells))
    values = [[points[place] for points in cells if place in points] for place in places]
    every = [len(some) == len(cells) for some in values]
    return Line(
        name=name,
        at=tuple(places),
        mean=tuple(map(fmean, values)),
        sd=tuple(stdev(some) if len(some) > 1 else 0.0 for some in values),
        whole=[*every, False].index(False),
        model=model,
    )
