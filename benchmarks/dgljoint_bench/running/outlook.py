"""How long the cells that are left will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean

from dgljoint_bench.results.records import DONE, CellRecord, Key


class Outlook:
    """Learns what cells take from those that are done.

    A cell is expected to take what those of its configuration took on the same data; failing that,
    of its configuration; failing that, of all.

    Args:
        known: cells that are recorded already.
    """

    def __init__(self, known: Iterable[CellRecord] = ()) -> None:
        self._seconds: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for cell in known:
            self.learn(cell)

    def learn(self, cell: CellRecord) -> None:
        """Take the time of a cell that is done into account."""
        if cell.state == DONE and cell.seconds is not None:
            for kind in _kinds(cell.key):
                self._seconds[kind].append(cell.seconds)

    def seconds_left(self, left: Iterable[Key], jobs: int) -> float | None:
        """Expect so many seconds for cells that are run ``jobs`` at a time; ``None``: unknown."""
        total = 0.0
        for key in left:
            found = next((self._seconds[k] for k in _kinds(key) if k in self._seconds), None)
            if found is None:
                return None
            total += fmean(found)
        return total / jobs


def _kinds(key: Key) -> tuple[tuple[str, ...], ...]:
    """Return what cells are like one another, the closest first."""
    return (key.data, key.configuration), ("", key.configuration), ()
