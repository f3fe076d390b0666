"""The published RvNN files: every tree, row and fold, and what of them the trees can use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from dgljoint import DataError, ReadReport
from dgljoint.data.store import CascadeStore
from dgljoint_cli.main import run
from dgljoint_data import BuildSummary, build_store
from dgljoint_data.audit.overlap import across_folds
from dgljoint_data.readers.twitter import TwitterOptions, TwitterReader

RAW = os.environ.get("DGLJOINT_RAW_DATA")
pytestmark = pytest.mark.skipif(not RAW, reason="DGLJOINT_RAW_DATA names no folder of raw data")

# Trees and ids without a fold from the README of the data; the others counted by other means.
EXPECTED = {
    "15": {
        "threads": 1301, "distinct_posts": 40_556, "threads_source_is_not_index_1": 724,
        "threads_of_one_post": 20, "word_counts": 469_599, "distinct_posts_per_thread_max": 104,
        "published_fold_ids": 1480, "threads_in_no_published_fold": 9,
    },
    "16": {
        "threads": 726, "distinct_posts": 21_141, "threads_source_is_not_index_1": 401,
        "threads_of_one_post": 10, "word_counts": 235_180, "distinct_posts_per_thread_max": 104,
        "published_fold_ids": 815, "threads_in_no_published_fold": 2,
    },
}
LABELLED = {"15": 1490, "16": 818}
JOINED = {
    "15": {
        "threads": 1490, "distinct_posts": 599_196, "threads_without_rvnn_tree": 189,
        "rvnn_trees_of_a_thread": 1301, "rvnn_trees_of_no_thread": 0, "rvnn_posts": 40_556,
        "rvnn_trees_of_the_same_shape": 160, "replies": 29_003, "replies_matched": 70,
        "rvnn_posts_matched": 1371, "threads_in_no_published_fold": 10,
    },
    "16": {
        "threads": 818, "distinct_posts": 347_828, "threads_without_rvnn_tree": 92,
        "rvnn_trees_of_a_thread": 726, "rvnn_trees_of_no_thread": 0, "rvnn_posts": 21_141,
        "rvnn_trees_of_the_same_shape": 117, "replies": 14_455, "replies_matched": 55,
        "rvnn_posts_matched": 781, "threads_in_no_published_fold": 3,
    },
}


def raw(name: str) -> Path:
    folder = Path(RAW or "") / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not unpacked in DGLJOINT_RAW_DATA")
    return folder


def build(edition: str, source: Path, output: Path, text_from: str = "") -> BuildSummary:
    return build_store(
        TwitterReader(edition, TwitterOptions(text_from=text_from)),
        reader_name=f"twitter{edition}", source=source, output=output,
        folds=raw(f"twitter{edition}-rvnn"),
    )


@pytest.fixture(scope="module", params=["15", "16"])
def words(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, BuildSummary]:
    output = tmp_path_factory.mktemp("rvnn") / "out.h5"
    return request.param, build(request.param, raw(f"twitter{request.param}-rvnn"), output)


def test_every_count_of_the_word_file_is_reproduced(words: tuple[str, BuildSummary]) -> None:
    edition, summary = words
    report = summary.report
    expected = EXPECTED[edition]
    assert {name: report.counts[name] for name in expected} == expected
    assert summary.posts == report.counts["rvnn_rows"] == expected["distinct_posts"]
    assert summary.cascades == expected["threads"]
    assert not report.repairs
    refused = {reason: tally.count for reason, tally in report.refusals.items()}
    assert refused == {"label without a tree": LABELLED[edition] - summary.cascades}


def test_the_published_folds_are_random(words: tuple[str, BuildSummary]) -> None:
    edition, summary = words
    store = CascadeStore(summary.path)
    split = store.split("published")
    assert (split.folds, split.grouped_by) == (5, "")
    assert (split.fold < 0).sum() == EXPECTED[edition]["threads_in_no_published_fold"]
    assert across_folds(store, split)[0].severity.name == "warning"
    tested = raw(f"twitter{edition}-rvnn") / "nfold" / f"RNNtestSet_Twitter{edition}3_tree.txt"
    ids = np.array(store.ids.all())
    assert set(ids[split.fold == 3]) == set(tested.read_text().split()) & set(ids)


@pytest.mark.parametrize("edition", ["15", "16"])
def test_words_are_joined_to_the_trees_where_that_is_certain(edition: str, tmp_path: Path) -> None:
    source, place = raw(f"twitter{edition}-tree"), raw(f"twitter{edition}-rvnn")
    summary = build(edition, source, tmp_path / "out.h5", str(place))
    counts = summary.report.counts
    expected = JOINED[edition]
    assert {name: counts[name] for name in expected} == expected
    assert counts["rvnn_posts"] == counts["rvnn_posts_matched"] + counts["rvnn_posts_unmatched"]
    store = CascadeStore(summary.path)
    filled = np.diff(store.sparse("published_words").indptr) > 0
    assert filled.sum() == counts["rvnn_posts_matched"]
    columns = store.read(np.arange(len(store)))
    assert filled[columns.post_ptr[:-1]].sum() == counts["rvnn_trees_of_a_thread"]


@pytest.mark.parametrize(
    ("edition", "trees", "labelled", "repairs"),
    [
        ("15", 35, 14, {"last line without a line end (its words may be cut)": 1}),
        ("16", 20, 7, {"row cut before its words (kept without)": 1}),
    ],
)
def test_the_original_files_first_bytes_are_read_to_where_they_were_cut(
    edition: str, trees: int, labelled: int, repairs: dict[str, int], tmp_path: Path
) -> None:
    place = raw(f"twitter{edition}-rvnn")
    with pytest.raises(DataError, match=f"lacks Twitter{edition}_label_All.txt"):
        next(TwitterReader(edition, TwitterOptions()).read(place / "original-prefix", ReadReport()))
    for part in (f"resource/Twitter{edition}_label_All.txt", "original-prefix/*"):
        for file in place.glob(part):
            shutil.copy(file, tmp_path)
    report = ReadReport()
    cascades = list(TwitterReader(edition, TwitterOptions()).read(tmp_path, report))
    for cascade in cascades:
        cascade.check()
    assert len(cascades) == labelled
    assert report.counts["trees_without_a_label"] == trees - labelled
    assert report.posts_met == sum(map(len, cascades)) + report.posts_dropped
    assert {reason: tally.count for reason, tally in report.repairs.items()} == repairs


def test_bigcn_trains_on_the_words_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = raw("twitter15-rvnn")
    out = tmp_path / "words.h5"
    assert run(["preprocess", str(place), "-o", str(out), "--folds", str(place), "-q"]) == 0
    capsys.readouterr()
    train = ["train", str(out), "--encoder", "bigcn", "--split", "published", "--epochs", "1"]
    assert run([*train, "--out", str(tmp_path / "run"), "-q"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "RANDOM FOLDS" in text
    assert "the rumor task is trained alone: no post of the training set has" in text
