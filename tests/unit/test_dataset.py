"""Cascades for plain DGL code: the dataset and the file of graphs."""

from __future__ import annotations

import doctest
import os
import pickle
import subprocess
import sys
from pathlib import Path

import dgl
import numpy as np
import pytest
import torch
from dgl.data import DGLDataset
from dgl.dataloading import GraphDataLoader

import dgljoint.data.dataset
from dgljoint import CascadeDataset, DataError, UsageError
from dgljoint.data.dataset import write_graphs
from dgljoint.data.store import CascadeStore, create_store, put_split
from dgljoint.errors import RunFailedError
from dgljoint.training.parts import part_under_test, training_parts
from toys import toy_cascade, toy_store, write_store


@pytest.fixture
def store(tmp_path: Path) -> CascadeStore:
    return toy_store(tmp_path / "cascades.h5")


def matrix(dataset: CascadeDataset, numbers: object) -> torch.Tensor:
    """Return the words as a matrix; small enough here."""
    rows = dataset.words(numbers)
    row = torch.repeat_interleave(torch.arange(len(rows.offsets) - 1), rows.offsets.diff())
    made = torch.zeros(len(rows.offsets) - 1, rows.width)
    made[row, rows.columns] = rows.values
    return made


def stored_words(store: CascadeStore, posts: np.ndarray) -> torch.Tensor:
    feature = store.sparse("bow")
    made = torch.zeros(len(posts), len(feature.vocabulary))
    for row, post in enumerate(posts):
        for place in range(feature.indptr[post], feature.indptr[post + 1]):
            made[row, feature.indices[place]] = float(feature.values[place])
    return made


def test_an_item_is_the_tree_with_its_label(tmp_path: Path) -> None:
    made = [toy_cascade("a", [-1, 0, 0, 2], label="false"), toy_cascade("b", [-1], label=None)]
    dataset = CascadeDataset(write_store(tmp_path / "a.h5", made))
    assert isinstance(dataset, DGLDataset)
    graph, label = dataset[0]
    assert [edges.tolist() for edges in graph.edges()] == [[0, 0, 2], [1, 2, 3]]
    assert set(graph.ndata) == {"delay", "kind", "extra"}
    assert graph.ndata["delay"].tolist() == [0, 60, 120, 180]
    assert graph.ndata["delay"].dtype == torch.float64
    assert graph.ndata["kind"].tolist() == [0, 1, 1, 1]
    assert graph.ndata["extra"].tolist() == [[0, 1], [60, 1], [120, 1], [180, 1]]
    assert graph.ndata["extra"].dtype == torch.float32
    assert (label.dtype, label.item()) == (torch.int64, 0)
    graph, label = dataset[-1]
    assert (graph.num_nodes(), graph.num_edges(), label.item()) == (1, 0, -1)
    assert (len(dataset), dataset.num_classes, dataset.label_names) == (2, 2, ("false", "true"))
    assert dataset.labels.tolist() == [0, -1]
    assert dataset.ids == ["a", "b"]
    assert len(list(dataset)) == 2
    with pytest.raises(IndexError):
        dataset[2]


@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (2, False), (2, True)])
def test_a_loader_batches_and_shuffles_in_any_number_of_processes(
    store: CascadeStore, workers: int, persistent: bool
) -> None:
    dataset = CascadeDataset(store, numbered=True)
    loader = GraphDataLoader(
        dataset, batch_size=10, shuffle=True, num_workers=workers, persistent_workers=persistent,
        generator=torch.Generator().manual_seed(0),
    )
    orders = []
    for _ in range(2):
        seen = []
        for graph, label, number in loader:
            posts = store.read(number.numpy()).posts
            assert graph.batch_num_nodes().tolist() == np.diff(store.post_ptr)[number].tolist()
            assert graph.num_edges() == graph.num_nodes() - graph.batch_size
            assert label.tolist() == store.label[number.numpy()].tolist()
            words = stored_words(store, posts)
            torch.testing.assert_close(matrix(dataset, number), words)
            seen += number.tolist()
        assert sorted(seen) == list(range(64))
        orders.append(seen)
    assert orders[0] != orders[1] != list(range(64))


def test_words_fit_embedding_bag_and_a_csr_matrix(store: CascadeStore) -> None:
    dataset = CascadeDataset(store)
    rows = dataset.words([3, 0])
    weight = torch.randn(rows.width, 4)
    bag = torch.nn.functional.embedding_bag(
        rows.columns, weight, rows.offsets, per_sample_weights=rows.values, mode="sum",
        include_last_offset=True,
    )
    expected = stored_words(store, store.read(np.array([3, 0])).posts)
    torch.testing.assert_close(bag, expected @ weight)
    assert len(dataset.words(5).offsets) == store.post_ptr[6] - store.post_ptr[5] + 1
    with pytest.raises(UsageError, match="no sparse feature 'extra'") as refused:
        dataset.words(0, "extra")
    assert "bow" in (refused.value.hint or "")


@pytest.mark.parametrize("name", ["event", "random"])
def test_a_split_has_the_parts_of_training(store: CascadeStore, name: str) -> None:
    parts = CascadeDataset(store).split(name, fold=1, seed=5)
    split = store.split(name)
    expected = training_parts(store, split, 1, seed=5, meta=False)
    wanted = (expected.train, expected.validation, part_under_test(split, 1))
    for part, indices in zip(parts, wanted, strict=True):
        np.testing.assert_array_equal(part.index, indices)
        assert part.labels.tolist() == store.label[indices].tolist()
    train = parts[0]
    assert train.ids[0] == store.ids[int(expected.train[0])]
    posts = store.read(expected.train[[1]]).posts
    torch.testing.assert_close(matrix(train, 1), stored_words(store, posts))
    with pytest.raises(UsageError, match="part of a dataset"):
        train.split("random")
    with pytest.raises(UsageError, match="folds 0 to 3, not 7"):
        CascadeDataset(store).split(name, fold=7)


def test_a_pickle_opens_the_same_file_and_no_other(store: CascadeStore) -> None:
    part = CascadeDataset(store).subset([5, 3])
    data = pickle.dumps(part)
    assert len(data) < 4000
    again = pickle.loads(data)  # noqa: S301  # made two lines above
    assert again.ids == part.ids
    put_split(store, "mine", np.arange(64) % 3, grouped_by="")
    with pytest.raises(DataError, match="was changed while"):
        pickle.loads(data)  # noqa: S301


def test_nothing_is_written_and_the_home_folder_stays(store: CascadeStore, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys; from pathlib import Path; from dgljoint import CascadeDataset; import dgl\n"
        "before = sorted(Path.home().rglob('*'))\n"
        "dataset = CascadeDataset(sys.argv[1]); dataset[0]; dataset.split()\n"
        "assert sorted(Path.home().rglob('*')) == before"
    )
    subprocess.run(
        [sys.executable, "-c", code, store.path], check=True, cwd=home,
        env={**os.environ, "HOME": str(home), "DGLBACKEND": "pytorch"},
    )
    assert not list(home.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"home", "cascades.h5"}


def test_a_feature_cannot_pass_for_node_data_of_ours(tmp_path: Path) -> None:
    with create_store(
        tmp_path / "a.h5", name="n", reader="r", label_names=("a",), raw_digest=""
    ) as writer:
        writer.add(toy_cascade("c", [-1], label="a"), {"kind": np.ones((1, 1), np.float32)})
    with pytest.raises(DataError, match="node data 'kind'"):
        CascadeDataset(tmp_path / "a.h5")


def test_the_example_of_the_docstring_runs(
    store: CascadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.path.parent)
    done = doctest.testmod(dgljoint.data.dataset)
    assert done.attempted >= 5
    assert not done.failed


def test_plain_dgl_loads_the_file_of_graphs(store: CascadeStore, tmp_path: Path) -> None:
    dataset = CascadeDataset(store)
    write_graphs(store, tmp_path / "a.bin")
    graphs, tensors = dgl.load_graphs(str(tmp_path / "a.bin"))
    assert len(graphs) == len(store)
    for number, graph in enumerate(graphs):
        expected, label = dataset[number]
        assert set(graph.ndata) == {"delay", "kind", "extra"}
        for name, values in expected.ndata.items():
            assert torch.equal(graph.ndata[name], values)
        for one, other in zip(graph.edges(), expected.edges(), strict=True):
            assert torch.equal(one, other)
        assert tensors["label"][number] == label
    assert tensors["event"].tolist() == store.event.tolist()
    assert tensors["fold/event"].tolist() == store.split("event").fold.tolist()
    assert tensors["fold/random"].tolist() == store.split("random").fold.tolist()
    feature = store.sparse("bow")
    assert tensors["bow/indptr"].tolist() == feature.indptr.tolist()
    assert tensors["bow/indices"].tolist() == feature.indices.tolist()
    assert tensors["bow/values"].tolist() == feature.values.tolist()
    assert tensors["bow/columns"].tolist() == [len(feature.vocabulary)]


def test_a_file_of_graphs_without_its_end_is_not_left(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = dgl.save_graphs

    def save_most(path: str, *others: object) -> None:
        save(path, *others)
        os.truncate(path, os.path.getsize(path) - 1)  # noqa: PTH202

    monkeypatch.setattr(dgl, "save_graphs", save_most)
    with pytest.raises(RunFailedError, match="DGL could not write it"):
        write_graphs(store, tmp_path / "a.bin")
    assert {path.name for path in tmp_path.iterdir()} == {"cascades.h5"}


def test_no_graphs_and_no_folder_are_said(store: CascadeStore, tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match="No such file"):
        write_graphs(store, tmp_path / "none" / "a.bin")
    assert not (tmp_path / "none").exists()
    with create_store(
        tmp_path / "empty.h5", name="n", reader="r", label_names=("a",), raw_digest=""
    ):
        pass
    with pytest.raises(DataError, match="holds no cascade"):
        write_graphs(CascadeStore(tmp_path / "empty.h5"), tmp_path / "a.bin")
