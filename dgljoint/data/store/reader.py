"""Read a cascade file: validated once, mapped into memory, gathered without a loop over posts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.tables import NOTHING, Sheet, Shown, facts
from dgljoint._internal.text import did_you_mean
from dgljoint.data.columns import CascadeColumns
from dgljoint.data.store._hdf5 import digest_of, read_file
from dgljoint.data.store.format import BEST_PARTS, check_attributes, check_columns
from dgljoint.errors import DataError, UsageError

# Posts per cascade from which on copying it as a whole pays.
_LONG = 64
# What does not belong to the cascades: how they are divided, and who wrote the file.
_NOT_CONTENT = ("digest", "splits", "splits_refused", "created_with")
_NOT_CASCADES = ("splits/", "groups/")


class Strings:
    """A string column, decoded on access."""

    def __init__(self, ptr: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        self._ptr = ptr
        self._data = data

    def __len__(self) -> int:
        return len(self._ptr) - 1

    def __getitem__(self, index: int) -> str:
        text = self._data[self._ptr[index] : self._ptr[index + 1]].tobytes()
        return text.decode(errors="replace")  # whoever wrote the file may have cut a character

    def between(self, start: int, end: int) -> list[str]:
        """Decode the strings from ``start`` up to ``end``."""
        return [self[index] for index in range(start, end)]

    def filled(self) -> int:
        """Count the strings that are not empty."""
        return int((np.diff(self._ptr) > 0).sum())

    def all(self) -> list[str]:
        """Decode the whole column."""
        blob = self._data.tobytes()
        ptr = self._ptr.tolist()
        return [blob[start:end].decode(errors="replace") for start, end in pairwise(ptr)]


@dataclass(frozen=True, slots=True, eq=False)
class SparseFeature:
    """A stored sparse feature: one CSR row per post; ``vocabulary`` may name its ``columns``."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[np.float32]
    columns: int
    vocabulary: Strings | None


@dataclass(frozen=True, slots=True, eq=False)
class DenseFeature:
    """A stored dense feature: ``rows`` (K, F), float16 or float32, of those posts that have one.

    ``posts`` (K,) is the position in the store of each row's post, ascending; ``None``: all have.
    """

    rows: NDArray[Any]
    posts: NDArray[np.int64] | None

    @property
    def columns(self) -> int:
        """F, the number of columns."""
        return int(self.rows.shape[1])

    def of(self, posts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return which of N posts have a row, (R,) places among them, and the (R, F) rows."""
        if self.posts is None:
            return np.arange(len(posts)), self.rows[posts]
        row = np.searchsorted(self.posts, posts)
        found = row < len(self.posts)
        found[found] = self.posts[row[found]] == posts[found]
        return np.flatnonzero(found), self.rows[row[found]]

    def filled(self, posts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (N, F), zeros for those of N posts that have no row."""
        place, rows = self.of(posts)
        whole = np.zeros((len(posts), self.columns), np.float32)
        whole[place] = rows
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class StoredTarget:
    """Labels of another task; nothing that makes a batch reads them.

    ``values``, (C,) or (P,), have the class per cascade or post, -1: none.
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


@dataclass(frozen=True, slots=True, eq=False)
class StoredBest:
    """The best predictions of one kind, see :class:`dgljoint.data.cascade.Best`.

    Shapes: ``probability`` (C, K) of K classes, ``above`` and ``source`` (P,).
    """

    probability: NDArray[np.float64]
    above: NDArray[np.int32]
    source: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class StoredSplit:
    """A split as stored: ``fold`` (C,), -1: left out.

    ``grouped_by`` is what is kept together (``""``: nothing), ``group`` (C,) the number of each.
    ``ordered_by`` is ``time`` when a fold is tested by what was trained on the folds after it.
    """

    name: str
    fold: NDArray[np.int8]
    grouped_by: str
    group: NDArray[np.int32] | None
    ordered_by: str
    digest: str

    @property
    def folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max(initial=-1)) + 1


class CascadeStore(Shown):
    """One cascade file, open for reading.

    ``on_read`` is called with the positions of all cascades that :meth:`read` is asked for.

    Raises:
        DataError: the file is missing, foreign, of another version, damaged or inconsistent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.on_read: Callable[[NDArray[np.int64]], None] | None = None
        self.attributes, self._columns = read_file(path, partial(check_attributes, path))
        check_columns(path, self._columns, self.attributes)
        self._label_names = tuple(map(str, self.attributes["label_names"]))
        self.post_ptr = self._columns["cascade/post_ptr"]
        self.label = self._columns["cascade/label"]
        self.event = self._columns["cascade/event"]
        self.posted_at = self._columns["cascade/posted_at"]
        self.ids = self._strings("cascade/id")
        self.event_names = self._strings("event/name")
        self.user = self._columns["post/user"]
        self.post_ids = self._strings("post/id")
        self.text = self._strings("post/text")

    def __len__(self) -> int:
        return len(self.label)

    def _sheet(self) -> Sheet:
        table = facts(
            data=self.name, cascades=f"{len(self):,}", posts=f"{self.posts:,}",
            classes=", ".join(self.label_names) or NOTHING,
            features=", ".join(self.features) or NOTHING, splits=", ".join(self.splits) or NOTHING,
        )
        return Sheet(f"CascadeStore {self.path}", (table,))

    @property
    def name(self) -> str:
        """Name of the data set."""
        return str(self.attributes["name"])

    @property
    def digest(self) -> str:
        """Identifies all that the file holds."""
        return str(self.attributes["digest"])

    @cached_property
    def content_digest(self) -> str:
        """Identifies the cascades and their features, whatever splits or version of dgljoint.

        Taken when it is asked for: a pass over the file.
        """
        columns = {
            name: column for name, column in self._columns.items()
            if not name.startswith(_NOT_CASCADES)
        }
        attributes = {
            name: value for name, value in self.attributes.items() if name not in _NOT_CONTENT
        }
        return digest_of(columns, attributes)

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """Every column as it is in the file, by its path there."""
        return dict(self._columns)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The classes, by number."""
        return self._label_names

    @property
    def posts(self) -> int:
        """Number of posts."""
        return int(self.post_ptr[-1])

    @property
    def features(self) -> Mapping[str, str]:
        """Names of the features, each with ``sparse``, ``dense`` or ``derived``.

        A derived one is computed when a batch is made; nothing of it is stored.
        """
        derived = dict.fromkeys(self.attributes["derived"], "derived")
        return {**self.attributes["features"], **derived}

    def relabelled(
        self, names: Sequence[str], renamed: Mapping[str, str] = MappingProxyType({})
    ) -> CascadeStore:
        """Return the same cascades with the classes ``names``; those of others have no label.

        ``renamed`` has the new names of classes; several may get the same. Digests and columns stay
        those of the file.
        """
        now = [renamed.get(name, name) for name in self.label_names]
        made = copy(self)
        # -1, the last, is no label.
        number = [*(names.index(name) if name in names else -1 for name in now), -1]
        made.label = np.array(number, self.label.dtype)[self.label]
        made._label_names = tuple(names)
        return made

    def read(self, indices: NDArray[np.integer[Any]]) -> CascadeColumns:
        """Gather the structure of some cascades, in the order given."""
        index = np.asarray(indices, np.int64)
        if self.on_read is not None:
            self.on_read(index)
        starts, ends = self.post_ptr[index], self.post_ptr[index + 1]
        sizes = ends - starts
        post_ptr = np.concatenate(([0], sizes.cumsum()))
        first = post_ptr[:-1]
        posts = np.arange(post_ptr[-1]) + np.repeat(starts - first, sizes)
        # Where cascades are long, copying each as a whole is several times faster than picking
        # posts.
        whole = len(posts) > _LONG * len(index)
        stretches = [
            slice(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]

        def gather(path: str) -> NDArray[Any]:
            column = self._columns[path]
            parts = [column[stretch] for stretch in stretches] if whole else [column.take(posts)]
            return np.concatenate(parts) if whole else parts[0]

        parent = gather("post/parent") + np.repeat(first, sizes)
        parent[first] = -1
        return CascadeColumns(
            index=index, post_ptr=post_ptr, posts=posts, parent=parent,
            delay_seconds=gather("post/delay"), kind=gather("post/kind"),
        )

    def sparse(self, feature: str) -> SparseFeature:
        """Return a sparse feature."""
        base = f"features/{feature}"
        width = self.attributes["columns"].get(feature)
        words = self._strings(f"{base}/vocabulary") if width is None else None
        return SparseFeature(
            indptr=self._columns[f"{base}/indptr"], indices=self._columns[f"{base}/indices"],
            values=self._columns[f"{base}/values"],
            columns=len(words) if words is not None else width, vocabulary=words,
        )

    def dense(self, feature: str) -> DenseFeature:
        """Return a dense feature."""
        base = f"features/{feature}"
        return DenseFeature(self._columns[f"{base}/rows"], self._columns.get(f"{base}/posts"))

    @cached_property
    def targets(self) -> Mapping[str, StoredTarget]:
        """Labels of other tasks, by name; none of them is a feature."""
        return {
            name: StoredTarget(
                name, target["per"], tuple(target["names"]), self._columns[f"targets/{name}"]
            )
            for name, target in self.attributes.get("targets", {}).items()
        }

    @property
    def best(self) -> Mapping[str, StoredBest]:
        """The best predictions that a generator knows, by kind; of most data there are none.

        There are none either for other classes than those of the file.
        """
        if self.label_names != tuple(self.attributes["label_names"]):
            return {}
        return {
            kind: StoredBest(*(self._columns[f"best/{kind}/{part}"] for part, _, _ in BEST_PARTS))
            for kind in self.attributes.get("best", ())
        }

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the stored splits."""
        return tuple(self.attributes["splits"])

    @property
    def splits_refused(self) -> Mapping[str, str]:
        """Splits that the data do not allow, each with the reason."""
        return dict(self.attributes["splits_refused"])

    def split(self, name: str) -> StoredSplit:
        """Return a split.

        Raises:
            UsageError: there is none of that name.
            DataError: there is none at all.
        """
        splits = self.attributes["splits"]
        why = self.splits_refused.get(name)
        if name not in splits:
            message = f"{self.path} has no split '{name}'" + (f": {why}" if why else "")
            if not splits:
                raise DataError(
                    message, hint="a file without a split can be scored, not trained on: it lacks "
                    "cascades or events"
                )
            hint = f"it has {', '.join(splits)}: --split names one"
            raise UsageError(message, hint=hint if why else did_you_mean(name, splits))
        settings = splits[name]
        grouped_by = settings["grouped_by"]
        return StoredSplit(
            name=name, fold=self._columns[f"splits/{name}"], grouped_by=grouped_by,
            group=self._columns.get(f"groups/{name}", self.event) if grouped_by else None,
            ordered_by=settings["ordered_by"], digest=settings["digest"],
        )

    def kept_apart(self, split: str) -> str | None:
        """Return what is never on both sides of a split; ``None`` if random or unknown."""
        grouped_by = self.split(split).grouped_by
        return grouped_by if grouped_by and len(np.unique(self.event)) < len(self) else None

    def _strings(self, path: str) -> Strings:
        return Strings(self._columns[f"{path}/ptr"], self._columns[f"{path}/bytes"])
