"""What stands in two folds, or in two stores, and should stand in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.store import CascadeStore, StoredSplit
from dgljoint_data.audit_findings import Finding, Severity
from dgljoint_data.near_duplicates import near_duplicate_groups


def across_folds(store: CascadeStore, split: StoredSplit) -> list[Finding]:
    """Count events, source posts and near-duplicate source texts in several folds of a split."""
    used = np.flatnonzero(split.fold >= 0)
    fold = split.fold[used]
    sources = [store.post_ids[post] for post in store.post_ptr[used].tolist()]
    found = (
        ("events", store.event[used], "the same event", "tests on events it trained on"),
        ("source posts", _numbers(sources), "the same source post", "tests on posts it trained on"),
        (
            "near-duplicate texts",
            near_duplicate_groups(source_texts(store))[used],
            "nearly the same source text",
            "tests on texts it trained on",
        ),
    )
    return [
        _shared(f"{check} across folds", group, fold, what, so) for check, group, what, so in found
    ]


@dataclass(frozen=True, slots=True)
class Threads:
    """What can be found again of C threads in another data set.

    Attributes:
        ids: of the threads.
        labels: ``None`` for none.
        texts: of their sources.
    """

    ids: Sequence[str]
    labels: Sequence[str | None]
    texts: Sequence[str]

    @classmethod
    def of(cls, store: CascadeStore) -> Threads:
        """Take those of a store."""
        names = (*store.label_names, None)  # -1, the last, is no label
        return cls(store.ids.all(), [names[label] for label in store.label], source_texts(store))


def between_stores(store: CascadeStore, other: CascadeStore) -> list[Finding]:
    """Count threads and near-duplicate source texts of ``store`` that ``other`` holds as well."""
    return in_store(Threads.of(store), other)


def in_store(ours: Threads, other: CascadeStore) -> list[Finding]:
    """Count threads and near-duplicate source texts that ``other`` holds as well."""
    theirs = Threads.of(other)
    label_of = dict(zip(theirs.ids, theirs.labels, strict=True))
    common = [(name, mine) for name, mine in zip(ours.ids, ours.labels, strict=True)
              if name in label_of]
    differ = sum(mine != label_of[name] for name, mine in common)
    groups = near_duplicate_groups([*ours.texts, *theirs.texts])
    alike = int(np.isin(groups[: len(ours.ids)], groups[len(ours.ids) :]).sum())
    where = f"{other.name} as well: a model trained on one has seen them in the other"
    return [
        Finding(
            "threads in both stores",
            _warn_if(len(common)),
            f"{len(common):,} of {len(ours.ids):,}",
            f"these threads stand in {where}; {differ} of them under another label",
            {"shared": len(common), "cascades": len(ours.ids), "labelled_differently": differ},
        ),
        Finding(
            "near-duplicate texts in both stores",
            _warn_if(alike),
            f"{alike:,} of {len(ours.ids):,}",
            f"threads whose source text stands, in nearly the same words, in {where}",
            {"shared": alike, "cascades": len(ours.ids)},
        ),
    ]


def source_texts(store: CascadeStore) -> list[str]:
    """Return the text of each cascade's source."""
    return [store.text[post] for post in store.post_ptr[:-1].tolist()]


def shared_groups(group: NDArray[np.integer], fold: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Say of each entry whether its group stands in several folds."""
    number = np.unique(group, return_inverse=True)[1]
    low = np.full(number.max(initial=-1) + 1, np.iinfo(np.int64).max)
    high = np.full(len(low), -1)
    np.minimum.at(low, number, fold)
    np.maximum.at(high, number, fold)
    shared: NDArray[np.bool_] = (low != high)[number]
    return shared


def _shared(
    check: str, group: NDArray[np.integer], fold: NDArray[np.integer], what: str, so: str
) -> Finding:
    shared = shared_groups(group, fold)
    groups, cascades = len(set(group[shared].tolist())), int(shared.sum())
    explanation = (
        f"{cascades:,} cascades have {what} as one of another fold: this split {so}"
        if cascades
        else f"no two folds have {what} in common"
    )
    return Finding(
        check,
        _warn_if(cascades),
        f"{groups:,} in {cascades:,} cascades" if cascades else "0",
        explanation,
        {"groups": groups, "cascades": cascades, "of": len(fold)},
    )


def _warn_if(count: int) -> Severity:
    return Severity.warning if count else Severity.ok


def _numbers(names: list[str]) -> NDArray[np.int64]:
    first: dict[str, int] = {}
    return np.array([first.setdefault(name, len(first)) for name in names], np.int64)
