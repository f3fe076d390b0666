"""The five folds published with the RvNN release, as a split of the store.

``nfold/`` has the ids of each fold's test and training threads. Nobody tests on the few threads in
no test fold, and here nobody trains on them either.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.raw import filled_lines, given_folder
from dgljoint_data.readers.twitter.releases import EDITIONS
from dgljoint_data.splits import FOLDS, Split

NAME = "published"
FOLDER = "nfold"

_THREAD = re.compile(r"[0-9]{1,19}")
_HINT = f"--folds takes the folder {FOLDER} of the RvNN release, or the one above it"


@dataclass(frozen=True, slots=True)
class PublishedFolds:
    """The ids of each test fold of one edition, and the places of lines that are no ids."""

    folder: Path
    edition: str
    test: tuple[frozenset[str], ...]
    not_ids: tuple[str, ...]


def read_folds(place: Path) -> list[PublishedFolds]:
    """Read the folds of every edition under ``place`` or its ``nfold``.

    Raise DataError if there are none, a file is missing, or an id is on two sides.
    """
    place = given_folder(place, _HINT, "the published folds")
    for folder in (place, place / FOLDER):
        present = [edition for edition in EDITIONS if any(folder.glob(_file("test", edition, "?")))]
        if present:
            return [_read_edition(folder, edition) for edition in present]
    raise DataError(f"{place} holds no {_file('test', '15', '0')} or its like", hint=_HINT)


def choose_split(
    editions: Sequence[PublishedFolds], ids: Sequence[str], report: ReadReport
) -> Split:
    """Give each thread the fold that tests on it, by the edition that knows most of them."""
    known = set(ids)
    folds = max(editions, key=lambda each: len(known & frozenset().union(*each.test)))
    names = f"the published folds of Twitter{folds.edition}"
    fold_of = {thread: number for number, test in enumerate(folds.test) for thread in test}
    fold = np.array([fold_of.get(thread, -1) for thread in ids], np.int8)
    out, missing = int((fold < 0).sum()), len(fold_of) - int((fold >= 0).sum())
    if out > len(ids) // 2:
        raise DataError(
            f"{names} in {folds.folder} know {len(ids) - out} of {len(ids)} threads: they are "
            "of another data set",
            hint="--folds takes those of the edition that is read",
        )
    for number in range(len(folds.test)):
        if not (fold == number).any():
            raise DataError(f"{names}: none of the {len(ids)} threads is in test fold {number}")
    report.count("published_fold_ids", len(fold_of))
    report.count("published_fold_ids_not_in_the_data", missing)
    report.count("threads_in_no_published_fold", out)
    for place in folds.not_ids:
        report.repair("line of a published fold that is no id", place)
    if missing:
        report.note(f"{names} name {missing:,} threads that are not in the data")
    if out:
        report.note(
            f"{out:,} threads are in no test fold of {names}: the split '{NAME}' leaves them out"
        )
    return Split(NAME, "", fold)


def _read_edition(folder: Path, edition: str) -> PublishedFolds:
    test: list[frozenset[str]] = []
    not_ids: list[str] = []
    for number in range(FOLDS):
        test_file, train_file = (
            folder / _file(side, edition, str(number)) for side in ("test", "train")
        )
        tested, trained = _read_ids(test_file, not_ids), _read_ids(train_file, not_ids)
        if both := tested & trained:
            raise DataError(
                f"{len(both)} ids of {test_file.name} in {folder} are in {train_file.name} too, "
                f"{min(both)} for one",
                hint="the folds would test on what they trained on: unpack them anew",
            )
        for other, ids in enumerate(test):
            if both := ids & tested:
                raise DataError(
                    f"{folder}: {len(both)} ids are in the test folds {other} and {number} of "
                    f"Twitter{edition}, {min(both)} for one",
                    hint="each thread is tested on once: unpack the folds anew",
                )
        test.append(tested)
    return PublishedFolds(folder, edition, tuple(test), tuple(not_ids))


def _read_ids(path: Path, not_ids: list[str]) -> frozenset[str]:
    if not path.is_file():
        raise DataError(f"{path.parent} lacks {path.name}", hint=_HINT)
    ids = set()
    for where, line in filled_lines(path):
        if _THREAD.fullmatch(line.strip()):
            ids.add(line.strip())
        else:
            not_ids.append(where)
    return frozenset(ids)


def _file(side: str, edition: str, fold: str) -> str:
    return f"RNN{side}Set_Twitter{edition}{fold}_tree.txt"
