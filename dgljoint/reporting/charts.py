"""Line charts as geometry, for a template to draw as SVG.

Plain coordinates rather than a plotting library's picture: the page's own colours apply, light or
dark, the text stays text, and a run does not wait for a library to load.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 28
_TICKS = 5
_COLOURS = 8

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A series: its name, the number of its colour, and its points in the picture."""

    name: str
    colour: int
    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """The points as the attribute ``points`` of a polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark at an axis: its place in the picture, and its text."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A line chart, ready to draw."""

    title: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    marked: float | None  # the place of the selected epoch; `None` for none


def line_chart(title: str, series: Mapping[str, Points], marked: int | None = None) -> Chart | None:
    """Place series over epochs; ``None`` when they hold no point."""
    known = {name: points for name, points in series.items() if points}
    if not known:
        return None
    epochs = [x for points in known.values() for x, _ in points]
    values = [y for points in known.values() for _, y in points]
    first, last = min(epochs), max(epochs)
    ticks = nice_ticks(min(values), max(values))
    low, high = min(ticks[0], min(values)), max(ticks[-1], max(values))

    def across(x: float) -> float:
        share = (x - first) / (last - first) if last > first else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def up(y: float) -> float:
        return HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    whole = [x for x in nice_ticks(first, last) if x == int(x) and first <= x <= last]
    return Chart(
        title=title,
        lines=tuple(
            Line(name, place % _COLOURS, tuple((across(x), up(y)) for x, y in points))
            for place, (name, points) in enumerate(known.items())
        ),
        across=tuple(Tick(across(x), f"{x:g}") for x in whole or [first]),
        up=tuple(Tick(up(y), f"{y:.6g}") for y in ticks),
        marked=None if marked is None or not first <= marked <= last else across(marked),
    )


def nice_ticks(low: float, high: float) -> list[float]:
    """Return round numbers, at least two, a few of them from ``low`` to ``high`` and around."""
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):  # one value alone
        room = abs(low) / 2 or 0.5
        low, high = low - room, high + room
    rough = (high - low) / _TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
