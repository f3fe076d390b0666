"""Labels of other tasks than rumor detection: one per cascade or one per post.

They are stored for tasks to come. Nothing that makes a batch or a feature reads them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Cascade, per_post
from dgljoint.data.store import layout as schema
from dgljoint.data.store._hdf5 import Whole
from dgljoint.errors import DataError

PER = ("cascade", "post")

_MOST_NAMES = 2**15 - 1


@dataclass(frozen=True, slots=True, eq=False)
class StoredTarget:
    """A target as stored.

    Attributes:
        name: of the target.
        per: ``cascade`` or ``post``: what it has one label of.
        names: the classes, by number.
        values: (C,) or (P,) int16 class of each; -1: none.
    """

    name: str
    per: str
    names: tuple[str, ...]
    values: NDArray[np.int16]

    def label(self, place: int) -> str | None:
        """Return the class of a cascade or post, by its position in the store."""
        number = int(self.values[place])
        return None if number < 0 else self.names[number]

    def count(self) -> tuple[dict[str, int], int]:
        """Return how many cascades or posts there are of each class, and how many of none."""
        none, *held = np.bincount(self.values + 1, minlength=len(self.names) + 1).tolist()
        return dict(zip(self.names, held, strict=True)), none


class TargetColumns:
    """Takes the targets of one cascade after the other; two bytes a label are held in memory."""

    def __init__(self) -> None:
        self._per: dict[str, str] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        self._values: dict[str, array[int]] = {}
        self._before = dict.fromkeys(PER, 0)

    def add(self, cascade: Cascade) -> None:
        """Append what a cascade has; what it lacks that others have is none.

        Raises:
            DataError: it has one per cascade that others have per post, or the other way round, or
                a target has too many classes.
        """
        sizes = {"cascade": 1, "post": len(cascade)}
        for name, value in cascade.targets.items():
            if value is None:
                continue
            per = "post" if per_post(value) else "cascade"
            if self._per.setdefault(name, per) != per:
                raise DataError(
                    f"cascade {cascade.id}: target {name} is given per {per}, before it was per "
                    f"{self._per[name]}"
                )
            # Those before it had none.
            self._values.setdefault(name, array("h", [-1]) * self._before[per])
        for name, per in self._per.items():
            value = cascade.targets.get(name)
            labels = value if value is not None and per_post(value) else [value] * sizes[per]
            self._values[name].extend(self._number(name, label) for label in labels)
        for per, size in sizes.items():
            self._before[per] += size

    def _number(self, name: str, label: Any) -> int:
        if label is None:
            return -1
        numbers = self._numbers.setdefault(name, {})
        if label not in numbers and len(numbers) == _MOST_NAMES:
            raise DataError(f"target {name} has more than {_MOST_NAMES:,} classes")
        return numbers.setdefault(label, len(numbers))

    def settings(self) -> dict[str, dict[str, object]]:
        """Return what a file says of each target: what it is given per, and its classes."""
        return {
            name: {"per": per, "names": sorted(self._numbers.get(name, ()))}
            for name, per in self._per.items()
        }

    def columns(self) -> Mapping[str, Whole]:
        """Return the columns; the classes are numbered in the order of their names."""
        made = {}
        for name, values in self._values.items():
            numbers = self._numbers.get(name, {})
            order = np.full(len(numbers) + 1, -1, schema.TARGET_DTYPE)
            order[[numbers[label] for label in sorted(numbers)]] = np.arange(len(numbers))
            # -1, the last, is none.
            made[f"targets/{name}"] = Whole(order[np.frombuffer(values, np.int16)])
        return made
