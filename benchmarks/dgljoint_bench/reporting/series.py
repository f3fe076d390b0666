"""What pictures show of results: lines, points and blocks, gathered from cells."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import TypeVar

from dgljoint.evaluation.scores import BEST, MODEL
from dgljoint.runs.records import NO_MODEL, RunRecord, done_runs
from dgljoint_bench.reporting.rows import by_fold

T = TypeVar("T")
# By table, then by name.
_Table = defaultdict[str, defaultdict[str, T]]


@dataclass(frozen=True, slots=True)
class Line:
    """A metric along an axis, over the cells of one configuration or classifier."""

    name: str  # of the configuration, or of the classifier that needs no model
    at: tuple[int, ...]  # places on the axis that at least half of the cells have
    mean: tuple[float, ...]  # over the cells that have the metric there
    sd: tuple[float, ...]  # standard deviation of a sample of them; 0 for one
    whole: int  # number of leading places at which every cell has it
    model: bool  # whether it is a configuration


@dataclass(frozen=True, slots=True)
class Points:
    """A metric of every cell of a configuration (a model), or of every fold of the others."""

    name: str
    values: tuple[float, ...]
    model: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """The lines or the points of one table."""

    table: str
    lines: tuple[Line, ...] = ()
    points: tuple[Points, ...] = ()


def learning_curves(cells: Iterable[RunRecord], metric: str) -> list[Panel]:
    """Return a metric of the validation set by epoch, one panel per table.

    ``score`` is what epochs are selected by.
    """
    return _line_panels(
        (
            cell, MODEL,
            {epoch: found[metric] for epoch, found in enumerate(cell.curve, 1) if metric in found},
        )
        for cell in done_runs(cells)
    )


def early_detection(
    cells: Iterable[RunRecord], metric: str, deadlines: Sequence[str]
) -> list[Panel]:
    """Return a metric by the place of the deadline, one panel per table, of what has it."""
    names = {f"{metric}@{deadline}": place for place, deadline in enumerate(deadlines)}
    return _line_panels(
        (cell, row, {names[name]: value for name, value in metrics.items() if name in names})
        for cell in done_runs(cells) for row, metrics in cell.figures.items()
    )


def every_cell(cells: Iterable[RunRecord], metric: str) -> list[Panel]:
    """Return a metric of every cell, one panel per table: configurations, then the others."""
    tables: defaultdict[str, list[RunRecord]] = defaultdict(list)
    models: _Table[list[float]] = defaultdict(lambda: defaultdict(list))
    for cell in done_runs(cells):
        tables[cell.key.data].append(cell)
        if metric in cell.figures.get(MODEL, {}):
            models[cell.key.data][cell.key.configuration].append(cell.figures[MODEL][metric])
    return [
        Panel(table, points=(
            *(Points(name, tuple(values), model=True) for name, values in found.items()),
            *(Points(name, tuple(metrics[metric].values()), model=False)
              for name, metrics in by_fold(tables[table]).items() if metric in metrics),
        ))
        for table, found in models.items()
    ]


def blocks(cells: Iterable[RunRecord], metric: str) -> tuple[dict[str, list[float]], list[str]]:
    """Return a metric by configuration in every block: a fold of a table.

    Configurations are ranked where all of them were tested, by the mean over the seeds that all
    have there. One that does not train the task, and so lacks the metric, is left out. The blocks
    that not all of them have are returned, too.
    """
    found: _Table[dict[int, float]] = defaultdict(lambda: defaultdict(dict))
    for cell in done_runs(cells):
        key, value = cell.key, cell.figures.get(MODEL, {}).get(metric)
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


def gains(
    cells: Iterable[RunRecord], metric: str, reference: str,
    planted: Mapping[str, tuple[str, float]],
) -> tuple[list[Panel], list[float]]:
    """Return how much better than ``reference`` each configuration is, by the place of a strength.

    One panel per world. ``planted`` has world and strength of each table. A gain is that of a cell
    over the cell of the reference on the same fold with the same seed; that of the best scores,
    which are no configuration, likewise. Returns the panels and the strengths.
    """
    done = [cell for cell in done_runs(cells) if cell.key.data in planted]
    strengths = sorted({planted[cell.key.data][1] for cell in done})
    base = {
        (cell.key.data, cell.key.fold, cell.key.seed): cell.figures[MODEL][metric]
        for cell in done
        if cell.key.configuration == reference and metric in cell.figures[MODEL]
    }
    rows = []
    for cell in done:
        place = (cell.key.data, cell.key.fold, cell.key.seed)
        world, strength = planted[cell.key.data]
        of_world = replace(cell, key=replace(cell.key, data=world))
        own = cell.key.configuration == reference
        for row, metrics in cell.figures.items() if place in base else ():
            if metric in metrics and (row.startswith(BEST) if own else row == MODEL):
                gain = metrics[metric] - base[place]
                rows.append((of_world, row, {strengths.index(strength): gain}))
    return _line_panels(rows, every_place=True), strengths


def _line_panels(
    cells: Iterable[tuple[RunRecord, str, dict[int, float]]], *, every_place: bool = False
) -> list[Panel]:
    """Make one line of the places of each configuration and classifier, from rows of cells.

    A place that less than half of the cells have is left out, unless ``every_place`` is wanted.
    """
    found: _Table[list[dict[int, float]]] = defaultdict(lambda: defaultdict(list))
    configurations = set()
    for cell, row, places in cells:
        if places:
            name = cell.key.configuration if row == MODEL else row
            found[cell.key.data][name].append(places)
            if row == MODEL:
                configurations.add(name)
    return [
        Panel(table, lines=tuple(
            _line(name, places, model=name in configurations, every_place=every_place)
            for name, places in lines.items()
        ))
        for table, lines in found.items()
    ]


def _line(
    name: str, cells: Sequence[dict[int, float]], *, model: bool, every_place: bool
) -> Line:
    # The mean of the few that train longest is not that of the configuration.
    counts = Counter(place for places in cells for place in places)
    at = sorted(place for place, count in counts.items() if every_place or 2 * count >= len(cells))
    values = [[places[place] for places in cells if place in places] for place in at]
    every = [len(some) == len(cells) for some in values]
    return Line(
        name=name, model=model, at=tuple(at),
        mean=tuple(map(fmean, values)),
        sd=tuple(stdev(some) if len(some) > 1 else 0.0 for some in values),
        whole=[*every, False].index(False),
    )
