"""Writing and reading cascade files. Damaged and foreign files: tests/e2e/test_bad_input.py."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.data.cascade import Cascade, RowBlock, SparseBlock
from dgljoint.data.store import CascadeStore, create_store, put_split
from dgljoint.errors import DataError, UsageError
from toys import LABELS, random_cascade, toy_cascade, toy_store, word_block, write_store


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 100))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    made = [
        replace(made, label=(None, *LABELS)[n % 3], event="é" * (n % 2))
        for n, made in enumerate(random_cascade(f"c{n}", rng, size) for n, size in enumerate(sizes))
    ]
    blocks = [word_block(cascade, rng) for cascade in made]
    path = tmp_path_factory.mktemp("store") / "a.h5"
    with create_store(path, name="n", reader="r", label_names=LABELS, raw_digest="d") as writer:
        for cascade, block in zip(made, blocks, strict=True):
            dense = np.ones((len(cascade), 2), np.float16)
            writer.add(cascade, {"bow": block, "half": dense})
        writer.set_vocabulary("bow", [f"wörd{n}" for n in range(12)])
        writer.describe(counts={"lines": 3})
    store = CascadeStore(path)
    assert store.ids.all() == [cascade.id for cascade in made]
    assert [store.text[n] for n in range(store.posts)] == [t for c in made for t in c.text]
    assert [(None, *LABELS)[number + 1] for number in store.label] == [c.label for c in made]
    same_event = store.event[:, None] == store.event
    expected = [[a is b or (bool(a.event) and a.event == b.event) for b in made] for a in made]
    np.testing.assert_array_equal(same_event, expected)
    order = rng.permutation(len(made))
    columns = store.read(order)
    for place, index in enumerate(order):
        posts = slice(columns.post_ptr[place], columns.post_ptr[place + 1])
        start = columns.post_ptr[place]
        parent = columns.parent[posts]
        np.testing.assert_array_equal(np.where(parent < 0, -1, parent - start), made[index].parent)
        np.testing.assert_array_equal(columns.delay_seconds[posts], made[index].delay_seconds)
        np.testing.assert_array_equal(columns.kind[posts], made[index].kind)
        assert (columns.cascade_of[posts] == place).all()
    bow = store.sparse("bow")
    np.testing.assert_array_equal(bow.indices, np.concatenate([b.indices for b in blocks]))
    rows = np.concatenate([np.diff(block.indptr) for block in blocks])
    np.testing.assert_array_equal(np.diff(bow.indptr), rows)
    assert bow.vocabulary[3] == "wörd3"
    assert store.dense("half").rows.dtype == np.float16
    assert store.attributes["counts"] == {"lines": 3}


def test_equal_content_has_an_equal_digest_and_other_content_another(tmp_path: Path) -> None:
    one, same = (toy_store(tmp_path / f"{n}.h5") for n in range(2))
    assert one.digest == same.digest
    assert (tmp_path / "0.h5").read_bytes() == (tmp_path / "1.h5").read_bytes()
    assert toy_store(tmp_path / "2.h5", seed=1).digest != one.digest


def test_columns_are_mapped_and_read_only(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    assert not store.label.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        store.label[0] = 0


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"

    def fail() -> None:
        with create_store(path, name="n", reader="r", label_names=LABELS, raw_digest="") as writer:
            writer.add(toy_cascade("a", [-1, 0]), {})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "before"


def broken(**changes: Any) -> Cascade:
    return replace(toy_cascade("c", [-1, 0, 1]), **changes)


@pytest.mark.parametrize(
    ("cascade", "message"),
    [
        (broken(parent=np.array([-1, 1, 0], np.int32)), "is not after its parent"),
        (broken(parent=np.array([-1, -1, 0], np.int32)), "is not after its parent"),
        (broken(parent=np.array([0, 0, 0], np.int32)), "is not after its parent"),
        (broken(parent=np.array([-1, -2, 0], np.int32)), "is not after its parent"),
        (broken(delay_seconds=np.array([0.0, 5.0, 4.0])), "time order"),
        (broken(delay_seconds=np.array([1.0, 5.0, 6.0])), "time order"),
        (broken(delay_seconds=np.array([0.0, 5.0, np.nan])), "time order"),
        (broken(kind=np.array([0, 1, 9], np.uint8)), "unknown kind"),
        (broken(text=["a"]), "unequal lengths"),
        (broken(label="maybe"), "'maybe' is not declared"),
    ],
)
def test_a_cascade_that_breaks_the_invariant_is_refused(
    tmp_path: Path, cascade: Cascade, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write_store(tmp_path / "a.h5", [toy_cascade("good", [-1, 0]), cascade])
    assert list(tmp_path.iterdir()) == []


def test_a_feature_must_have_a_row_a_post(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    block = SparseBlock(np.array([0, 0]), np.empty(0, np.int32), np.empty(0, np.float32))
    with create_store(path, name="n", reader="r", label_names=LABELS, raw_digest="") as writer:
        with pytest.raises(DataError, match="has 1 rows for 2 posts"):
            writer.add(toy_cascade("a", [-1, 0]), {"bow": block})
        writer.set_vocabulary("bow", [])


def write_features(path: Path, columns: int | None, **attributes: Any) -> CascadeStore:
    """Write a sparse feature with or without a number of columns, and further attributes."""
    cascade = toy_cascade("a", [-1, 0])
    block = SparseBlock(np.array([0, 1, 1]), np.array([6], np.int32), np.ones(1, np.float32))
    with create_store(path, name="n", reader="r", label_names=LABELS, raw_digest="") as writer:
        writer.add(cascade, {"hashed": block})
        if columns is not None:
            writer.set_columns("hashed", columns)
        if "derived" in attributes:
            writer.describe(derived=attributes["derived"])
    return CascadeStore(path)


def test_a_sparse_feature_without_a_vocabulary_keeps_its_number_of_columns(tmp_path: Path) -> None:
    store = write_features(tmp_path / "a.h5", 1000)
    assert (store.sparse("hashed").columns, store.sparse("hashed").vocabulary) == (1000, None)
    assert write_features(tmp_path / "b.h5", 1001).digest != store.digest
    with pytest.raises(DataError, match="hashed/indices has values outside 0 to 5"):
        write_features(tmp_path / "c.h5", 6)
    with pytest.raises(DataError, match="vocabulary/bytes is missing"):
        write_features(tmp_path / "d.h5", None)
    with pytest.raises(DataError, match="attribute columns is"):
        write_features(tmp_path / "e.h5", -1)


def test_a_file_says_which_derived_features_are_wanted(tmp_path: Path) -> None:
    every = write_features(tmp_path / "a.h5", 9)
    assert every.features == {
        "hashed": "sparse", "time": "derived", "structure": "derived", "shape": "derived"
    }
    none = write_features(tmp_path / "b.h5", 9, derived=[])
    assert none.features == {"hashed": "sparse"}
    assert none.digest != every.digest
    with pytest.raises(DataError, match=r"derived features \['mood'\]"):
        write_features(tmp_path / "c.h5", 9, derived=["mood"])


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("wide", np.ones((2, 3)), "of type float64, 2 axes; expected float16 or float32, 2"),
        ("flat", np.ones(2, np.float32), "of type float32, 1 axes"),
        ("changing", np.ones((2, 2), np.float32), "different numbers of columns"),
        ("time", np.ones((2, 1), np.float32), "'time' cannot be stored under this name"),
        ("a/b", np.ones((2, 1), np.float32), "'a/b' cannot be stored under this name"),
    ],
)
def test_a_dense_feature_that_cannot_be_stored_is_refused(
    tmp_path: Path, name: str, rows: np.ndarray, message: str
) -> None:
    path = tmp_path / "a.h5"
    with create_store(path, name="n", reader="r", label_names=LABELS, raw_digest="") as writer:
        first = {"changing": np.ones((1, 1), np.float32)} if name == "changing" else {}
        writer.add(toy_cascade("a", [-1]), first)
        with pytest.raises(DataError, match=message):
            writer.add(toy_cascade("b", [-1, 0]), {name: rows})


@pytest.mark.parametrize(
    ("column", "place", "value", "message"),
    [
        ("post/parent", 1, 5, "digest"),
        ("cascade/label", 0, 7, "digest"),
    ],
)
def test_a_changed_value_is_noticed(
    tmp_path: Path, column: str, place: int, value: int, message: str
) -> None:
    store = toy_store(tmp_path / "a.h5")
    del store
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file[column][place] = value
    with pytest.raises(DataError, match=message):
        CascadeStore(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("post/parent", [-1, 1, 0], "is not after its parent"),
        ("post/delay", [0.0, 9.0, 1.0], "time order"),
        ("cascade/label", [2], "outside -1 to 1"),
        ("cascade/event", [1], "outside 0 to 0"),
        ("post/kind", [0, 1, 4], "outside 0 to 3"),
        ("cascade/post_ptr", [0, 4], "column post/"),
        ("cascade/post_ptr", [1, 3], "does not point into its data"),
        ("features/bow/indices", [0, 1, 99, 2, 3, 4], "outside 0 to 11"),
        ("features/bow/indptr", [0, 3, 2, 6], "does not point into its data"),
        ("post/id/ptr", [0, 3, 6, 99], "does not point into its data"),
        ("splits/event", [0, 1], "has 2 entries, expected 1"),
        ("post/user", None, "is missing"),
        ("features/some/posts", [1], "rows has 2 entries"),
        ("features/some/posts", [3, 0], "does not name posts in order"),
        ("features/some/posts", [0, 0], "does not name posts in order"),
        ("features/some/posts", [-1, 3], "does not name posts in order"),
        ("features/some/posts", [0, 4], "does not name posts in order"),
        ("features/some/posts", None, "rows has 2 entries, expected 4"),
    ],
)
def test_a_file_that_breaks_the_format_is_refused_though_its_digest_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, values: Any, message: str
) -> None:
    from dgljoint.data.store import _hdf5, writer

    def write_wrong(path: Path, spools: dict[str, Any], attributes: dict[str, Any]) -> None:
        wrong = {name: spool for name, spool in spools.items() if name != column}
        with closing(_hdf5.Spool(tmp_path, spools[column].dtype)) as spool:
            if values is not None:
                spool.append(np.array(values))
                wrong[column] = spool
            _hdf5.write(path, wrong, attributes)

    monkeypatch.setattr(writer, "write", write_wrong)
    parent = [-1, 0, 1, 2] if "some" in column else [-1, 0, 1]
    write_store(tmp_path / "a.h5", [toy_cascade("a", parent)], some=True)
    with pytest.raises(DataError, match=message):
        CascadeStore(tmp_path / "a.h5")


def rows_store(path: Path, *blocks: RowBlock | np.ndarray) -> CascadeStore:
    """Write cascades of three posts with a feature ``some``."""
    with create_store(path, name="n", reader="r", label_names=LABELS) as writer:
        for number, block in enumerate(blocks):
            writer.add(toy_cascade(f"c{number}", [-1, 0, 0]), {"some": block})
    return CascadeStore(path)


def row_block(*places: int) -> RowBlock:
    rows = np.array([[place + 1, 7] for place in places], np.float16).reshape(-1, 2)
    return RowBlock(np.array(places, np.int64), rows)


def test_a_dense_feature_of_few_posts_is_stored_as_the_rows_that_exist(tmp_path: Path) -> None:
    store = rows_store(tmp_path / "a.h5", row_block(), row_block(1), row_block(0, 2), row_block())
    some = store.dense("some")
    assert (some.rows.shape, some.rows.dtype, some.columns) == ((3, 2), np.float16, 2)
    assert some.posts is not None
    assert some.posts.tolist() == [4, 6, 8]
    place, rows = some.of(np.array([8, 0, 4, 11, 4]))
    assert place.tolist() == [0, 2, 4]
    assert rows[:, 0].tolist() == [3, 2, 2]
    filled = some.filled(np.array([3, 4]))
    assert filled.dtype == np.float32
    assert filled.tolist() == [[0, 0], [2, 7]]


def test_a_feature_that_nobody_has_is_stored_without_rows(tmp_path: Path) -> None:
    some = rows_store(tmp_path / "a.h5", row_block(), row_block()).dense("some")
    assert (len(some.rows), some.columns) == (0, 2)
    assert some.of(np.arange(6))[0].tolist() == []


def test_a_feature_that_all_posts_have_is_the_same_file_however_it_was_given(
    tmp_path: Path,
) -> None:
    block = row_block(0, 1, 2)
    given = rows_store(tmp_path / "a.h5", block, block.rows, block)
    plain = rows_store(tmp_path / "b.h5", block.rows, block.rows, block.rows)
    assert given.digest == plain.digest
    assert plain.dense("some").posts is None


@pytest.mark.parametrize(
    ("places", "rows", "message"),
    [
        ([1, 0], 2, "places that do not ascend"),
        ([0, 0], 2, "places that do not ascend"),
        ([-1], 1, "places that do not ascend"),
        ([3], 1, "places that do not ascend"),
        ([0, 1], 1, "has 1 rows for 2 places"),
    ],
)
def test_rows_in_places_that_are_not_posts_in_order_are_refused(
    tmp_path: Path, places: list[int], rows: int, message: str
) -> None:
    block = RowBlock(np.array(places), np.ones((rows, 2), np.float32))
    with pytest.raises(DataError, match=message):
        rows_store(tmp_path / "a.h5", block)
    assert not list(tmp_path.iterdir())


def test_a_feature_is_sparse_or_dense_in_all_cascades(tmp_path: Path) -> None:
    nothing = SparseBlock(np.zeros(4, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    with pytest.raises(DataError, match="some is sparse in some cascades and dense in others"):
        rows_store(tmp_path / "a.h5", row_block(1), nothing)


def test_a_split_is_added_to_a_file_of_few_rows(tmp_path: Path) -> None:
    store = rows_store(tmp_path / "a.h5", row_block(1), row_block(0, 2))
    again = put_split(store, "mine", np.array([0, 1]), grouped_by="")
    assert again.dense("some").posts.tolist() == [1, 3, 5]
    assert again.content_digest == store.content_digest


def test_folds_that_keep_nothing_apart_are_random(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    assert store.kept_apart("event") == "event"
    assert store.kept_apart("random") is None
    lonely = [toy_cascade(f"c{n}", [-1, 0]) for n in range(4)]
    alone = CascadeStore(write_store(tmp_path / "b.h5", lonely))
    assert alone.kept_apart("event") is None
    with pytest.raises(UsageError):
        alone.kept_apart("evnt")
