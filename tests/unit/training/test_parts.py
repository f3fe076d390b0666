from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.data.folds import stratified_folds
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.errors import DataError, UsageError
from dgljoint.training.parts import part_under_test, training_parts
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


@pytest.mark.parametrize("events", [3, 4, 6])
def test_few_events_leave_one_to_select_on(tmp_path: Path, events: int) -> None:
    """Of unequal events it is the one most like an eighth of the rest."""
    group = np.repeat(np.arange(events), [52, 100, 14, 200, 8, 30][:events])
    store = split_store(tmp_path / "a.h5", len(group), grouped_by="event", group=group)
    split = store.split("mine")
    split = replace(split, fold=group.astype(np.int8))
    parts = training_parts(store, split, 0, seed=0, meta=events > 3)
    assert set(group[parts.validation]) == {5 if events == 6 else 2}
    found = [set(group[part]) for part in (parts.train, parts.meta, parts.validation)]
    assert sum(map(len, found)) == len(set.union(*found)) == events - 1


def test_too_few_groups_to_train_on_are_refused(tmp_path: Path) -> None:
    group = np.arange(30) // 15
    store = split_store(tmp_path / "a.h5", 30, grouped_by="event", group=group)
    split = replace(store.split("mine"), fold=group.astype(np.int8))
    with pytest.raises(DataError, match="15 cascades of 1 group, expected 2 or more") as refused:
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
