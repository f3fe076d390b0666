"""What pictures show of results: lines, points and blocks, gathered from cells."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TypeVar

from dgljoint_bench.results.records import DONE, MODEL, NO_MODEL, CellRecord

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


def done(cells: Iterable[CellRecord]) -> list[CellRecord]:
    """Return the cells that have figures."""
    return [cell for cell in cells if cell.state == DONE]


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
        for cell in done(cells)
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
        for cell in done(cells) for row, figures in cell.figures.items()
    )


def every_cell(cells: Iterable[CellRecord], figure: str) -> list[Panel]:
    """Return a figure of every cell, a panel a table: configurations, then what needs no model.

    Args:
        cells: of one suite.
        figure: its short name, possibly with a deadline.
    """
    models: _Table[list[float]] = defaultdict(lambda: defaultdict(list))
    others: _Table[dict[int, float]] = defaultdict(lambda: defaultdict(dict))
    for cell in done(cells):
        key = cell.key
        for row, figures in cell.figures.items():
            if figure not in figures:
                continue
            if row == MODEL and key.configuration != NO_MODEL:
                models[key.data][key.configuration].append(figures[figure])
            else:  # the same for every configuration and seed
                others[key.data][row].setdefault(key.fold, figures[figure])
    return [
        Panel(table, rows=(
            *(Row(name, tuple(values), model=True) for name, values in found.items()),
            *(Row(name, tuple(values.values()), model=False)
              for name, values in others[table].items()),
        ))
        for table, found in models.items()
    ]


def blocks(cells: Iterable[CellRecord], figure: str) -> tuple[dict[str, list[float]], list[str]]:
    """Return a figure by configuration in every block: a fold of a table, the mean over its seeds.

    Configurations are ranked where all of them were tested. One without the figure, since it does
    not train the task, is none of them.

    Args:
        cells: of one suite.
        figure: its short name, possibly with a deadline.

    Returns:
        The figure by configuration in one order of blocks, and the blocks that not all of them
        have.
    """
    found: _Table[list[float]] = defaultdict(lambda: defaultdict(list))
    for cell in done(cells):
        key, value = cell.key, cell.figures.get(MODEL, {}).get(figure)
        if key.configuration != NO_MODEL and value is not None:
            found[f"{key.data}, fold {key.fold}"][key.configuration].append(value)
    names = list(dict.fromkeys(name for block in found.values() for name in block))
    whole = [block for block in found.values() if len(block) == len(names)]
    partial = [title for title, block in found.items() if len(block) < len(names)]
    return {name: [fmean(block[name]) for block in whole] for name in names}, partial


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
