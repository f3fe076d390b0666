"""What is in two folds, or in two stores, and should be in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeStore, Identity, StoredSplit, is_platform_id, same_thread
from dgljoint_data.audit.near_duplicates import near_duplicate_groups, words_of
from dgljoint_data.audit.outcome import Finding, Severity, not_asked

_NO_TEXTS = "no texts: the sources have none with words"


def across_folds(store: CascadeStore, split: StoredSplit) -> list[Finding]:
    """Count events, source posts and near-duplicate source texts in several folds of a split."""
    used = np.flatnonzero(split.fold >= 0)
    fold = split.fold[used]
    texts = source_texts(store)
    events = "events across folds"
    similar = "near-duplicate texts across folds"
    return [
        _shared(events, store.event[used], fold, "the same event", "tests on events it trained on")
        if _events_known(store) else not_asked(events, "no events are known"),
        _shared_sources(store, used, fold, texts),
        _shared(
            similar, near_duplicate_groups(texts)[used], fold, "nearly the same source text",
            "tests on texts it trained on",
        )
        if any(map(words_of, texts)) else not_asked(similar, _NO_TEXTS),
    ]


def _events_known(store: CascadeStore) -> bool:
    """Return whether any cascade has an event that was given, not one of its own."""
    names = store.event_names.all()
    return any(
        names[event] != f"cascade {name}"
        for event, name in zip(store.event.tolist(), store.ids.all(), strict=True)
    )


def _shared_sources(
    store: CascadeStore, used: NDArray[np.int64], fold: NDArray[np.int8], texts: Sequence[str]
) -> Finding:
    """Count source posts in several folds.

    Ids that no platform numbers, such as ``p0``, are one post only with the same user, text and
    date.
    """
    check = "source posts across folds"
    first: dict[object, int] = {}
    undecided: Counter[str] = Counter()
    post = np.arange(len(used))
    for place, cascade in enumerate(used.tolist()):
        source = int(store.post_ptr[cascade])
        name = store.post_ids[source]
        known = (int(store.user[source]), texts[cascade], int(store.posted_at[cascade]))
        if is_platform_id(name):
            post[place] = first.setdefault(name, place)
        elif any(known):
            post[place] = first.setdefault((name, *known), place)
        else:
            undecided[name] += 1
    found = _shared(check, post, fold, "the same source post", "tests on posts it trained on")
    if found.severity is Severity.ok and undecided and max(undecided.values()) > 1:
        return not_asked(
            check, "several sources have one id, and no user, text or date shows whether they "
            "are one post"
        )
    return found


@dataclass(frozen=True, slots=True)
class Sources:
    """One entry per cascade, of what splits depend on; ``texts`` are those of the source posts."""

    labels: list[str | None]
    events: list[str]
    posted_at: list[int]
    texts: list[str]
    ids: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, store: CascadeStore) -> Sources:
        """Return those of a store, as they were when it was built."""
        events, classes = store.event_names.all(), (*store.label_names, None)  # -1: no label
        return cls(
            labels=[classes[label] for label in store.label.tolist()],
            events=[events[event] for event in store.event.tolist()],
            posted_at=store.posted_at.tolist(), texts=source_texts(store), ids=store.ids.all(),
        )

    def known(self) -> dict[str, tuple[str | None, Identity]]:
        """Return label and identity of each, by id."""
        rows = zip(self.ids, self.labels, self.posted_at, self.texts, strict=True)
        return {name: (label, Identity.of(date, text)) for name, label, date, text in rows}


def in_store(ours: Sources, other: CascadeStore) -> list[Finding]:
    """Count threads and near-duplicate source texts that ``other`` holds as well."""
    theirs = Sources.of(other)
    known = theirs.known()
    common = [
        (mine, known[name][0]) for name, (mine, identity) in ours.known().items()
        if name in known and same_thread(name, identity, known[name][1])
    ]
    differ = sum(mine != label for mine, label in common)
    where = f"{other.name} as well: a model trained on one has seen them in the other"
    return [
        Finding(
            "threads in both stores", _warn_if(len(common)),
            f"{len(common):,} of {len(ours.ids):,}",
            f"these threads are in {where}; {differ} of them under another label",
            {"shared": len(common), "cascades": len(ours.ids), "labelled_differently": differ},
        ),
        _texts_in_both(ours.texts, theirs.texts, where),
    ]


def _texts_in_both(ours: Sequence[str], theirs: Sequence[str], where: str) -> Finding:
    check = "near-duplicate texts in both stores"
    if not (any(map(words_of, ours)) and any(map(words_of, theirs))):
        return not_asked(check, _NO_TEXTS)
    groups = near_duplicate_groups([*ours, *theirs])
    alike = int(np.isin(groups[: len(ours)], groups[len(ours) :]).sum())
    return Finding(
        check, _warn_if(alike), f"{alike:,} of {len(ours):,}",
        f"threads whose source text is, in nearly the same words, in {where}",
        {"shared": alike, "cascades": len(ours)},
    )


def source_texts(store: CascadeStore) -> list[str]:
    """Return the text of each cascade's source."""
    return [store.text[post] for post in store.post_ptr[:-1].tolist()]


def shared_groups(group: NDArray[np.integer], fold: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark the entries whose group is in several folds."""
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
        check, _warn_if(cascades), f"{groups:,} in {cascades:,} cascades" if cascades else "0",
        explanation, {"groups": groups, "cascades": cascades, "of": len(fold)},
    )


def _warn_if(count: int) -> Severity:
    return Severity.warning if count else Severity.ok
