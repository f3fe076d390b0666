from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dgljoint.data.folds import stratified_folds
from dgljoint.data.store import CascadeStore, StoredSplit, create_store
from dgljoint.errors import DataError, UsageError
from dgljoint.training.parts import Indices, TrainingParts, part_under_test, training_parts
from toys import random_cascade, toy_store


@pytest.mark.parametrize("split_name", ["event", "random"])
@pytest.mark.parametrize("meta", [False, True])
@pytest.mark.parametrize("fold", range(4))
def test_parts_are_disjoint_complete_and_keep_events_whole(
    tmp_path: Path, split_name: str, meta: bool, fold: int
) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=120)
    split = store.split(split_name)
    parts = training_parts(store, split, fold, seed=0, meta=meta)
    named = [parts.train, parts.meta, parts.validation, part_under_test(split, fold)]
    assert sorted(np.concatenate(named).tolist()) == list(range(len(store)))
    assert bool(len(parts.meta)) == meta
    assert min(len(parts.train), len(parts.validation), len(named[3])) > 0
    if split_name == "event":
        events = [set(store.event[part].tolist()) for part in named]
        for place, one in enumerate(events):
            assert all(one.isdisjoint(other) for other in events[place + 1 :])


def test_validation_is_the_same_with_and_without_a_meta_part(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    split = store.split("event")
    with_meta, without = (
        training_parts(store, split, 0, seed=5, meta=meta) for meta in (True, False)
    )
    np.testing.assert_array_equal(with_meta.validation, without.validation)


def split_store(path: Path, count: int, **settings: object) -> CascadeStore:
    rng = np.random.default_rng(0)
    with create_store(
        path, name="x", reader="x", label_names=("false", "true"), raw_digest="x"
    ) as writer:
        for number in range(count):
            label = ("false", "true")[number % 2]
            writer.add(random_cascade(f"c{number}", rng, 3, label=label), {})
        writer.set_split("mine", np.arange(count) * 5 // count, **settings)  # type: ignore[arg-type]
    return CascadeStore(path)


@pytest.mark.parametrize("fold", range(4))
def test_in_order_of_time_only_earlier_folds_are_used(tmp_path: Path, fold: int) -> None:
    store = split_store(tmp_path / "a.h5", 100, grouped_by="", ordered_by="time")
    split = store.split("mine")
    parts = training_parts(store, split, fold, seed=0, meta=True)
    used = np.concatenate([parts.train, parts.meta, parts.validation])
    assert sorted(used) == list(range(20 * (fold + 1), 100))
    with pytest.raises(UsageError, match="folds 0 to 3, not 4"):
        training_parts(store, split, 4, seed=0, meta=False)


def test_the_split_s_own_groups_are_kept_whole(tmp_path: Path) -> None:
    group = np.arange(100) // 4
    store = split_store(tmp_path / "a.h5", 100, grouped_by="event", group=group)
    parts = training_parts(store, store.split("mine"), 0, seed=0, meta=True)
    found = [set(group[part]) for part in (parts.train, parts.meta, parts.validation)]
    assert sum(map(len, found)) == len(set.union(*found)) == 20


class Layout:
    """Cascades of drawn classes in events of drawn sizes; a class may be of few events."""

    def __init__(self, seed: int, events: int, classes: int) -> None:
        rng = np.random.default_rng(seed)
        size = rng.integers(1, 40, events)
        self.event = np.repeat(np.arange(events), size)
        # From classes alike in all events to events of one class.
        leaning = rng.dirichlet(np.full(classes + 1, rng.choice([0.05, 0.5, 20.0])), events)
        label = [rng.choice(classes + 1, n, p=p) for n, p in zip(size, leaning, strict=True)]
        self.label = np.concatenate(label) - 1
        fold = rng.integers(0, 3, events)
        fold[:3] = range(3)
        self.split = StoredSplit(
            "mine", fold[self.event].astype(np.int8), "event", self.event.astype(np.int32), "", "x"
        )

    def parts(self, *, meta: bool) -> TrainingParts:
        store = cast(CascadeStore, SimpleNamespace(label=self.label))
        return training_parts(store, self.split, 0, seed=0, meta=meta)

    def count(self, part: Indices) -> NDArray[np.int64]:
        label = self.label[part]
        return np.bincount(label[label >= 0], minlength=self.label.max() + 1)


layouts = given(st.integers(0, 10_000), st.integers(3, 60), st.integers(1, 5))


@layouts
def test_every_class_with_enough_cascades_is_in_every_part(
    seed: int, events: int, classes: int
) -> None:
    layout = Layout(seed, events, classes)
    tested = part_under_test(layout.split, 0)
    left = np.setdiff1d(np.arange(len(layout.label)), tested)
    assume(len(left) > 4)
    parts = layout.parts(meta=True)
    named = [parts.train, parts.meta, parts.validation]
    np.testing.assert_array_equal(np.sort(np.concatenate(named)), left)
    enough = layout.count(left) >= 8
    assert layout.count(parts.validation)[enough].all()
    assert layout.count(parts.train)[enough].all()
    after = np.setdiff1d(left, parts.validation)
    assert layout.count(parts.meta)[layout.count(after) >= 8].all()
    for part in named:
        assert not np.isin(layout.event[part], layout.event[tested]).any()


@layouts
def test_events_are_whole_wherever_an_eighth_of_them_has_every_class(
    seed: int, events: int, classes: int
) -> None:
    layout = Layout(seed, events, classes)
    left = np.flatnonzero(layout.split.fold != 0)
    assume(len(left) > 4)
    parts = layout.parts(meta=False)
    if not np.isin(layout.event[parts.validation], layout.event[parts.train]).any():
        return
    if len(np.unique(layout.event[left])) < 8:
        return
    part = stratified_folds(layout.label[left], layout.event[left], 8, 0)
    enough = layout.count(left) >= 8
    for number in range(8):
        held, rest = layout.count(left[part == number]), layout.count(left[part != number])
        assert not (held[enough].all() and rest[held > 0].all())


def test_few_events_are_divided_within(tmp_path: Path) -> None:
    """A whole one of six would be far from an eighth, or of one class; the tested one is apart."""
    group = np.repeat(np.arange(6), [52, 100, 14, 200, 8, 30])
    store = split_store(tmp_path / "a.h5", len(group), grouped_by="event", group=group)
    split = replace(store.split("mine"), fold=group.astype(np.int8))
    parts = training_parts(store, split, 0, seed=0, meta=True)
    assert len(parts.validation) == 352 // 8
    assert set(store.label[parts.validation]) == set(store.label[parts.meta]) == {0, 1}
    assert 0 not in group[np.concatenate([parts.train, parts.meta, parts.validation])]
    np.testing.assert_array_equal(np.bincount(store.label[parts.validation]), [22, 22])


def test_one_event_is_enough_to_train_on_and_one_cascade_is_not(tmp_path: Path) -> None:
    group = np.arange(30) // 15
    store = split_store(tmp_path / "a.h5", 30, grouped_by="event", group=group)
    split = replace(store.split("mine"), fold=group.astype(np.int8))
    assert len(training_parts(store, split, 0, seed=0, meta=True).train) > 10
    split = replace(split, fold=np.where(np.arange(30) == 29, 1, 0).astype(np.int8))
    with pytest.raises(DataError, match="1 cascade, expected 2 or more") as refused:
        training_parts(store, split, 0, seed=0, meta=False)
    assert "--split random" in str(refused.value.hint)


def test_unknown_folds_and_splits_are_refused(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    with pytest.raises(UsageError, match="folds 0 to 3, not 4"):
        part_under_test(store.split("event"), 4)
    with pytest.raises(UsageError, match="no split 'evnt'") as refused:
        store.split("evnt")
    assert "event" in (refused.value.hint or "")


@given(st.integers(2, 6), st.integers(0, 1000), st.booleans())
def test_folds_are_balanced_and_keep_groups_whole(folds: int, seed: int, grouped: bool) -> None:
    rng = np.random.default_rng(seed)
    label = rng.integers(-1, 3, 120)
    group = np.arange(120) // 3 if grouped else None
    fold = stratified_folds(label, group, folds, seed)
    assert set(fold.tolist()) == set(range(folds))
    if group is not None:
        assert all(len(set(fold[group == number].tolist())) == 1 for number in range(40))
    sizes = np.bincount(fold)
    assert sizes.max() - sizes.min() <= (12 if grouped else 4)


def test_too_little_to_divide_is_said() -> None:
    with pytest.raises(DataError, match="2 events cannot be divided into 5"):
        stratified_folds(np.zeros(50, np.int64), np.arange(50) % 2, 5, 0)


def test_rare_classes_do_not_stop_a_split() -> None:
    fold = stratified_folds(np.array([0, 1, 2, 3, -1, 0]), None, 3, 0)
    assert np.bincount(fold).tolist() == [2, 2, 2]
