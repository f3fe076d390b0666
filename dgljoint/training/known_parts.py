"""Which cascades a run was trained, selected and tested on, kept in its folder.

With ``parts.csv`` a run knows them again in any file, without the data it was trained on.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeStore, Identity, identities, same_thread
from dgljoint.errors import DataError
from dgljoint.runs.plainfiles import read_plain
from dgljoint.runs.stored import PARTS, StoredRun, section

TRAIN, VALIDATION, TEST, NEW = "train", "validation", "test", "new"
PART_NAMES = (TRAIN, VALIDATION, TEST, NEW)
"""How a run may know a cascade; a new one is in none of its parts."""

_META = "meta"  # held out of the training set for a loss weighter: trained on, too
_HEAD = ("part", "cascade", "posted_at", "source")


@dataclass(frozen=True, slots=True, eq=False)
class KnownParts:
    """The cascades of a run's parts.

    Attributes:
        known: part and identity by id.
    """

    known: Mapping[str, tuple[str, Identity]]

    def of(self, store: CascadeStore, indices: NDArray[np.integer]) -> tuple[str, ...]:
        """Say of cascades of any file which part of the run they were in: of ``PART_NAMES``."""
        return tuple(self._part(name, own) for name, own in identities(store, indices))

    def _part(self, name: str, own: Identity) -> str:
        part, known = self.known.get(name, (NEW, own))
        if not same_thread(name, own, known):
            return NEW
        return TRAIN if part == _META else part


def parts_csv(store: CascadeStore, parts: Mapping[str, NDArray[np.int64]]) -> str:
    """Write parts as CSV (RFC 4180), a line a cascade.

    Args:
        store: where the cascades are.
        parts: positions by the name of the part.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_HEAD)
    for part, indices in parts.items():
        for name, own in identities(store, indices):
            writer.writerow((part, name, own.posted_at or "", own.source))
    return text.getvalue()


def count_parts(parts: Sequence[str]) -> dict[str, int]:
    """Count cascades by part, every one of ``PART_NAMES``."""
    counted = Counter(parts)
    return {name: counted[name] for name in PART_NAMES}


def read_parts(run: StoredRun) -> KnownParts:
    """Read which cascades a run was trained, selected and tested on.

    Raises:
        DataError: the file is missing or damaged, or not of this run.
    """
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
