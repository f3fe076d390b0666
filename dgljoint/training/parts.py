"""The training, meta, validation and test set: who may see which, and how a run recognises them.

Whoever trains and selects gets :class:`TrainingParts`, which has no test set. ``parts.csv`` in the
run folder names the cascades of each.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.text import plural
from dgljoint.data.folds import stratified_folds
from dgljoint.data.store import CascadeStore, Identity, StoredSplit, identities, same_thread
from dgljoint.errors import DataError, UsageError
from dgljoint.runs.folders import read_plain
from dgljoint.runs.stored import PARTS, StoredRun, section

Indices = NDArray[np.int64]

TRAIN, VALIDATION, TEST, NEW = "train", "validation", "test", "new"
PART_NAMES = (TRAIN, VALIDATION, TEST, NEW)
"""How a run may know a cascade; a new one is in none of its sets."""

_META = "meta"  # held out of the training set for a loss weighter: trained on, too
_HEAD = ("part", "cascade", "posted_at", "source")
SHARES = 8
"""A set held out is an eighth of what is left: a tenth of all for validation, with five folds.

A class with as many cascades is in every set.
"""


@dataclass(frozen=True, eq=False)
class TrainingParts:
    """Positions in the store of the cascades that training and selection may use.

    ``meta`` is held out of ``train`` for a weighter that asks for it, and empty for any other.
    """

    train: Indices
    meta: Indices
    validation: Indices


def folds_offered(split: StoredSplit) -> int:
    """Count the folds that can be the test set: 0 up to that number."""
    # Nothing is earlier than the last fold of a split in order of time.
    return split.folds - bool(split.ordered_by)


def part_under_test(split: StoredSplit, fold: int) -> Indices:
    """Return the cascades of the fold that is tested."""
    folds = folds_offered(split)
    if fold >= folds:
        raise UsageError(f"split '{split.name}' has the folds 0 to {folds - 1}, not {fold}")
    tested = np.flatnonzero(split.fold == fold)
    if not len(tested):
        raise DataError(
            f"fold {fold} of split '{split.name}' has no cascade of the classes of the run",
            hint="name another --fold, or those of --folds that have one",
        )
    return tested


def training_parts(
    store: CascadeStore, split: StoredSplit, fold: int, *, seed: int, meta: bool
) -> TrainingParts:
    """Divide the cascades that are not tested: a set is an eighth, every class of it in like share.

    The split's groups are kept whole where an eighth of them has every class. Else cascades are
    divided whatever they share with one another: with few groups, a set of whole ones would lack
    classes. The tested fold's groups are apart from all sets either way. Of a split in order of
    time, only cascades earlier than the tested fold are used. The validation set is the same with
    or without a meta set.
    """
    tested = part_under_test(split, fold)
    left = (
        np.flatnonzero(split.fold > fold) if split.ordered_by
        else np.setdiff1d(np.flatnonzero(split.fold >= 0), tested)
    )

    def cut(indices: Indices) -> tuple[Indices, Indices]:
        if len(indices) < 2:
            raise DataError(
                f"split '{split.name}' leaves too few cascades to train on when fold {fold} is "
                f"tested: {plural(len(indices), 'cascade')}, expected 2 or more",
                hint="--split random divides cascades whatever they share",
            )
        label = store.label[indices].astype(np.int64)
        group = None if split.group is None else split.group[indices].astype(np.int64)
        held = _held_out(label, group, seed)
        return indices[~held], indices[held]

    train, validation = cut(left)
    train, held_out = cut(train) if meta else (train, np.empty(0, np.int64))
    return TrainingParts(train=train, meta=held_out, validation=validation)


def _held_out(label: Indices, group: Indices | None, seed: int) -> NDArray[np.bool_]:
    """Choose an eighth of cascades: that whose classes are nearest to an eighth of each.

    Shapes: ``label`` (C,), -1 for none, and ``group`` (C,) to (C,).
    """
    if group is not None and len(np.unique(group)) >= SHARES:
        part, held = _eighths(label, group, seed)
        of_class, total = held[:, 1:], held[:, 1:].sum(axis=0)
        # No class may be missing from what is left, either.
        has = (of_class > 0) | (total < SHARES)
        leaves = (of_class < total) | (total == 0)
        complete = (has & leaves).all(axis=1)
        if complete.any():
            return np.equal(part, _nearest(held, complete))
    part, held = _eighths(label, None, seed)
    return np.equal(part, _nearest(held, np.ones(len(held), np.bool_)))


def _eighths(label: Indices, group: Indices | None, seed: int) -> tuple[Indices, NDArray[np.int64]]:
    """Return the part (C,) of each cascade, and how many of each class a part has, -1 first."""
    part = stratified_folds(label, group, min(SHARES, len(label)), seed)
    held = np.zeros((part.max() + 1, label.max() + 2), np.int64)
    np.add.at(held, (part, label + 1), 1)
    return part, held


def _nearest(held: NDArray[np.int64], allowed: NDArray[np.bool_]) -> int:
    distance = np.abs(held - held.sum(axis=0) / SHARES).sum(axis=1)
    return int(np.where(allowed, distance, np.inf).argmin())


@dataclass(frozen=True, slots=True, eq=False)
class KnownParts:
    """The cascades of a run's sets: the name of the set, and the identity, by id."""

    known: Mapping[str, tuple[str, Identity]]

    def of(self, store: CascadeStore, indices: NDArray[np.integer]) -> tuple[str, ...]:
        """Return which of ``PART_NAMES`` each cascade of any file is for the run."""
        found = []
        for name, own in identities(store, indices):
            part, known = self.known.get(name, (NEW, own))
            trained = TRAIN if part == _META else part
            found.append(trained if same_thread(name, own, known) else NEW)
        return tuple(found)


def parts_csv(store: CascadeStore, parts: Mapping[str, NDArray[np.int64]]) -> str:
    """Write sets as CSV (RFC 4180), one line per cascade."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_HEAD)
    for part, indices in parts.items():
        for name, own in identities(store, indices):
            writer.writerow((part, name, own.posted_at or "", own.source))
    return text.getvalue()


def count_parts(parts: Sequence[str]) -> dict[str, int]:
    """Count cascades by set, for each of ``PART_NAMES``."""
    counted = Counter(parts)
    return {name: counted[name] for name in PART_NAMES}


def read_parts(run: StoredRun) -> KnownParts:
    """Read which cascades a run was trained, selected and tested on."""
    file = run.path / PARTS
    if run.config_file and not file.is_file():
        raise DataError(
            f"{run.path} has no {PARTS}: which cascades it was trained on is not known",
            hint=f"this writes it: {run.resume_command}",
        )
    content = read_plain(run.path, file)
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
        known = {
            name: (part, Identity(int(posted_at or 0), source))
            for part, name, posted_at, source in rows[1:]
        }
    except (csv.Error, ValueError) as error:
        raise DataError(f"{file} is not readable ({error})") from error
    held = Counter(part for part, _ in known.values())
    expected = {name: size for name, size in section(run.manifest(), "parts").items() if size}
    if tuple(rows[0] if rows else ()) != _HEAD or dict(held) != expected:
        raise DataError(
            f"{file} does not have the cascades of this run",
            hint=f"this writes it again: {run.resume_command}",
        )
    return KnownParts(known)
