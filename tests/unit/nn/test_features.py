from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dgljoint.batch.features import FeatureSpace, choose_features
from dgljoint.batch.shape import SHAPE_COLUMNS
from dgljoint.config.run_config import FeatureOptions
from dgljoint.data.cascade import RowBlock, SparseBlock
from dgljoint.data.observation import Observation
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.errors import DataError, UsageError
from dgljoint.nn import SomeRows, SparseRows
from dgljoint.tasks.targets import TargetPairs, evaluation_pairs, targets_after
from toys import random_cascade, toy_cascade, toy_store, write_store


def everything_observed(store: CascadeStore, indices: list[int]) -> tuple[object, TargetPairs]:
    columns = store.read(np.array(indices))
    return columns, evaluation_pairs(columns, 1.0)


def test_fit_does_not_see_other_cascades(tmp_path: Path) -> None:
    """Words and scales come out the same whatever stands outside the training part."""
    rng = np.random.default_rng(0)
    train = [random_cascade(f"t{n}", rng, 9) for n in range(6)]
    spaces = []
    for other in (3, 40):
        rest = [random_cascade(f"x{n}", rng, other) for n in range(5)]
        store = CascadeStore(write_store(tmp_path / f"{other}.h5", [*train, *rest]))
        space = FeatureSpace.fit(store, np.arange(6), FeatureOptions(words=5))
        columns, targets = everything_observed(store, [0, 1, 2])
        spaces.append(space.read(columns, targets))
    one, two = spaces
    assert isinstance(one["bow"], SparseRows)
    assert isinstance(two["bow"], SparseRows)
    torch.testing.assert_close(one["bow"].columns, two["bow"].columns)
    torch.testing.assert_close(one["bow"].values, two["bow"].values)
    torch.testing.assert_close(one["extra"], two["extra"])


def test_words_are_idf_weighted_rows_of_unit_length(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    train = np.arange(0, len(store), 2)
    space = FeatureSpace.fit(store, train, FeatureOptions(words=7, min_count=3))
    columns, targets = everything_observed(store, [1, 4, 6])
    rows = space.read(columns, targets)["bow"]
    assert isinstance(rows, SparseRows)

    counts = np.zeros((store.posts, 12))
    bow = store.sparse("bow")
    for post in range(store.posts):
        for place in range(bow.indptr[post], bow.indptr[post + 1]):
            counts[post, bow.indices[place]] += bow.values[place]
    seen = np.zeros(12)
    for cascade in train:
        posts = slice(store.post_ptr[cascade], store.post_ptr[cascade + 1])
        seen += counts[posts].any(axis=0)
    kept = np.sort(np.argsort(-seen, kind="stable")[:7])
    kept = kept[seen[kept] >= 3]
    expected = counts[columns.posts][:, kept] * (np.log((1 + len(train)) / (1 + seen[kept])) + 1)
    norm = np.linalg.norm(expected, axis=1, keepdims=True)
    expected = np.divide(expected, norm, where=norm > 0, out=np.zeros_like(expected))

    dense = np.zeros((len(columns.posts), rows.width))
    for post in range(len(columns.posts)):
        for place in range(int(rows.offsets[post]), int(rows.offsets[post + 1])):
            dense[post, rows.columns[place]] += rows.values[place].item()
    np.testing.assert_allclose(dense, expected, atol=1e-6)


def test_structure_counts_observed_edges_only(tmp_path: Path) -> None:
    cascade = toy_cascade("a", [-1, 0, 1, 1, 3, 4])
    store = CascadeStore(write_store(tmp_path / "a.h5", [cascade, cascade_of_one()]))
    columns = store.read(np.array([0]))
    pending = np.array([False, False, False, True, False, False])
    targets = TargetPairs(pending, np.empty((2, 0), np.int64), np.empty(0, bool))
    space = FeatureSpace.fit(store, np.arange(2), FeatureOptions())
    structure = torch.expm1(space.read(columns, targets)["structure"][:, :3])
    assert structure[:, 0].round().tolist() == [0, 1, 2, 0, 1, 2]
    assert structure[:, 1].round().tolist() == [1, 1, 0, 1, 1, 0]
    assert structure[:, 2].round().tolist() == [2, 1, 0, 2, 1, 0]


def cascade_of_one() -> object:
    return toy_cascade("single", [-1])


def test_depth_of_a_long_chain(tmp_path: Path) -> None:
    chain = toy_cascade("chain", range(-1, 999))
    store = CascadeStore(write_store(tmp_path / "a.h5", [chain]))
    columns, targets = everything_observed(store, [0])
    space = FeatureSpace.fit(store, np.arange(1), FeatureOptions())
    depth = torch.expm1(space.read(columns, targets)["structure"][:, 0])
    assert depth.round().tolist() == list(range(1000))


def test_time_is_relative_and_a_day_is_one(tmp_path: Path) -> None:
    store = CascadeStore(write_store(tmp_path / "a.h5", [toy_cascade("a", [-1, 0, 0])]))
    columns, targets = everything_observed(store, [0])
    space = FeatureSpace.fit(store, np.arange(1), FeatureOptions())
    time = space.read(columns, targets)["time"]
    day = np.log1p(86_400)
    expected = [[0, 0], [np.log1p(60), np.log1p(60)], [np.log1p(120), np.log1p(60)]]
    assert (time * day).flatten().tolist() == pytest.approx(np.ravel(expected).tolist(), rel=1e-5)


@pytest.mark.parametrize(
    "use", [("bow",), ("time",), ("extra", "structure"), ("structure", "extra")]
)
def test_what_is_chosen_is_read_and_nothing_else(tmp_path: Path, use: tuple[str, ...]) -> None:
    store = toy_store(tmp_path / "a.h5")
    space = FeatureSpace.fit(store, np.arange(9), FeatureOptions(use=use))
    columns, targets = everything_observed(store, [0, 3])
    assert set(space.read(columns, targets)) == set(use) == set(space.names)
    assert {**space.sparse, **space.dense}.keys() == set(use)
    assert space.names == tuple(name for name in store.features if name in use)


def test_all_is_chosen_when_nothing_is(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    space = FeatureSpace.fit(store, np.arange(9), FeatureOptions())
    assert space.names == ("bow", "extra", "time", "structure", "shape")
    assert space.dense == {"extra": 2, "time": 2, "structure": 5}
    assert space.source_dense == {"extra": 2}
    assert space.of_cascades == {"shape": len(SHAPE_COLUMNS)}


def test_a_derived_feature_may_be_named_of_a_file_that_does_not_list_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with create_store(tmp_path / "a.h5", name="n", reader="r", label_names=("a",)) as writer:
        cascade = random_cascade("c", rng, 9, label="a")
        writer.add(cascade, {"extra": np.ones((9, 1), np.float32)})
        writer.describe(derived=["time"])
    store = CascadeStore(tmp_path / "a.h5")
    assert choose_features(store, ()) == ["extra", "time"]
    assert choose_features(store, ("shape", "time")) == ["time", "shape"]


def test_the_shape_is_scaled_by_the_training_set_as_evaluation_sees_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cascades = [random_cascade(f"c{n}", rng, int(rng.integers(2, 30))) for n in range(20)]
    store = CascadeStore(write_store(tmp_path / "a.h5", cascades))
    half = Observation.of_share(0.5)
    space = FeatureSpace.fit(store, np.arange(12), FeatureOptions(), half)
    columns = store.read(np.arange(12))
    hidden = targets_after(columns, half.cuts(columns)).hidden
    rows = space.read_cascades(columns, hidden)["shape"]
    torch.testing.assert_close(rows.mean(0), torch.zeros(rows.shape[1]), atol=0.1, rtol=0)
    varies = rows.std(0) > 0
    assert int(varies.sum()) > rows.shape[1] // 2
    assert bool((rows.abs() <= 4).all()), "outliers are cut off"
    again = FeatureSpace.restored(store, space.state())
    assert torch.equal(again.read_cascades(columns, hidden)["shape"], rows)
    whole = FeatureSpace.fit(store, np.arange(12), FeatureOptions())
    assert not torch.equal(whole.read_cascades(columns, hidden)["shape"], rows)


def test_a_feature_that_the_data_have_not_is_refused(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    with pytest.raises(UsageError, match="has no feature 'bov'") as caught:
        FeatureSpace.fit(store, np.arange(9), FeatureOptions(use=("bov",)))
    assert caught.value.hint == "did you mean 'bow'?"


def test_data_without_any_feature_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with create_store(path, name="n", reader="r", label_names=("a",), raw_digest="") as writer:
        writer.add(replace(toy_cascade("a", [-1, 0]), label=None), {})
        writer.describe(derived=[])
    with pytest.raises(DataError, match="has no feature"):
        FeatureSpace.fit(CascadeStore(path), np.arange(1), FeatureOptions())


def test_hashed_columns_are_fitted_on_the_training_part(tmp_path: Path) -> None:
    """Columns without names are chosen and weighed like words; a row of zeros stays one."""
    path = tmp_path / "a.h5"
    rows = [([900, 7], [2, 1]), ([900], [3]), ([7], [0]), ([3, 900], [5, 1])]
    with create_store(path, name="n", reader="r", label_names=("true",), raw_digest="") as writer:
        for number, (columns, values) in enumerate(rows):
            block = SparseBlock(
                np.array([0, len(columns)]), np.array(columns, np.int32),
                np.array(values, np.float32),
            )
            writer.add(toy_cascade(f"c{number}", [-1]), {"hashed": block})
        writer.set_columns("hashed", 2**18)
    store = CascadeStore(path)
    space = FeatureSpace.fit(store, np.arange(3), FeatureOptions(min_count=1))
    read = space.read(*everything_observed(store, [0, 2, 3]))["hashed"]
    assert isinstance(read, SparseRows)
    assert (read.width, read.offsets.tolist()) == (2, [0, 2, 3, 4])
    assert read.columns.tolist() == [1, 0, 0, 1]
    idf = np.log(4 / 3) + 1
    length = np.hypot(2 * idf, idf)
    assert read.values.tolist() == pytest.approx([2 * idf / length, idf / length, 0, 1])
    one = FeatureSpace.fit(store, np.arange(4), FeatureOptions(min_count=1, words=1))
    assert one.sparse["hashed"] == 1


def some_store(path: Path, sizes: list[int]) -> CascadeStore:
    rng = np.random.default_rng(1)
    made = [random_cascade(f"c{number}", rng, size) for number, size in enumerate(sizes)]
    return CascadeStore(write_store(path, made, some=True))


def test_rows_that_exist_are_scaled_by_those_of_the_training_part(tmp_path: Path) -> None:
    store = some_store(tmp_path / "a.h5", [7, 9, 3, 30])
    space = FeatureSpace.fit(store, np.arange(3), FeatureOptions())
    stored = store.dense("some")
    train = stored.of(np.arange(19))[1].astype(np.float64)
    columns, targets = everything_observed(store, [1, 3])
    read = space.read(columns, targets)["some"]
    assert isinstance(read, SomeRows)
    assert read.index.tolist() == [0, 3, 6, *range(9, 39, 3)]
    expected = (stored.of(columns.posts)[1] - train.mean(axis=0)) / train.std(axis=0)
    np.testing.assert_allclose(read.rows.numpy(), expected, rtol=1e-5)
    again = FeatureSpace.restored(store, space.state()).read(columns, targets)["some"]
    assert isinstance(again, SomeRows)
    assert torch.equal(again.rows, read.rows)


def test_a_feature_that_no_training_post_has_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with create_store(path, name="n", reader="r", label_names=("true",)) as writer:
        for number, places in enumerate(([], [], [0, 1])):
            rows = np.full((len(places), 2), 9, np.float32)
            block = RowBlock(np.array(places, np.int64), rows)
            writer.add(toy_cascade(f"c{number}", [-1, 0]), {"some": block})
    store = CascadeStore(path)
    space = FeatureSpace.fit(store, np.arange(2), FeatureOptions())
    columns, targets = everything_observed(store, [1, 2])
    read = space.read(columns, targets)["some"]
    assert isinstance(read, SomeRows)
    assert read.rows.tolist() == [[0, 0], [0, 0]]


def test_fitting_piece_by_piece_is_fitting_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training part that is larger than memory is read in pieces of whole cascades."""
    store = toy_store(tmp_path / "a.h5")
    train = np.arange(0, len(store), 2)
    posts = np.concatenate([np.arange(*store.post_ptr[n : n + 2]) for n in train])
    states = []
    for most in (10, 10**6):
        monkeypatch.setattr("dgljoint.batch.features._STRETCH_POSTS", most)
        states.append(FeatureSpace.fit(store, train, FeatureOptions(min_count=1)).state())
    pieces, whole = states
    for kind, names in (("sparse", ("chosen", "weight")), ("dense", ("mean", "deviation"))):
        for feature, fitted in whole[kind].items():
            for name in names:
                torch.testing.assert_close(pieces[kind][feature][name], fitted[name])
    rows = store.dense("extra").rows[posts].astype(np.float64)
    scale = whole["dense"]["extra"]
    assert scale["mean"].tolist() == pytest.approx(rows.mean(axis=0))
    # the second column does not vary: it is left as it is
    assert scale["deviation"].tolist() == pytest.approx([rows[:, 0].std(), 1])


def test_what_was_fitted_reads_the_same_when_it_is_put_back(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    space = FeatureSpace.fit(store, np.arange(0, 64, 3), FeatureOptions(words=7, min_count=3))
    again = FeatureSpace.restored(store, space.state())
    assert (again.names, again.dense, again.sparse) == (space.names, space.dense, space.sparse)
    assert (again.of_cascades, again.source_dense) == (space.of_cascades, space.source_dense)
    assert list(again.dense) == list(space.dense)  # the order of the model's parts
    columns, targets = everything_observed(store, list(range(64)))
    one, other = space.read(columns, targets), again.read(columns, targets)
    assert list(one) == list(other) == ["bow", "extra", "time", "structure"]
    for name, rows in one.items():
        if isinstance(rows, SparseRows):
            for part in ("columns", "values", "offsets"):
                assert torch.equal(getattr(rows, part), getattr(other[name], part))
        else:
            assert torch.equal(rows, other[name])


def test_words_of_a_store_too_large_to_keep_are_weighed_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = toy_store(tmp_path / "a.h5")
    columns, targets = everything_observed(store, [5, 1, 6])
    found = []
    for most in (1 << 22, 0):
        monkeypatch.setattr("dgljoint.batch.features._MOST_ENTRIES", most)
        space = FeatureSpace.fit(store, np.arange(9), FeatureOptions(words=7))
        found.append(space.read(columns, targets)["bow"])
        assert bool(space._all) == bool(most)
    kept, anew = found
    for name in ("columns", "values", "offsets"):
        assert torch.equal(getattr(kept, name), getattr(anew, name))
