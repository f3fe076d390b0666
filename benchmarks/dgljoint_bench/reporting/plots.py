"""Pictures of results, drawn with matplotlib.

The same results give the same bytes, so that a picture can be kept under version control. Colours
are those of Okabe and Ito (2008, https://jfly.uni-koeln.de/color/), which colour-blind readers
distinguish.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from types import MappingProxyType

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dgljoint._internal.files import replacing, writing
from dgljoint.errors import UsageError
from dgljoint_bench.reporting.series import Line, Panel, Points
from dgljoint_bench.reporting.statistics import Ranks

FORMS = {".svg": {"Date": None}, ".png": {"Software": None}, ".pdf": {"CreationDate": None}}
"""Endings of files, and the metadata of each that would depend on the moment or the machine."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of as many lines as can be distinguished."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # of the same, for print without colour
WIDTH, PANEL_HEIGHT = 6.5, 2.4  # in inches; a picture is as wide as a page's text

_GREY = "#6E6E6E"
_OTHER = ("#B8B8B8", ".")  # of lines that are not distinguished
_STYLE = {
    "font.size": 8.0, "axes.titlesize": 9.0, "axes.labelsize": 8.0, "savefig.dpi": 200,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left",
    "axes.grid": True, "grid.color": "#E4E4E4", "grid.linewidth": 0.6, "axes.axisbelow": True,
    "svg.hashsalt": "dgljoint", "pdf.fonttype": 42, "savefig.bbox": "tight",
    "savefig.pad_inches": 0.05, "lines.linewidth": 1.4, "lines.markersize": 4.0,
}
_POINTS_PER_INCH, _LABEL_POINTS = 72, 9.5
_AXES_SHARE = 0.78  # of a panel's height; the rest is its title and ticks


def write(path: Path, draw: Callable[[Figure], None]) -> None:
    """Let ``draw`` draw a picture, and write it in the form of the path's ending."""
    form = path.suffix.lower()
    if form not in FORMS:
        raise UsageError(
            f"{path} is no picture that can be written",
            hint=f"name it {path.stem or 'plot'}.svg (or .png, .pdf)",
        )
    # Not what a user's matplotlibrc has.
    own_style = style.context(["default", _STYLE])
    with own_style, replacing(path) as temporary, writing(path):
        figure = Figure(layout="constrained")
        draw(figure)
        figure.savefig(temporary, format=form[1:], metadata=FORMS[form])


def critical_difference(figure: Figure, ranks: Ranks, title: str) -> None:
    """Draw average ranks of two sides or more, and join those that do not differ (Demšar, 2006)."""
    count, cliques = len(ranks.names), len(ranks.cliques)
    left = (count + 1) // 2
    first_label = 0.7 + 0.35 * cliques
    depth = first_label + 0.75 * (left - 1) + 0.4
    top = 1.0 if ranks.critical_difference is None else 2.2
    figure.set_size_inches(WIDTH, 0.28 * (depth + top))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(1, max(count, 2))
    axes.set_ylim(-depth, top)
    axes.plot([1, count], [0, 0], color="black", linewidth=1, clip_on=False)
    for place in range(1, count + 1):
        axes.plot([place, place], [0, 0.2], color="black", linewidth=1, clip_on=False)
        if place % (1 + count // 20) == 0:  # more would touch one another
            axes.text(place, 0.3, str(place), ha="center", va="bottom")
    for place, (name, rank) in enumerate(zip(ranks.names, ranks.ranks, strict=True)):
        on_left = place < left
        row = place if on_left else count - 1 - place
        y, end = -first_label - 0.75 * row, (1 if on_left else count)
        axes.plot([rank, rank, end], [0, y, y], color="black", linewidth=0.8, clip_on=False)
        axes.annotate(
            f"{name}  {rank:.2f}" if on_left else f"{rank:.2f}  {name}", (end, y),
            xytext=(-4 if on_left else 4, 0), textcoords="offset points",
            ha="right" if on_left else "left", va="center", annotation_clip=False,
        )
    places, over = dict(zip(ranks.names, ranks.ranks, strict=True)), 0.006 * (count - 1)
    for number, clique in enumerate(ranks.cliques):
        ends = [places[clique[0]] - over, places[clique[-1]] + over]
        y = -0.35 * (number + 1)
        axes.plot(ends, [y, y], color=COLOURS[0], linewidth=3.5, solid_capstyle="butt",
                  clip_on=False)
    if (difference := ranks.critical_difference) is not None:
        stop = 1 + difference
        axes.plot([1, 1, 1, stop, stop, stop], [1.35, 1.65, 1.5, 1.5, 1.35, 1.65], color="black",
                  linewidth=1, clip_on=False)
        axes.annotate(
            f"critical difference {difference:.2f}", (stop, 1.5), xytext=(4, 0),
            textcoords="offset points", va="center", annotation_clip=False,
        )
    axes.set_title(title, pad=8)


def learning_curves(figure: Figure, panels: Sequence[Panel], label: str) -> None:
    """Draw a metric of the validation set by epoch: means and one standard deviation.

    Where some cells have stopped, the mean of those still training continues as a dotted line.
    """
    looks = _looks(panels)
    for axes, panel in _stacked(figure, panels):
        for line in _best_last(panel.lines):
            colour, _ = looks.get(line.name, _OTHER)
            whole = slice(None, line.whole)
            axes.plot(line.at, line.mean, color=colour, linestyle=":")
            axes.plot(line.at[whole], line.mean[whole], color=colour)
            if line.name in looks:
                pairs = list(zip(line.mean, line.sd, strict=True))[whole]
                axes.fill_between(
                    line.at[whole], [mean - sd for mean, sd in pairs],
                    [mean + sd for mean, sd in pairs], color=colour, alpha=0.14, linewidth=0,
                )
        axes.set_ylabel(f"{label}, validation set")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(left=1)
        _label_ends(axes, panel.lines, looks)
    figure.axes[-1].set_xlabel("epoch")


def early_detection(
    figure: Figure, panels: Sequence[Panel], deadlines: Sequence[str], label: str
) -> None:
    """Draw a metric of the test set by deadline: means and one standard deviation.

    Classifiers that need no model are dashed and grey.
    """
    looks = _looks(panels)
    for axes, panel in _stacked(figure, panels):
        shifts = {}
        for number, line in enumerate(_best_last(panel.lines)):
            colour, marker = looks.get(line.name, _OTHER)
            # Shifted: bars of one deadline would cover each other.
            shifts[line.name] = shift = 0.05 * (number - (len(panel.lines) - 1) / 2)
            at = [place + shift for place in line.at]
            axes.plot(at, line.mean, "-" if line.model else "--", color=colour, marker=marker)
            if line.name in looks:
                axes.errorbar(at, line.mean, line.sd, fmt="none", ecolor=colour, elinewidth=0.8,
                              alpha=0.6)
        axes.set_ylabel(f"{label}, test set")
        axes.set_xticks(range(len(deadlines)), deadlines)
        _label_ends(axes, panel.lines, looks, shifts)
    figure.axes[-1].set_xlabel("observed until")


def gains(
    figure: Figure, panels: Sequence[Panel], strengths: Sequence[float], label: str, reference: str
) -> None:
    """Draw gains over a reference by the strength of a world: means and one standard deviation.

    The best scores, which are no configuration, are dashed and grey.
    """
    looks = _looks(panels)
    for axes, panel in _stacked(figure, panels):
        axes.axhline(0, color="black", linewidth=0.8)
        for line in _best_last(panel.lines):
            colour, marker = looks.get(line.name, _OTHER)
            at = [strengths[place] for place in line.at]
            axes.plot(at, line.mean, "-" if line.model else "--", color=colour, marker=marker)
            if line.model and line.name in looks:
                axes.errorbar(at, line.mean, line.sd, fmt="none", ecolor=colour, elinewidth=0.8,
                              alpha=0.6)
        axes.set_ylabel(f"{label}, gain")
        axes.set_xticks(list(strengths))
        _label_ends(axes, panel.lines, looks, at=strengths)
    figure.axes[-1].set_xlabel(f"strength; gain over {reference} on the test set")


def every_cell(figure: Figure, panels: Sequence[Panel], label: str) -> None:
    """Draw a metric of every cell as a point, with mean and standard deviation; guesses in grey."""
    most = max(len(panel.points) for panel in panels)
    all_axes = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    figure.set_size_inches(WIDTH, len(panels) * (0.5 + 0.24 * most) + 0.3)
    for axes, panel in zip(all_axes, panels, strict=True):
        for place, points in enumerate(panel.points):
            _dots(axes, place, points)
        axes.set_yticks(range(len(panel.points)), [points.name for points in panel.points])
        axes.set_ylim(len(panel.points) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.set_title(panel.table)
        axes.tick_params(axis="y", length=0)
    all_axes[-1].set_xlabel(f"{label}, test set: each cell, mean and standard deviation")


def _dots(axes: Axes, place: int, points: Points) -> None:
    colour = COLOURS[0] if points.model else _GREY
    count, mean = len(points.values), fmean(points.values)
    # Points of equal value must not hide one another; the order is that of the cells.
    spread = [0.0] if count == 1 else [0.36 * (n / (count - 1) - 0.5) for n in range(count)]
    axes.plot(points.values, [place + shift for shift in spread], "o", color=colour, alpha=0.4,
              markersize=3.5, markeredgewidth=0)
    if count > 1:
        axes.errorbar(mean, place, xerr=stdev(points.values), color=colour, elinewidth=1.2)
    axes.plot(mean, place, "D", color=colour, markersize=5, markeredgecolor="white",
              markeredgewidth=0.8)
    axes.annotate(f"{mean:.3f}", (1, place), xycoords=("axes fraction", "data"), xytext=(4, 0),
                  textcoords="offset points", va="center", color=colour)


def _stacked(figure: Figure, panels: Sequence[Panel]) -> Iterator[tuple[Axes, Panel]]:
    """Yield axes for each panel, with its title."""
    figure.set_size_inches(WIDTH, PANEL_HEIGHT * len(panels))
    grid = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axes, panel in zip(grid, panels, strict=True):
        axes.set_title(panel.table)
        yield axes, panel


def _looks(panels: Sequence[Panel]) -> dict[str, tuple[str, str]]:
    """Return colour and marker of the best configurations over all tables and of classifiers."""
    best: defaultdict[str, list[float]] = defaultdict(list)
    named = {}
    for line in (line for panel in panels for line in panel.lines):
        if line.model:
            best[line.name].append(max(line.mean))
        else:
            named[line.name] = (_GREY, "")
    chosen = sorted(best, key=lambda name: (-fmean(best[name]), name))[: len(COLOURS)]
    # By name: a line keeps its colour when it becomes better than another.
    return named | dict(zip(sorted(chosen), zip(COLOURS, MARKERS, strict=True), strict=False))


def _best_last(lines: Sequence[Line]) -> list[Line]:
    """Order lines by their best mean: the best are drawn over the others."""
    return sorted(lines, key=lambda line: (max(line.mean), line.name))


def _label_ends(
    axes: Axes, lines: Sequence[Line], looks: Mapping[str, tuple[str, str]],
    shifts: Mapping[str, float] = MappingProxyType({}), at: Sequence[float] | None = None,
) -> None:
    """Write the names of lines that have looks next to their ends, apart from one another.

    ``at`` has what the axis shows at the places of the lines; the places themselves by default.
    """
    low, high = axes.get_ylim()
    gap = (high - low) * _LABEL_POINTS / (_AXES_SHARE * PANEL_HEIGHT * _POINTS_PER_INCH)
    named = sorted((line for line in lines if line.name in looks), key=lambda line: line.mean[-1])
    places = _apart([line.mean[-1] for line in named], gap)
    for line, place in zip(named, places, strict=True):
        colour, _ = looks[line.name]
        last = line.at[-1] if at is None else at[line.at[-1]]
        end = last + shifts.get(line.name, 0.0)
        axes.annotate(
            line.name, (end, line.mean[-1]), xytext=(1.05, (place - low) / (high - low)),
            textcoords="axes fraction", va="center", color=colour, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6,
                        "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 3},
        )
    if others := len(lines) - len(named):
        axes.annotate(
            f"grey: {others} more", (1.05, 0), xycoords="axes fraction", xytext=(0, -10),
            textcoords="offset points", va="top", color=_GREY, annotation_clip=False,
        )


def _apart(values: Sequence[float], gap: float) -> list[float]:
    """Move sorted values as little as keeps each ``gap`` above the one before.

    Neighbours that are too close become a group around their mean, and groups that then are too
    close become one.
    """
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        while len(groups) > 1 and _places(groups[-1], gap)[0] - _places(groups[-2], gap)[-1] < gap:
            last = groups.pop()
            groups[-1] += last
    return [place for group in groups for place in _places(group, gap)]


def _places(group: Sequence[float], gap: float) -> list[float]:
    bottom = fmean(group) - gap * (len(group) - 1) / 2
    return [bottom + gap * place for place in range(len(group))]
