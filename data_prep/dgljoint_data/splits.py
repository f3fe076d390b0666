"""Folds that go into the store: see "Splits" in ``docs/data.md``.

``time`` divides each class by itself: classes collected at different times would be missing from a
plain chronological split. A user's own folds are a table of cascade id and fold, -1 for none.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.text import plural
from dgljoint.data.folds import stratified_folds
from dgljoint.errors import DataError, UsageError
from dgljoint_data.audit.near_duplicates import merge_groups, near_duplicate_groups
from dgljoint_data.audit.overlap import Sources

if TYPE_CHECKING:
    from dgljoint.data.store import CascadeStore

KINDS = ("event", "random", "leave-one-event-out", "time")
VERSION = 2  # raise it when the same cascades get other splits
FOLDS = 5
FEWEST_FOLDS = 3  # one each to train, to select and to test on
MOST_EVENTS = 20  # with more, the events are too small to be tested on one by one
MOST_FOLDS = 127  # a fold is a signed byte
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_SHOWN = 3

Folds = NDArray[np.int8]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A split of C cascades, to be stored as :class:`dgljoint.data.store.StoredSplit`."""

    name: str
    grouped_by: str
    fold: Folds
    group: Ints | None = None
    ordered_by: str = ""

    @property
    def folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1


class _NotAllowedError(Exception):
    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


def make_splits(sources: Sources, seed: int) -> tuple[list[Split], dict[str, str]]:
    """Divide C cascades in every way that they allow; return also why others are refused."""
    divided = _Cascades(sources)
    splits: list[Split] = []
    refused: dict[str, str] = {}
    # As many random folds as the split by event has, so that the two can be compared.
    folds = None
    for kind in KINDS:
        try:
            split = divided.split(kind, kind, folds if kind == "random" else None, seed)
        except _NotAllowedError as error:
            refused[kind] = str(error)
        else:
            splits.append(split)
            folds = split.folds if kind == "event" else folds
    return splits, refused


def make_split(
    kind: str, sources: Sources, *, name: str, folds: int | None = None, seed: int = 0
) -> Split:
    """Divide the cascades of a store in one way of :data:`KINDS`, into five folds by default.

    Raise DataError if the cascades do not allow it.
    """
    try:
        return _Cascades(sources).split(kind, name, folds, seed)
    except _NotAllowedError as error:
        what = {"time": "no split by time: ", "leave-one-event-out": "no fold for each event: "}
        raise DataError(f"{what.get(kind, '')}{error}", hint=error.hint) from None


class _Cascades:
    """Cascades that are to be divided; what several ways of it need is worked out once."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        labels = [label or "" for label in sources.labels]
        self._classes: Ints = np.unique(labels, return_inverse=True)[1]
        # Not np.unique, whose array has the longest name's length everywhere.
        place = {event: number for number, event in enumerate(sorted(set(sources.events)))}
        self._events: Ints = np.array([place[event] for event in sources.events], np.int64)
        self._happened = len(place)

    def split(self, kind: str, name: str, folds: int | None, seed: int) -> Split:
        if kind == "time":
            fold = self._stretches(folds or FOLDS)
            return Split(name, "", fold.astype(np.int8), ordered_by="time")
        if kind == "leave-one-event-out":
            self._check_events()
            return Split(name, "event", self._events.astype(np.int8))
        groups = self._alike() if kind == "event" else None
        distinct = len(self._classes) if groups is None else len(np.unique(groups))
        wanted = folds or min(FOLDS, distinct)
        if distinct < FEWEST_FOLDS or distinct < wanted:
            self._refuse(kind, distinct, folds)
        fold = stratified_folds(self._classes, groups, wanted, seed)
        return Split(name, "" if groups is None else kind, fold.astype(np.int8), groups)

    def _alike(self) -> Ints:
        """Join events that share near-duplicate texts: (C,) the lowest event of each group."""
        first = merge_groups(self._events, near_duplicate_groups(self._sources.texts))
        lowest = self._events.copy()
        np.minimum.at(lowest, first, self._events)
        return lowest[first]

    def _refuse(self, kind: str, distinct: int, folds: int | None) -> None:
        found = plural(distinct, "event" if kind == "event" else "cascade")
        if kind == "event" and distinct < self._happened:
            found += ", near-duplicate texts counted as one"
        if distinct >= FEWEST_FOLDS:
            raise _NotAllowedError(
                f"{found} cannot be divided into {folds} folds", "ask for fewer --folds"
            )
        raise _NotAllowedError(
            _too_few(found),
            "--kind random divides cascades whatever their event" if kind == "event"
            else "a file of so few cascades can be scored, not trained on",
        )

    def _check_events(self) -> None:
        if self._happened < FEWEST_FOLDS:
            raise _NotAllowedError(
                _too_few(plural(self._happened, "event")),
                "--kind random divides cascades whatever their event",
            )
        if self._happened > MOST_EVENTS:
            raise _NotAllowedError(
                f"{self._happened} events, more than {MOST_EVENTS}",
                "--kind event puts several into a fold",
            )

    def _stretches(self, folds: int) -> Ints:
        """Divide each class into stretches of time of equal numbers, the latest first."""
        labels, posted_at = self._sources.labels, np.array(self._sources.posted_at, np.int64)
        hint = "ask for fewer --folds or other data"
        if len(labels) < folds:
            found = plural(len(labels), "cascade")
            raise _NotAllowedError(f"{found} for {folds} stretches of time", hint)
        if undated := int((posted_at == 0).sum()):
            raise _NotAllowedError(f"{undated} of {len(labels)} cascades have no date", hint)
        for label in sorted({label for label in labels if label is not None}):
            if (held := labels.count(label)) < folds:
                raise _NotAllowedError(
                    f"class '{label}' would be missing from a fold: {held} cascades for {folds} "
                    "stretches of time",
                    hint,
                )
        fold = np.zeros(len(labels), np.int64)
        for number in np.unique(self._classes):
            members = np.flatnonzero(self._classes == number)
            latest_first = members[np.argsort(-posted_at[members], kind="stable")]
            fold[latest_first] = np.arange(len(members)) * folds // len(members)
        return fold


def _too_few(found: str) -> str:
    return f"{found}, at least {FEWEST_FOLDS} are needed: to train, to select and to test on"


@dataclass(frozen=True, slots=True, eq=False)
class GivenSplit:
    """A split read from a file, how many cascades it lacks, and ids that the store has not."""

    split: Split
    missing: int
    unknown: list[str]


def check_name(name: str, kind: str | None) -> None:
    """Raise :class:`UsageError` for a name of another kind (``None``: a file's), or an odd one."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' is no name for a split",
            hint="use up to 64 letters, digits and any of _ . + -, a letter or digit first",
        )
    if name in KINDS and name != kind:
        raise UsageError(
            f"a split called '{name}' must be one of --kind {name}", hint="choose another name"
        )


def read_split(store: CascadeStore, name: str, file: Path, *, skip_unknown: bool) -> GivenSplit:
    """Read folds from a file; events count as kept together when the file happens to keep them so.

    Raise DataError for a bad line, an id twice or unknown, or a gap in the folds' numbers.
    """
    place = {cascade: number for number, cascade in enumerate(store.ids.all())}
    fold = np.full(len(store), -1, np.int8)
    seen: dict[str, int] = {}
    unknown = []
    for line, cascade, number in _rows(file):
        if cascade in seen:
            raise DataError(
                f"{file}:{line}: cascade '{cascade}' is on line {seen[cascade]} already",
                hint="name each cascade once",
            )
        seen[cascade] = line
        if cascade in place:
            fold[place[cascade]] = number
        else:
            unknown.append(cascade)
    if unknown and not skip_unknown:
        shown = ", ".join(f"'{cascade}'" for cascade in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        raise DataError(
            f"{file}: {store.path} has no cascade {shown}{more}",
            hint="--skip-unknown passes over ids that DATA does not hold",
        )
    _check_folds(file, fold)
    pairs = np.unique(np.stack((store.event, fold))[:, fold >= 0], axis=1)
    divided = (np.diff(np.sort(pairs[0])) == 0).any()
    missing = len(store) - (len(seen) - len(unknown))
    return GivenSplit(Split(name, "" if divided else "event", fold), missing, unknown)


def _rows(file: Path) -> Iterator[tuple[int, str, int]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} cannot be read: it is no UTF-8 text") from error
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    rows = csv.reader(text.splitlines(), delimiter=delimiter)
    first = True
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            known = len(cells) == 2 and cells[0] and re.fullmatch(r"-1|[0-9]{1,3}", cells[1])
            if known and int(cells[1]) < MOST_FOLDS:
                yield rows.line_num, cells[0], int(cells[1])
            elif not (first and len(cells) == 2 and not cells[1].lstrip("+-").isdigit()):
                raise DataError(
                    f"{file}:{rows.line_num}: expected a cascade's id and a fold of -1 to "
                    f"{MOST_FOLDS - 1}, found {delimiter.join(row)[:80]!r}",
                    hint="two columns, divided by a tab or a comma",
                )
            first = False
    except csv.Error as error:
        raise DataError(f"{file}:{rows.line_num}: {error}") from error


def _check_folds(file: Path, fold: Folds) -> None:
    held = np.unique(fold[fold >= 0])
    if len(held) < 2:
        raise DataError(f"{file}: cascades of the store in {len(held)} folds, expected two or more")
    empty = sorted(set(range(int(held[-1]) + 1)) - set(held.tolist()))
    if empty:
        raise DataError(
            f"{file}: no cascade of the store is in fold {empty[0]}, but some are in {held[-1]}",
            hint="number the folds from 0 without a gap",
        )
