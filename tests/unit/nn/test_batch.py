from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dgljoint.tasks.targets import evaluation_pairs
from toys import toy_batch, toy_store


def test_hidden_edges_are_not_in_the_graph(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    columns = store.read(np.arange(10))
    targets = evaluation_pairs(columns, 0.5)
    batch = toy_batch(store, range(10), targets=targets)
    source, destination = batch.graph.edges()
    edges = set(zip(source.tolist(), destination.tolist(), strict=True))
    expected = {
        (int(parent), post)
        for post, parent in enumerate(columns.parent)
        if parent >= 0 and not targets.hidden[post]
    }
    assert edges == expected
    sizes = np.diff(columns.post_ptr).tolist()
    for graph in (batch.graph, batch.reverse_graph):
        assert graph.batch_num_nodes().tolist() == sizes
        child_of = columns.cascade_of[batch.edges[1].numpy()]
        assert graph.batch_num_edges().tolist() == np.bincount(child_of, minlength=10).tolist()
    assert torch.equal(torch.stack(batch.reverse_graph.edges()), batch.edges.flip(0))
    assert int(batch.graph.batch_num_edges().sum()) == len(expected)
    assert not set(batch.pairs[0].tolist()) & set(destination.tolist())


def test_graph_equals_the_batch_of_single_graphs(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    whole = toy_batch(store, range(6))
    assert whole.graph.batch_size == 6
    starts = np.concatenate(([0], np.cumsum(whole.graph.batch_num_nodes().numpy())))
    first = np.concatenate(([0], np.cumsum(whole.graph.batch_num_edges().numpy())))
    source, destination = whole.graph.edges()
    for cascade in range(6):
        edges = slice(first[cascade], first[cascade + 1])
        for end in (source[edges], destination[edges]):
            assert ((end >= starts[cascade]) & (end < starts[cascade + 1])).all()


def test_pooling_leaves_pending_posts_out(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(8))
    x = torch.randn(len(batch.kind), 3)
    for cascade in range(8):
        rows = x[(batch.cascade_of == cascade) & batch.observed]
        torch.testing.assert_close(batch.pool(x)[cascade], rows.mean(0))
        torch.testing.assert_close(batch.pool_max(x)[cascade], rows.amax(0))
    assert not batch.observed.all()


def test_pair_groups_number_the_targets_in_order(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(8))
    _, expected = torch.unique_consecutive(batch.pairs[0], return_inverse=True)
    assert batch.pair_group.tolist() == expected.tolist()
    assert batch.targets == int(expected.max()) + 1


def test_moving_keeps_everything(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(4))
    children, tables = batch.children, batch.buckets
    moved = batch.to("cpu")
    assert torch.equal(moved.children, children)
    assert len(moved.buckets) == len(tables)
    assert moved.ids == batch.ids
    assert moved.features.keys() == batch.features.keys()
    assert moved.device.type == "cpu"


def test_a_batch_can_be_moved_after_what_it_remembers_was_asked(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(4))
    before = (batch.pair_group, batch.children, batch.parents, batch.neighbourhood)
    moved = batch.to("cpu")
    after = (moved.pair_group, moved.children, moved.parents, moved.neighbourhood)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one, other)


def test_a_batch_is_moved_to_a_device_that_dgl_does_not_know(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(4))
    moved = batch.to("meta")
    for tensor in (moved.edges, moved.neighbourhood, moved.children, moved.parents):
        assert tensor.device.type == "meta"
    assert moved.edges.shape == batch.edges.shape


def test_children_and_parents_are_those_of_the_graph(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(9))
    assert torch.equal(batch.children, batch.graph.out_degrees())
    assert torch.equal(batch.parents, batch.graph.in_degrees())
    assert torch.equal(batch.edges, torch.stack(batch.graph.edges()))


def test_descendants_are_counted_in_the_observed_tree(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(9))
    expected = [0] * len(batch.kind)
    above = dict(zip(*batch.edges.flip(0).tolist(), strict=True))
    for post in range(len(expected)):
        while (post := above.get(post, -1)) >= 0:
            expected[post] += 1
    assert batch.descendants.tolist() == expected
    assert max(expected) > 2


def test_parents_are_found_among_the_posts_with_children(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(9))
    parent, child = batch.edges
    assert torch.equal(batch.parent_posts, parent.unique())
    places = batch.parent_of
    assert torch.equal(places.offsets.diff().nonzero().squeeze(1), child)
    assert torch.equal(batch.parent_posts[places.columns], parent)
    assert places.width == len(batch.parent_posts)
