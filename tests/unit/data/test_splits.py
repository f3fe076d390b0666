"""Folds: stratified, seeded, events never divided."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from dgljoint import DataError
from dgljoint_data.splits import make_splits


def sample(count: int = 300, events: int = 60) -> tuple[list[str], list[str]]:
    """Draw cascades of events of very unequal sizes, each event of one class."""
    rng = np.random.default_rng(0)
    drawn = (rng.random(count) ** 3 * events).astype(int)
    return [f"class {event % 4}" for event in drawn], [f"event {event}" for event in drawn]


def spread(fold: np.ndarray, labels: list[str]) -> float:
    """Return the mean over classes of how much the folds' shares of a class vary."""
    names = np.array(labels)
    shares = [np.bincount(fold[names == name], minlength=5) / (names == name).sum()
              for name in sorted(set(labels))]
    return float(np.mean([share.std() for share in shares]))


def test_no_event_stands_in_two_folds() -> None:
    labels, events = sample()
    event, random = make_splits(labels, events, seed=0)
    assert (event.name, event.grouped_by, event.folds) == ("event", "event", 5)
    assert (random.name, random.grouped_by, random.folds) == ("random", "", 5)
    folds = {name: set(event.fold[np.array(events) == name]) for name in events}
    assert all(len(found) == 1 for found in folds.values())


def test_folds_are_stratified_as_well_as_scikit_learn_does() -> None:
    labels, events = sample()
    event, random = make_splits(labels, events, seed=0)
    theirs = np.zeros(len(labels), int)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for number, (_, test) in enumerate(splitter.split(labels, labels, events)):
        theirs[test] = number
    assert spread(event.fold, labels) <= 1.05 * spread(theirs, labels)
    names = np.array(labels)
    for name in set(labels):
        held = np.bincount(random.fold[names == name], minlength=5)
        assert held.max() - held.min() <= 1


def test_the_seed_decides() -> None:
    labels, events = sample()
    first, again, other = (make_splits(labels, events, seed) for seed in (0, 0, 1))
    for a, b, c in zip(first, again, other, strict=True):
        assert np.array_equal(a.fold, b.fold)
        assert not np.array_equal(a.fold, c.fold)


def test_cascades_without_a_label_get_a_fold_and_are_spread() -> None:
    labels, events = sample()
    some = [label if number % 3 else None for number, label in enumerate(labels)]
    _, random = make_splits(some, events, seed=0)
    held = np.bincount(random.fold[::3], minlength=5)
    assert held.max() - held.min() <= 1


@pytest.mark.parametrize("events", [3, 4, 5, 6])
def test_few_events_give_fewer_folds_and_none_empty(events: int) -> None:
    names = [f"event {number}" for number in range(events)] + ["event 0"] * 20
    for split in make_splits(["a", "b", None] + ["a"] * (events + 17), names, seed=0):
        assert split.folds == min(events, 5)
        assert set(split.fold) == set(range(split.folds))


def test_fewer_than_three_events_are_an_error() -> None:
    with pytest.raises(DataError, match="20 cascades of 2 events cannot be divided"):
        make_splits(["a"] * 20, ["x", "y"] * 10, seed=0)
