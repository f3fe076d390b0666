"""What the speed suite times: the same cascades, model and batches in each library."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.speed import peer_pyg, structure
from benchmarks.speed.release import READER, write_release
from benchmarks.speed.request import (
    DGL,
    DGL_SPARSE,
    OWN,
    OWN_PUBLISHED,
    OWN_WORDS,
    PYG,
    PYG_DENSE,
    PYG_SPARSE,
    Request,
)
from benchmarks.speed.sections import TWO_PROCESSES, measure_sections
from benchmarks.speed.subject import Subject, contenders, open_subject, published
from benchmarks.speed.timing import Timings
from dgljoint.data.reading import ReadReport
from dgljoint.data.store import CascadeStore
from dgljoint.errors import UsageError, install_hint
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_data.build import build_store
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader
from toys import toy_cascade, toy_store, write_store

GEOMETRIC = pytest.mark.skipif(not peer_pyg.installed(), reason="the extra bench is missing")
PASSES = ("structure", "hidden", "batch", "epoch", "inference")


def request_of(*sections: str, **more: Any) -> Request:
    return Request(**{"sections": sections, "rounds": 1, "batch": 16, "width": 8, **more})


@pytest.fixture
def store(tmp_path: Path) -> CascadeStore:
    return toy_store(tmp_path / "a.h5", cascades=40)


@pytest.fixture
def subject(store: CascadeStore) -> Subject:
    return open_subject(request_of(), store.path)


def measured(store: CascadeStore, *sections: str) -> dict[str, Any]:
    return measure_sections(request_of(*sections, data=store.path))


@pytest.mark.slow
def test_each_section_has_a_row_a_library(store):
    found = measured(store, *PASSES)
    rows = {name: list(section["rows"]) for name, section in found["sections"].items()}
    here = peer_pyg.installed()
    passes = [OWN_PUBLISHED, OWN, OWN_WORDS, DGL_SPARSE, *[PYG_SPARSE, PYG_DENSE] * here]
    assert rows == {
        "structure": [OWN, structure.OWN_MAPPED, DGL, *[PYG] * here],
        "hidden": [OWN, DGL, *[PYG] * here],
        "batch": passes, "epoch": passes, "inference": passes,
    }
    assert found["data"]["cascades"] == 40
    assert found["data"]["posts"] == store.posts
    assert found["scaling"] == {}


def test_rows_hold_the_median_its_ratio_and_every_round():
    rows = Timings({"ours": [1.0, 2.0, 9.0], "theirs": [4.0, 8.0, 6.0]}).rows()
    assert rows == {
        "ours": {"median_seconds": 2.0, "ratio": 1.0, "seconds": [1.0, 2.0, 9.0]},
        "theirs": {"median_seconds": 6.0, "ratio": 3.0, "seconds": [4.0, 8.0, 6.0]},
    }


def test_a_library_that_is_not_installed_is_left_out_and_said_how_to_get(store, monkeypatch):
    monkeypatch.setattr(peer_pyg, "find_spec", lambda name: None)
    found = measured(store, "structure", "hidden", "epoch")
    assert found["left_out"] == {PYG: f"not installed; {install_hint('bench')}"}
    rows = {name: list(section["rows"]) for name, section in found["sections"].items()}
    assert rows == {
        "structure": [OWN, structure.OWN_MAPPED, DGL],
        "hidden": [OWN, DGL],
        "epoch": [OWN_PUBLISHED, OWN, OWN_WORDS, DGL_SPARSE],
    }


@GEOMETRIC
def test_dense_words_that_would_fill_the_memory_are_left_out(store, monkeypatch):
    monkeypatch.setattr("benchmarks.speed.subject._MOST_DENSE_BYTES", 1000)
    left = open_subject(request_of(), store.path)
    assert list(left.left_out) == [PYG_DENSE]
    assert "--cascades N" in left.left_out[PYG_DENSE]
    assert PYG_DENSE not in contenders(left)
    assert PYG_SPARSE in contenders(left)


@GEOMETRIC
def test_the_same_weights_give_the_same_scores_as_in_pytorch_geometric(subject):
    """Like with like: one model, computed in two ways."""
    rows: dict[str, Any] = {**published(subject)}
    ours, theirs = rows[OWN_PUBLISHED].model, rows[PYG_SPARSE].model
    with torch.no_grad():
        for way, direction in enumerate((theirs.down, theirs.up)):
            for place, layer in enumerate((direction.first, direction.second)):
                layer.bias.normal_()
                ours.bias[2 * way + place] = layer.bias
            ours.words[2 * way].copy_(direction.words.weight)
            ours.words[2 * way + 1].copy_(direction.source_words.weight)
            ours.hidden[way].weight.copy_(direction.hidden.weight)
        ours.classify.load_state_dict(theirs.classify.state_dict())
        for mine, other in zip(
            rows[OWN_PUBLISHED].batches(False), rows[PYG_SPARSE].batches(False), strict=True
        ):
            assert torch.equal(mine.label, other.label)
            torch.testing.assert_close(
                ours.eval()(mine), theirs.eval()(other), rtol=1e-4, atol=1e-5
            )


def test_models_on_sparse_words_are_of_one_size(subject):
    sizes = {
        sum(weight.numel() for weight in row.model.parameters())  # type: ignore[attr-defined]
        for row in published(subject).values()
    }
    assert len(sizes) == 1


@pytest.mark.parametrize("name", ["epoch", "inference"])
def test_a_pass_trains_or_scores_in_the_mode_it_says(subject, name):
    for row in published(subject).values():
        before = [weight.clone() for weight in row.model.parameters()]  # type: ignore[attr-defined]
        getattr(row, name)()
        changed = [
            not torch.equal(old, new)
            for old, new in zip(before, row.model.parameters(), strict=True)  # type: ignore[attr-defined]
        ]
        assert row.model.training == (name == "epoch")  # type: ignore[attr-defined]
        assert all(changed) if name == "epoch" else not any(changed)


@pytest.mark.parametrize("functions", [
    structure.whole, structure.hidden,
])
def test_the_graphs_of_a_batch_have_the_same_edges_in_each_library(subject, functions):
    made = {name: function() for name, function in functions(subject).items()}
    edges = {name: [*map(edges_of, graphs)] for name, graphs in made.items()}
    assert len(edges[OWN]) == 3  # 40 cascades in batches of 16
    assert all(found == edges[OWN] for found in edges.values())
    assert [g.batch_num_edges().tolist() for g in made[DGL]] == [
        g.batch_num_edges().tolist() for g in made[OWN]
    ]


def edges_of(graph: Any) -> set[tuple[int, int]]:
    ends = graph.edge_index if hasattr(graph, "edge_index") else graph.edges()
    parent, child = (end.tolist() for end in ends)
    return set(zip(parent, child, strict=True))


def test_hidden_edges_are_a_share_of_all(subject):
    whole = sum(len(edges_of(graph)) for graph in structure.whole(subject)[DGL]())  # type: ignore[attr-defined]
    left = sum(len(edges_of(graph)) for graph in structure.hidden(subject)[DGL]())  # type: ignore[attr-defined]
    assert 0.6 * whole < left < whole


def test_batches_of_other_sizes_are_of_the_same_cascades(subject):
    labels = []
    for size in (8, 40):
        row: Any = published(subject.in_batches_of(size))[DGL_SPARSE]
        batches = [batch.label for batch in row.batches(False)]
        assert [len(label) for label in batches] == [size] * (40 // size)
        labels.append(torch.cat(batches))
    assert torch.equal(*labels)


def test_cascades_without_a_label_are_left_out(tmp_path):
    labelled = [toy_cascade(f"a{n}", [-1, 0, 1], event=f"e{n}") for n in range(8)]
    unknown = toy_cascade("b", [-1, 0, 0, 0], label=None, event="e9")
    file = write_store(tmp_path / "a.h5", [unknown, *labelled])
    subject = open_subject(request_of(), file)
    assert subject.chosen.tolist() == list(range(1, 9))
    assert subject.posts == 24


def test_so_many_cascades_as_asked_for_are_drawn(store):
    subject = open_subject(request_of(cascades=10), store.path)
    assert len(subject.threads) == len(set(subject.chosen.tolist())) == 10


def test_data_without_labels_are_refused(tmp_path):
    unknown = [toy_cascade(f"a{n}", [-1, 0], label=None, event=f"e{n}") for n in range(8)]
    file = write_store(tmp_path / "a.h5", unknown)
    with pytest.raises(UsageError, match="no labels"):
        open_subject(request_of(), file)


def test_data_without_a_sparse_feature_are_refused(tmp_path):
    build_store(
        SyntheticReader(SyntheticOptions(cascades=20, events=8)), reader_name="synthetic",
        source=None, output=tmp_path / "a.h5", features=[],
    )
    with pytest.raises(UsageError, match="no sparse feature"):
        open_subject(request_of(), tmp_path / "a.h5")


def test_the_release_to_preprocess_is_read_whole_and_without_a_repair(tmp_path):
    write_release(tmp_path / "raw", 0)
    output = tmp_path / "a.h5"
    spec = installed_registry().find(ReaderSpec, READER)
    summary = build_store(
        spec.build(spec.options()), reader_name=READER, source=tmp_path / "raw", output=output
    )
    made = list(SyntheticReader(SyntheticOptions(world="mixed")).read(None, ReadReport()))
    assert not summary.report.repairs
    assert not summary.report.refusals
    assert (summary.cascades, summary.posts) == (len(made), sum(map(len, made)))
    first = CascadeStore(output).read(np.array([0]))
    assert first.parent.tolist() == made[0].parent.tolist()


def test_preprocessing_says_how_much_it_read_a_second():
    found = measure_sections(request_of("preprocess"))
    assert list(found["sections"]["preprocess"]["rows"]) == [OWN, TWO_PROCESSES]
    section = found["sections"]["preprocess"]
    seconds = section["rows"][OWN]["median_seconds"]
    assert section["read"]["posts"] == section["read"]["edge_lines"] > 10_000
    assert section["a_second"]["posts"] == pytest.approx(section["read"]["posts"] / seconds)
    assert found["data"] is None


def test_versions_are_those_that_run(store):
    found = measured(store, "structure")
    assert found["versions"]["dgl"] == metadata.version("dgl")
    assert found["versions"]["torch"] == torch.__version__
