"""Splits put into a file and taken out again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dgljoint.data.store import CascadeStore, put_split, remove_split
from dgljoint.errors import DataError, UsageError
from toys import toy_store


@pytest.fixture
def store(tmp_path: Path) -> CascadeStore:
    return toy_store(tmp_path / "a.h5")


def columns_of(store: CascadeStore) -> dict[str, bytes]:
    return {name: column.tobytes() for name, column in store.columns.items()}


def test_a_split_put_in_is_stored_and_all_else_stays(store: CascadeStore) -> None:
    before = columns_of(store)
    fold = np.arange(64) % 3 - 1
    group = np.arange(64) // 2
    again = put_split(store, "mine", fold, grouped_by="event", group=group, ordered_by="time")
    found = again.split("mine")
    np.testing.assert_array_equal(found.fold, fold)
    np.testing.assert_array_equal(found.group, group)
    assert (found.grouped_by, found.ordered_by, found.folds) == ("event", "time", 2)
    after = columns_of(again)
    assert after.keys() - before.keys() == {"splits/mine", "groups/mine"}
    assert {name: after[name] for name in before} == before
    assert again.digest != store.digest
    assert again.content_digest == store.content_digest
    assert again.split("event").digest == store.split("event").digest
    assert store.splits == ("event", "random")  # who had it open goes on with the old file


def test_a_split_taken_out_leaves_the_content_of_before(store: CascadeStore) -> None:
    digest = store.digest
    fold = np.arange(64) % 3
    again = remove_split(put_split(store, "mine", fold, grouped_by="", group=fold), "mine")
    assert (again.digest, again.splits) == (digest, ("event", "random"))
    with pytest.raises(UsageError, match="no split 'mine'"):
        remove_split(again, "mine")


def test_a_split_replaced_loses_its_groups(store: CascadeStore) -> None:
    fold = np.arange(64) % 3
    more = put_split(store, "mine", fold, grouped_by="event", group=fold)
    again = put_split(more, "mine", fold, grouped_by="")
    assert again.split("mine").group is None
    assert "groups/mine" not in again.columns


def test_the_digest_of_a_split_tells_folds_groups_and_order_apart(store: CascadeStore) -> None:
    fold = np.arange(64) % 3
    ways = [
        {"fold": fold, "grouped_by": ""},
        {"fold": (fold + 1) % 3, "grouped_by": ""},
        {"fold": fold, "grouped_by": "event"},
        {"fold": fold, "grouped_by": "event", "group": fold},
        {"fold": fold, "grouped_by": "", "ordered_by": "time"},
    ]
    digests = [put_split(store_now(store), "mine", **way).split("mine").digest for way in ways]
    assert len(set(digests)) == len(ways)


def store_now(store: CascadeStore) -> CascadeStore:
    return CascadeStore(store.path)


def test_the_same_split_has_the_same_digest_however_it_came_in(store: CascadeStore) -> None:
    built = store.split("random")
    again = put_split(store, "copy", built.fold, grouped_by="")
    assert again.split("copy").digest == built.digest


def test_other_cascades_or_features_have_another_content_digest(tmp_path: Path) -> None:
    one, other = (toy_store(tmp_path / f"{n}.h5", seed=n) for n in range(2))
    assert one.content_digest != other.content_digest


def test_a_file_that_changed_meanwhile_is_left_alone(store: CascadeStore) -> None:
    put_split(store, "theirs", np.arange(64) % 3, grouped_by="")
    with pytest.raises(DataError, match="was changed by another program"):
        put_split(store, "mine", np.arange(64) % 3, grouped_by="")
    assert CascadeStore(store.path).splits == ("event", "random", "theirs")
    assert [path.name for path in store.path.parent.iterdir()] == ["a.h5"]


def test_a_link_and_the_rights_of_the_file_stay(store: CascadeStore, tmp_path: Path) -> None:
    store.path.chmod(0o600)
    link = tmp_path / "link.h5"
    link.symlink_to(store.path.name)
    put_split(CascadeStore(link), "mine", np.arange(64) % 3, grouped_by="")
    assert link.is_symlink()
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert "mine" in CascadeStore(store.path).splits


def test_a_split_must_name_every_cascade(store: CascadeStore) -> None:
    with pytest.raises(DataError, match="names 3 of 64 cascades"):
        put_split(store, "mine", np.arange(3), grouped_by="")
