"""Folds that go into the store.

=======================  ==========================================================================
``event``                stratified; cascades of one event, or with near-duplicate source texts
                         (``dgljoint_data.audit.near_duplicates``), never on both sides; default
``random``               stratified and nothing else, to compare with published numbers: most test
                         cascades share their event with a training cascade
``leave-one-event-out``  a fold is an event, where there are at most twenty; texts may repeat
``time``                 each class in five stretches of time, the latest first: fold 0 is the
                         latest, and a fold is tested by what was trained on the folds after it.
                         By class, because classes collected at different times would be missing
                         from a plain chronological split; events may stand on both sides
``published``            those of the RvNN release of Twitter15/16, random, when they were given
                         (:mod:`dgljoint_data.readers.twitter.published_folds`)
=======================  ==========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.text import plural
from dgljoint.data.folds import stratified_folds
from dgljoint.errors import DataError
from dgljoint_data.audit.near_duplicates import merge_groups, near_duplicate_groups

KINDS = ("event", "random", "leave-one-event-out", "time")
VERSION = 2  # raise it when the same cascades get other splits
FOLDS = 5
FEWEST_FOLDS = 3  # one each to train, to select and to test on
MOST_EVENTS = 20  # with more, the events are too small to be tested on one by one

Folds = NDArray[np.int8]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sources:
    """What the splits depend on, an entry a cascade.

    Attributes:
        labels: ``None`` for none.
        events: equal names are kept together.
        posted_at: Unix seconds; 0 when unknown.
        texts: of the source posts.
    """

    labels: list[str | None]
    events: list[str]
    posted_at: list[int]
    texts: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A split as it is stored.

    Attributes:
        name: of the split.
        grouped_by: what never stands on both sides; ``""`` for nothing.
        fold: (C,) int8 fold of each cascade, from 0.
        group: (C,) cascades of one number are kept together; ``None``: those of an event, or
            nothing.
        ordered_by: ``time`` when the folds stand in order of time, the latest first.
    """

    name: str
    grouped_by: str
    fold: Folds
    group: Ints | None = None
    ordered_by: str = ""

    @property
    def folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1


def make_splits(sources: Sources, seed: int) -> tuple[list[Split], dict[str, str]]:
    """Divide C cascades in every way that they allow.

    There are five folds, or as many as there are groups to keep together where those are fewer.
    Cascades without a label are spread like a class of their own.

    Args:
        sources: the cascades.
        seed: two calls with the same arguments give the same folds.

    Returns:
        The splits, and those that cannot be made, each with the reason: of few cascades there may
        be no split at all.
    """
    classes, events = _classes(sources), _events(sources)
    groups = _alike(events, sources.texts)
    happened, distinct = len(np.unique(events)), len(np.unique(groups))
    splits: list[Split] = []
    refused: dict[str, str] = {}
    if why := _no_events(happened, distinct):
        refused["event"] = why
    else:
        fold = stratified_folds(classes, groups, min(FOLDS, distinct), seed)
        splits.append(Split("event", "event", fold.astype(np.int8), groups))
    # As many folds as the split by event has, so that the two can be compared.
    folds = min(FOLDS, len(classes) if "event" in refused else distinct)
    if folds < FEWEST_FOLDS:
        refused["random"] = _too_few(plural(len(classes), "cascade"))
    else:
        fold = stratified_folds(classes, None, folds, seed)
        splits.append(Split("random", "", fold.astype(np.int8)))
    if why := _no_fold_an_event(happened):
        refused["leave-one-event-out"] = why
    else:
        splits.append(Split("leave-one-event-out", "event", events.astype(np.int8)))
    if why := _no_order(sources):
        refused["time"] = why
    else:
        fold = _stretches(classes, np.array(sources.posted_at, np.int64))
        splits.append(Split("time", "", fold.astype(np.int8), ordered_by="time"))
    return splits, refused


def make_split(
    kind: str, sources: Sources, *, name: str, folds: int | None = None, seed: int = 0
) -> Split:
    """Divide C cascades in one way.

    Args:
        kind: one of :data:`KINDS`.
        sources: the cascades.
        name: of the split.
        folds: how many; by default five, or as many as there are groups to keep together where
            those are fewer. Leave-one-event-out has as many as there are events.
        seed: of ``event`` and ``random``; :func:`make_splits` makes the same folds of it.

    Raises:
        DataError: the cascades do not allow it, with the reason.
    """
    classes, events = _classes(sources), _events(sources)
    happened = int(events.max(initial=-1)) + 1
    if kind == "time":
        if why := _no_order(sources, folds or FOLDS):
            raise DataError(f"no split by time: {why}", hint="ask for fewer --folds or other data")
        fold = _stretches(classes, np.array(sources.posted_at, np.int64), folds or FOLDS)
        return Split(name, "", fold.astype(np.int8), ordered_by="time")
    if kind == "leave-one-event-out":
        if why := _no_fold_an_event(happened):
            hint = (
                "--kind event puts several into a fold" if happened > MOST_EVENTS
                else "--kind random divides cascades whatever their event"
            )
            raise DataError(f"no fold for each event: {why}", hint=hint)
        return Split(name, "event", events.astype(np.int8))
    groups = _alike(events, sources.texts) if kind == "event" else None
    distinct = len(classes) if groups is None else len(np.unique(groups))
    wanted = folds or min(FOLDS, distinct)
    if distinct < max(wanted, FEWEST_FOLDS):
        found = (
            plural(distinct, "cascade") if groups is None else _counted_events(happened, distinct)
        )
        if distinct >= FEWEST_FOLDS:
            hint = "ask for fewer --folds"
        elif groups is None:
            hint = "a file of so few cascades can be scored, not trained on"
        else:
            hint = "--kind random divides cascades whatever their event"
        raise DataError(
            f"{found} cannot be divided into {max(wanted, FEWEST_FOLDS)} folds", hint=hint
        )
    fold = stratified_folds(classes, groups, wanted, seed)
    return Split(name, kind if groups is not None else "", fold.astype(np.int8), groups)


def _alike(events: Ints, texts: list[str]) -> Ints:
    """Join events that share near-duplicate texts; (C,) the lowest event number of each group."""
    first = merge_groups(events, near_duplicate_groups(texts))
    lowest = events.copy()
    np.minimum.at(lowest, first, events)
    return lowest[first]


def _classes(sources: Sources) -> Ints:
    return np.unique([label or "" for label in sources.labels], return_inverse=True)[1]


def _events(sources: Sources) -> Ints:
    # Not np.unique, whose array has the longest name's length everywhere.
    place = {event: number for number, event in enumerate(sorted(set(sources.events)))}
    return np.array([place[event] for event in sources.events], np.int64)


def _counted_events(happened: int, distinct: int) -> str:
    """Count events as the folds do."""
    found = plural(distinct, "event")
    return f"{found}, near-duplicate texts counted as one," if distinct < happened else found


def _too_few(found: str) -> str:
    return f"{found}, at least {FEWEST_FOLDS} are needed: to train, to select and to test on"


def _no_events(happened: int, distinct: int) -> str | None:
    """Say why the cascades cannot be divided by event, if so."""
    if distinct >= FEWEST_FOLDS:
        return None
    return _too_few(_counted_events(happened, distinct).rstrip(","))


def _no_fold_an_event(happened: int) -> str | None:
    """Say why there cannot be a fold for each event, if so."""
    if happened < FEWEST_FOLDS:
        return _too_few(plural(happened, "event"))
    return f"{happened} events, more than {MOST_EVENTS}" if happened > MOST_EVENTS else None


def _no_order(sources: Sources, folds: int = FOLDS) -> str | None:
    """Say why the cascades cannot be divided by time, if so."""
    if len(sources.labels) < folds:
        return f"{plural(len(sources.labels), 'cascade')} for {folds} stretches of time"
    undated = sum(moment == 0 for moment in sources.posted_at)
    if undated:
        return f"{undated} of {len(sources.posted_at)} cascades have no date"
    for label in sorted({label for label in sources.labels if label is not None}):
        if (held := sources.labels.count(label)) < folds:
            return (
                f"class '{label}' would be missing from a fold: "
                f"{held} cascades for {folds} stretches of time"
            )
    return None


def _stretches(classes: Ints, posted_at: Ints, folds: int = FOLDS) -> Ints:
    """Divide each class into stretches of time of equal numbers, the latest first."""
    fold = np.zeros(len(classes), np.int64)
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        latest_first = members[np.argsort(-posted_at[members], kind="stable")]
        fold[latest_first] = np.arange(len(members)) * folds // len(members)
    return fold
