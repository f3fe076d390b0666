"""Compare two speed files, and one with what is promised.

Seconds of two machines, or of one at two times, show little. What can be compared is our time
divided by that of other libraries, which were timed in the same process and in turns: they measure
the machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from dgljoint.config.run_config import flat
from dgljoint.errors import DataError

from .request import DGL, OWN, PYG_DENSE, PYG_SPARSE

# The place of the data, and how often they were measured, change nothing.
_MAY_DIFFER = ("path", "rounds", "sections")

LEAST_RATIO = {("epoch", PYG_SPARSE): 2.5, ("epoch", PYG_DENSE): 60.0, ("structure", DGL): 3.0}
"""Promised of Twitter15: how many times our time another row takes."""
LEAST_RATE = {"edge_lines": 150_000, "tweet_files": 4_000}
"""Promised of preprocessing, per second."""
MOST_MEMORY, MOST_TIME = 1.2, 1.3
"""Promised of sets of a million posts and more: growth of training memory over ten times the
posts, and of the time to build a post."""
_POSTS = 900_000


@dataclass(frozen=True, slots=True)
class Timed:
    """One row in both files.

    Attributes:
        section: its name.
        row: its name.
        first: median seconds of the reference.
        second: median seconds of the other file.
        relative: ``second / first`` divided by the geometric mean of the same of the rows that
            measure the machine; ``None`` for such a row.
    """

    section: str
    row: str
    first: float
    second: float
    relative: float | None

    @property
    def ratio(self) -> float:
        """How many times as long the other file's takes, the machine included."""
        return self.second / self.first


def read_speeds(path: Path) -> dict[str, Any]:
    """Read a speed file, whose times are all positive.

    Raises:
        DataError: it is something else.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        seconds = [
            float(row["median_seconds"])
            for section in found["sections"].values() for row in section["rows"].values()
        ]
        for name in ("machine", "versions", "data", "scaling"):
            dict(found[name] or {})
        if not all(0 < one < math.inf for one in seconds):
            raise ValueError("times that are not positive")  # noqa: TRY301  # caught below: one message for every fault
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{path} is no readable speed file ({error!r})",
            hint="python -m benchmarks.speed -o FILE writes one",
        ) from error
    return found


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Timed]:
    """Compare the rows that two speed files have in common.

    Rows of other libraries measure the machine; where a section has none, or none of ours, its
    first row does.

    Raises:
        DataError: other data or settings were measured, or no row is in common.
    """
    one, other = (
        flat({**(found["data"] or {}), **found.get("settings", {})}) for found in (first, second)
    )
    differ = [
        f"{name} {one[name]} and {other[name]}"
        for name in one.keys() & other.keys() - {*_MAY_DIFFER} if one[name] != other[name]
    ]
    if differ:
        raise DataError(
            f"the files differ in what was measured: {'; '.join(sorted(differ))}",
            hint="measure both on the same data with the same settings",
        )
    rows = [
        timed for section, ours in first["sections"].items()
        for timed in _timed(section, ours["rows"], _rows(second, section))
    ]
    if not rows:
        raise DataError(
            "the files have no row in common", hint="measure the same sections for both"
        )
    return rows


def slower(rows: Sequence[Timed], tolerance: float) -> list[Timed]:
    """Return the rows that take more than so many times as long, the machine apart.

    Raises:
        DataError: no row was timed next to one that measures the machine.
    """
    if all(row.relative is None for row in rows):
        raise DataError(
            "no section has a row that measures the machine",
            hint="measure sections with several rows, such as epoch",
        )
    return [row for row in rows if row.relative is not None and row.relative > tolerance]


def remarks(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    """Yield which rows only one file has, and in what machines and versions differ."""
    for name, found, other in (("A", first, second), ("B", second, first)):
        alone = [
            f"{section}, {row}" for section in found["sections"] for row in _rows(found, section)
            if row not in _rows(other, section)
        ]
        if alone:
            yield f"only in {name}: {'; '.join(alone)}"
    one, other = (
        flat({"machine": found["machine"], "version": found["versions"]})
        for found in (first, second)
    )
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield f"{name}: {one.get(name)} in A, {other.get(name)} in B"


def promises(found: Mapping[str, Any]) -> Iterator[tuple[str, float, bool]]:
    """Yield what is promised of what a speed file holds, what was found, and whether it is kept."""
    for (section, row), least in LEAST_RATIO.items():
        if (timed := _rows(found, section).get(row)) is not None:
            text = f"{section}, {row}: at least {least:g} times our time"
            yield text, timed["ratio"], timed["ratio"] >= least
    read = found["sections"].get("preprocess", {})
    best = min((row["median_seconds"] for row in read.get("rows", {}).values()), default=math.inf)
    for name, count in read.get("read", {}).items():
        if (bound := LEAST_RATE.get(name)) is not None:
            text = f"preprocess, {name.replace('_', ' ')} per second: at least {bound:,}"
            yield text, count / best, count / best >= bound
    sizes = [size for size in found["scaling"].get("posts", []) if size["posts"] >= _POSTS]
    for small, large in pairwise(sizes):
        for part, figure, most in (
            ("train", "peak_megabytes", MOST_MEMORY), ("build", "posts_a_second", 1 / MOST_TIME),
        ):
            ratio = large[part][figure] / small[part][figure]
            at_most = part == "train"
            text = (
                f"{part}, {figure.replace('_', ' ')} of {large['posts']:,} posts: "
                f"at {'most' if at_most else 'least'} {most:.2f} of that of {small['posts']:,}"
            )
            yield text, ratio, ratio <= most if at_most else ratio >= most


def _rows(found: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    rows: Mapping[str, Any] = found["sections"].get(section, {"rows": {}})["rows"]
    return rows


def _timed(section: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Timed]:
    pairs = {
        row: (ours[row]["median_seconds"], theirs[row]["median_seconds"])
        for row in ours if row in theirs
    }
    own = [row for row in pairs if row.startswith(OWN)]
    judged = own if 0 < len(own) < len(pairs) else [*pairs][1:]
    machine = [second / first for row, (first, second) in pairs.items() if row not in judged]
    for row, (first, second) in pairs.items():
        relative = second / first / geometric_mean(machine) if row in judged else None
        yield Timed(section, row, first, second, relative)
