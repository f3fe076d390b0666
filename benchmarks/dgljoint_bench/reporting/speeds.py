"""Two files of ``dgljoint benchmark speed`` beside one another.

Seconds of two machines, or of one at two times, say little. What can be compared is our time over
that of other libraries, which were timed in the same process and in turns: they measure the
machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from dgljoint.config.run_config import flat
from dgljoint.errors import DataError
from dgljoint_bench.reporting.gate import Regression, times

OWN = "dgljoint"
"""Rows whose name begins so are ours."""
# Where the same data lie, and how often they were gone over, change nothing.
_NOT_ASKED = ("path", "rounds", "sections")

Rows = dict[str, float]


@dataclass(frozen=True, slots=True)
class Speeds:
    """A speed file.

    Attributes:
        name: of the file.
        asked: what was measured: facts of the data and settings.
        environment: machine and versions.
        sections: median seconds by row, by section.
    """

    name: str
    asked: dict[str, Any]
    environment: dict[str, Any]
    sections: dict[str, Rows]


@dataclass(frozen=True, slots=True)
class Timed:
    """One row on both sides.

    Attributes:
        section: its name.
        row: its name.
        first: median seconds of the reference.
        second: median seconds of the other side.
        ratio: second / first, which the machine is part of.
        relative: the same over the geometric mean of the yardsticks' ratios; ``None`` for a
            yardstick.
    """

    section: str
    row: str
    first: float
    second: float
    ratio: float
    relative: float | None


@dataclass(frozen=True, slots=True)
class SpeedComparison:
    """What :func:`compare_speeds` found.

    Attributes:
        first: name of the reference.
        second: name of the other side.
        rows: in the reference's order.
        environment: of machine and versions, what differs, the reference's first.
        notes: what was left out.
    """

    first: str
    second: str
    rows: tuple[Timed, ...]
    environment: dict[str, tuple[Any, Any]]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def read_speeds(path: Path) -> Speeds:
    """Read a speed file.

    Raises:
        DataError: it is something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        sections = {
            name: {row: _seconds(told["median_seconds"]) for row, told in section["rows"].items()}
            for name, section in found["sections"].items()
        }
        asked, settings = found["data"] or {}, found.get("settings", {})
        return Speeds(
            name=str(path),
            asked={
                name: value for name, value in flat({**asked, **settings}).items()
                if name not in _NOT_ASKED
            },
            environment=flat({"machine": found["machine"], "version": found["versions"]}),
            sections=sections,
        )
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{path} is no readable file of dgljoint benchmark speed ({error!r})",
            hint="dgljoint benchmark speed -o FILE writes one",
        ) from error


def compare_speeds(first: Speeds, second: Speeds) -> SpeedComparison:
    """Compare what two speed files have in common.

    The yardsticks of a section are the rows of other libraries; where there are none, or no row
    is ours, its first row.

    Args:
        first: the reference.
        second: the other side.

    Raises:
        DataError: other data were gone over, or no row is in common.
    """
    differ = [
        f"{name} {first.asked[name]} and {second.asked[name]}"
        for name in first.asked
        if name in second.asked and first.asked[name] != second.asked[name]
    ]
    if differ:
        raise DataError(
            f"{first.name} and {second.name} were not asked the same: {'; '.join(differ)}",
            hint="measure both on the same data with the same settings",
        )
    rows = [
        timed for section, ours in first.sections.items()
        for timed in _timed(section, ours, second.sections.get(section, {}))
    ]
    if not rows:
        raise DataError(
            f"{first.name} and {second.name} have no row in common",
            hint="measure the same sections for both",
        )
    return SpeedComparison(
        first=first.name,
        second=second.name,
        rows=tuple(rows),
        environment=_differing(first.environment, second.environment),
        notes=(*_without_counterpart(first, second), *_without_counterpart(second, first)),
    )


def slower(found: SpeedComparison, time_tolerance: float) -> list[Regression]:
    """Return the rows that take more than so many times as long, beside their yardsticks.

    Args:
        found: the comparison.
        time_tolerance: how many times as long a row may take.

    Raises:
        DataError: no row has a yardstick.
    """
    known = [(row, row.relative) for row in found.rows if row.relative is not None]
    if not known:
        raise DataError(
            f"{found.first} and {found.second} have no row beside another that measures the "
            "machine",
            hint="measure sections with several rows, such as epoch",
        )
    return [
        Regression(f"{row.section}, {row.row}", "time beside the other rows", 1.0, relative,
                   times(time_tolerance))
        for row, relative in known if relative > time_tolerance
    ]


def _timed(section: str, ours: Rows, theirs: Rows) -> Iterable[Timed]:
    common = [row for row in ours if row in theirs]
    ratios = {row: theirs[row] / ours[row] for row in common}
    own = [row for row in common if row.startswith(OWN)]
    judged = own if 0 < len(own) < len(common) else common[1:]
    yardsticks = [ratios[row] for row in common if row not in judged]
    for row in common:
        relative = ratios[row] / geometric_mean(yardsticks) if row in judged else None
        yield Timed(section, row, ours[row], theirs[row], ratios[row], relative)


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 < seconds < math.inf:
        raise ValueError(f"{value} seconds")
    return seconds


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (one.get(name), other.get(name))
        for name in dict.fromkeys((*one, *other))
        if one.get(name) != other.get(name)
    }


def _without_counterpart(one: Speeds, other: Speeds) -> Iterable[str]:
    alone = [
        f"{section}, {row}" for section, rows in one.sections.items() for row in rows
        if row not in other.sections.get(section, {})
    ]
    if alone:
        yield f"{one.name}: without a counterpart: {'; '.join(alone)}"
