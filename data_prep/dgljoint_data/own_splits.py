"""Splits of one's own: made from a store with other settings, or given by a file.

A file of folds is a table of two columns, cascade id and fold, divided by tabs or commas, with or
without a heading::

    cascade,fold
    731166399389962242,0
    553587013409325058,-1

Folds count from 0; -1, or no line, leaves a cascade out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint_data.splits import KINDS, Sources, Split

MOST_FOLDS = 127  # a fold is a signed byte
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class GivenSplit:
    """A split read from a file.

    Attributes:
        split: as it is to be stored.
        missing: cascades of the store that the file does not name; they are in no fold.
        unknown: ids in the file that the store does not hold.
    """

    split: Split
    missing: int
    unknown: list[str]


def check_name(name: str, kind: str | None) -> None:
    """Raise :class:`UsageError` for a name that says another kind, or that no file can hold.

    Args:
        name: of a split to be stored.
        kind: what it is; ``None`` for folds from a file.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' is no name for a split",
            hint="use up to 64 letters, digits and any of _ . + -, a letter or digit first",
        )
    if name in KINDS and name != kind:
        raise UsageError(
            f"a split called '{name}' must be one of --kind {name}", hint="choose another name"
        )


def sources_of(store: CascadeStore) -> Sources:
    """Return what splits depend on, as it was when the store was built."""
    names = store.event_names.all()
    return Sources(
        labels=[None if label < 0 else store.label_names[label] for label in store.label.tolist()],
        events=[names[event] for event in store.event.tolist()],
        posted_at=store.posted_at.tolist(),
        texts=[store.text[post] for post in store.post_ptr[:-1].tolist()],
    )


def read_split(store: CascadeStore, name: str, file: Path, *, skip_unknown: bool) -> GivenSplit:
    """Read folds from a file.

    Events count as kept together when the file happens to keep them so.

    Args:
        store: whose cascades are divided.
        name: of the split.
        file: see the module.
        skip_unknown: pass over ids that the store does not hold.

    Raises:
        DataError: the file cannot be read, a line is of another form, an id repeats or is unknown,
            or folds are not numbered from 0 without a gap.
    """
    place = {cascade: number for number, cascade in enumerate(store.ids.all())}
    fold = np.full(len(store), -1, np.int8)
    seen: dict[str, int] = {}
    unknown = []
    for line, cascade, number in _rows(file):
        if cascade in seen:
            raise DataError(
                f"{file}:{line}: cascade '{cascade}' stands on line {seen[cascade]} already",
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
    grouped_by = "" if _divides_an_event(store.event, fold) else "event"
    missing = len(store) - (len(seen) - len(unknown))
    return GivenSplit(Split(name, grouped_by, fold), missing, unknown)


def _rows(file: Path) -> Iterator[tuple[int, str, int]]:
    """Yield line number, id and fold of each line."""
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
            number = _fold(cells[1]) if len(cells) == 2 and cells[0] else None
            if number is not None:
                yield rows.line_num, cells[0], number
            elif not (first and len(cells) == 2 and not cells[1].lstrip("+-").isdigit()):
                raise DataError(
                    f"{file}:{rows.line_num}: expected a cascade's id and a fold of -1 to "
                    f"{MOST_FOLDS - 1}, found {delimiter.join(row)[:80]!r}",
                    hint="two columns, divided by a tab or a comma",
                )
            first = False
    except csv.Error as error:
        raise DataError(f"{file}:{rows.line_num}: {error}") from error


def _fold(cell: str) -> int | None:
    if not re.fullmatch(r"-1|[0-9]{1,3}", cell) or int(cell) >= MOST_FOLDS:
        return None
    return int(cell)


def _check_folds(file: Path, fold: NDArray[np.int8]) -> None:
    held = np.unique(fold[fold >= 0])
    if len(held) < 2:
        raise DataError(f"{file}: cascades of the store in {len(held)} folds, expected two or more")
    empty = sorted(set(range(int(held[-1]) + 1)) - set(held.tolist()))
    if empty:
        raise DataError(
            f"{file}: no cascade of the store is in fold {empty[0]}, but some are in {held[-1]}",
            hint="number the folds from 0 without a gap",
        )


def _divides_an_event(event: NDArray[np.int32], fold: NDArray[np.int8]) -> bool:
    pairs = np.unique(np.stack((event, fold))[:, fold >= 0], axis=1)
    return bool((np.diff(np.sort(pairs[0])) == 0).any())
