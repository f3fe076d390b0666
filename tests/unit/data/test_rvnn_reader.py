"""The reader of the RvNN release on small releases of our own, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgljoint import Cascade, DataError, Kind, ReadReport
from dgljoint.data.store import CascadeStore
from dgljoint_data import build_store
from dgljoint_data.readers.twitter import TwitterOptions, TwitterReader
from dgljoint_data.readers.twitter.rvnn import FEATURE
from twitter_release import Release, RvnnRelease, row, small_rows, words_of

# 1 and 2 answer the source, 3 answers 1: the words of each row are its index.
TREE = (
    row("500", "None", 9, "9:1", parents=3), row("500", 9, 1, "1:1", parents=3),
    row("500", 9, 2, "2:1", parents=3), row("500", 1, 3, "3:1", parents=3),
)


def balanced(cascades: list[Cascade], report: ReadReport) -> bool:
    return report.posts_met == sum(map(len, cascades)) + report.posts_dropped


def test_a_whole_release_is_read_in_the_order_of_the_labels(tmp_path: Path) -> None:
    cascades, report = RvnnRelease().read(tmp_path / "rvnn")
    assert [cascade.id for cascade in cascades] == ["500", "600", "700", "800", "900"]
    first = cascades[0]
    first.check()
    assert (first.event, first.label, first.posted_at) == ("A", "true", 0)
    assert first.post_id == ["500-2", "500-1", "500-3"]
    assert first.parent.tolist() == [-1, 0, 1]
    assert first.kind.tolist() == [Kind.SOURCE, Kind.REPLY, Kind.REPLY]
    assert not first.delay_seconds.any()
    assert not first.user.any()
    assert set(first.text) == {""}
    assert words_of(first) == [{3: 2, 7: 1}, {0: 4, 12: 1}, {4999: 1}]
    assert not report.repairs
    assert not report.refusals
    assert "carries no times" in report.notes[0]
    assert (report.counts["rvnn_rows"], report.counts["distinct_posts"]) == (15, 15)
    assert balanced(cascades, report)


@pytest.mark.parametrize("inside", ["", "resource"])
def test_the_folder_itself_or_its_resource_will_do(tmp_path: Path, inside: str) -> None:
    folder = RvnnRelease().write(tmp_path / "raw", inside=inside)
    assert len(list(TwitterReader("15", TwitterOptions()).read(folder, ReadReport()))) == 5


def test_the_order_of_rows_and_words_makes_no_difference(tmp_path: Path) -> None:
    rows = RvnnRelease().rows
    assert isinstance(rows, tuple)
    rows += (row("500", 2, 5, "8:1"), row("500", 2, 4, "9:1 1:1"))  # brothers of index 1
    turned = tuple(
        "\t".join((*line.split("\t")[:5], " ".join(reversed(line.split("\t")[5].split()))))
        for line in reversed(rows)
    )
    one, _ = RvnnRelease(rows=rows).read(tmp_path / "one")
    assert one[0].post_id == ["500-2", "500-1", "500-4", "500-5", "500-3"]
    other, _ = RvnnRelease(rows=turned).read(tmp_path / "other")
    for a, b in zip(one, other, strict=True):
        assert (a.id, a.post_id, a.parent.tolist()) == (b.id, b.post_id, b.parent.tolist())
        assert words_of(a) == words_of(b)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_both_kinds_are_read(tmp_path: Path, end: str) -> None:
    release = RvnnRelease(
        rows=b"\xef\xbb\xbf" + (end.join(TREE) + end).encode(), labels=f"true\tA\t500{end}".encode()
    )
    [cascade], report = release.read(tmp_path / "raw")
    assert words_of(cascade) == [{9: 1}, {1: 1}, {2: 1}, {3: 1}]
    assert not report.repairs


def test_a_tree_refused_for_its_label_is_not_one_without_a_label(tmp_path: Path) -> None:
    release = RvnnRelease(
        rows=(*TREE, *small_rows("600")), labels=b"true\tA\t500\nrumour\tA\t600\n"
    )
    cascades, report = release.read(tmp_path / "raw")
    assert [cascade.id for cascade in cascades] == ["500"]
    assert "unknown label" in report.refusals
    assert "trees_without_a_label" not in report.counts
    assert report.counts["posts_dropped_of_refused_trees"] == 3
    assert balanced(cascades, report)


def test_trees_without_a_label_are_counted_and_named_once(tmp_path: Path) -> None:
    other = sum((small_rows(str(number)) for number in range(1000, 1200)), ())
    release = RvnnRelease(rows=(*TREE, *other), labels=b"true\tA\t500\n")
    cascades, report = release.read(tmp_path / "raw")
    assert [cascade.id for cascade in cascades] == ["500"]
    assert report.counts["trees_without_a_label"] == 200
    assert report.counts["posts_dropped_of_trees_without_a_label"] == 600
    assert not report.quarantine
    assert any("200 trees" in note and "1000 for one" in note for note in report.notes)
    assert balanced(cascades, report)


def test_words_beyond_the_vocabulary_are_kept_and_counted(tmp_path: Path) -> None:
    release = RvnnRelease(rows=(row("500", "None", 1, "5000:1 99999:2 4:1", parents=1),))
    [cascade], report = release.read(tmp_path / "raw")
    assert words_of(cascade) == [{4: 1, 5000: 1, 99999: 2}]
    assert report.counts["word_counts_beyond_the_vocabulary"] == 2
    assert report.counts["threads_of_one_post"] == 1
    assert not report.repairs


def changed(*lines: str) -> tuple[str, ...]:
    return (*TREE, *lines)


@pytest.mark.parametrize(
    ("rows", "reason", "example", "posts"),
    [
        (changed("500\t9\t4"), "not a row of a tree", 5, 4),
        (changed("500\tNone"), "not a row of a tree", 5, 4),
        (changed("x\t9\t4\t3\t4\t1:1"), "not a row of a tree", 5, 4),
        (changed("500\t9\t" + "4" * 30 + "\t3\t4\t1:1"), "not a row of a tree", 5, 4),
        (changed(TREE[1]), "several rows for one post (the first is kept)", 5, 4),
        (changed(row("500", 2, 1, "8:1")), "several rows for one post (the first is kept)", 5, 4),
        (changed("500\t9\t4\t3\t4"), "row cut before its words (kept without)", 5, 5),
        (changed(row("500", 77, 4, "")), "post whose parent is not there", 5, 4),
        (changed(row("500", "None", 4, "")), "post that is another source", 5, 4),
        (changed(row("500", 4, 4, "")), "post in a cycle", 5, 4),
        (changed(row("500", 77, 4, ""), row("500", 4, 5, "")), "post below a dropped post", 6, 4),
        (changed(row("500", 5, 4, ""), row("500", 4, 5, "")), "post in a cycle", 5, 4),
        (
            TREE[:3],
            "tree of another number of parents than its rows give (it may be cut)", 1, 3,
        ),
        (changed(row("500", 9, 4, "1:1 2:0 3")), "not a word count", 5, 5),
        (changed(row("500", 9, 4, "1:1 \x00")), "not a word count", 5, 5),
        (changed(row("500", 9, 4, "1:1 " + "2" * 40 + ":1")), "not a word count", 5, 5),
        (changed(row("500", 9, 4, "1:1 1:2")), "word counted twice in a row (added up)", 1, 5),
    ],
)
def test_a_tree_is_repaired_and_the_repair_counted(
    tmp_path: Path, rows: tuple[str, ...], reason: str, example: int, posts: int
) -> None:
    cascades, report = RvnnRelease(rows=rows, labels=b"true\tA\t500\n").read(tmp_path / "raw")
    [cascade] = cascades
    cascade.check()
    assert len(cascade) == posts
    assert report.repairs[reason].examples[0] == f"data.TD_RvNN.vol_5000.txt:{example}"
    assert balanced(cascades, report)
    dropped = ("not a row of a tree", "several rows for one post (the first is kept)")
    lost = sum(report.repairs[name].count for name in dropped if name in report.repairs)
    assert report.counts["rvnn_rows"] == len(rows) == report.counts["distinct_posts"] + lost


def test_words_counted_twice_are_added_up_and_bad_ones_alone_are_left_out(tmp_path: Path) -> None:
    release = RvnnRelease(rows=(row("500", "None", 1, "1:1 9:0 5:x 1:2 3:1", parents=1),))
    [cascade], report = release.read(tmp_path / "raw")
    assert words_of(cascade) == [{1: 3, 3: 1}]
    assert report.repairs["not a word count"].count == 2


def test_a_file_that_was_cut_anywhere_keeps_every_whole_row(tmp_path: Path) -> None:
    data = "\n".join(TREE).encode()
    for cut in range(len(data)):
        release = RvnnRelease(rows=data[:cut], labels=b"true\tA\t500\n")
        if b"\n" not in data[:cut] and len(data[:cut].split(b"\t")) < 5:
            with pytest.raises(DataError, match="holds no readable thread"):
                release.read(tmp_path / str(cut))
            continue
        if not data[:cut].split(b"\t")[4]:
            continue
        cascades, report = release.read(tmp_path / str(cut))
        whole = data[:cut].count(b"\n")
        assert whole <= len(cascades[0]) <= whole + 1
        assert balanced(cascades, report)
        if data[:cut] and not data[:cut].endswith(b"\n"):
            assert report.repairs


def test_a_tree_without_a_source_is_refused_by_its_first_line(tmp_path: Path) -> None:
    release = RvnnRelease(rows=(*TREE, row("600", 2, 1, ""), row("600", 1, 2, "")))
    cascades, report = release.read(tmp_path / "raw")
    assert [cascade.id for cascade in cascades] == ["500"]
    [left_out] = [each for each in report.quarantine if each.reason == "tree without a source"]
    assert (left_out.line, left_out.detail) == (5, "600")
    assert report.counts["posts_dropped_of_refused_trees"] == 2
    assert balanced(cascades, report)


@pytest.mark.parametrize(
    ("labels", "reason", "where"),
    [
        (b"true\tA\t500\ntrue\tB\t501\n", "label without a tree", 2),
        (b"true\tA\t500\nrumour\tB\t600\n", "unknown label", 2),
        (b"true\tA\t500\nhm\n", "not a label line", 2),
        (b"true\tA\t500\ntrue\tA\t600\nfalse\tA\t600\n", "several labels for one thread", 3),
    ],
)
def test_a_bad_label_refuses_its_thread_alone(
    tmp_path: Path, labels: bytes, reason: str, where: int
) -> None:
    cascades, report = RvnnRelease(labels=labels).read(tmp_path / "raw")
    assert [cascade.id for cascade in cascades] == ["500"]
    [found] = [each for each in report.quarantine if each.reason == reason]
    assert (found.file, found.line) == ("Twitter15_label_All.txt", where)
    assert balanced(cascades, report)


def test_what_is_no_release_of_this_edition_is_an_error(tmp_path: Path) -> None:
    other = RvnnRelease().write(tmp_path / "other", edition="16")
    without = RvnnRelease(labels=None).write(tmp_path / "without")
    stranger = RvnnRelease(labels=b"true\tA\t1\n").write(tmp_path / "stranger")
    reader = TwitterReader("15", TwitterOptions())
    for folder, message in (
        (other, "is Twitter16, expected Twitter15"), (without, "lacks Twitter15_label_All.txt"),
        (stranger, "holds no readable thread"),
    ):
        with pytest.raises(DataError, match=message):
            list(reader.read(folder, ReadReport()))


def test_a_built_store_has_the_words_as_a_feature_of_at_least_the_published_width(
    tmp_path: Path,
) -> None:
    folder = RvnnRelease().write(tmp_path / "rvnn")
    reader = TwitterReader("15", TwitterOptions())
    made = [
        build_store(reader, reader_name="twitter15", source=folder, output=tmp_path / name)
        for name in ("a.h5", "b.h5")
    ]
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    store = CascadeStore(made[0].path)
    words = store.sparse(FEATURE)
    assert (words.columns, words.indices.max()) == (5000, 4999)
    assert np.diff(words.indptr)[:3].tolist() == [2, 2, 1]
    rows = RvnnRelease().rows
    assert isinstance(rows, tuple)
    (tmp_path / "rvnn" / "notes.txt").write_text("not of the release")
    assert reader.fingerprint(folder) == made[0].raw_digest
    more = RvnnRelease(rows=(*rows, row("500", 2, 4, "6000:1"))).write(tmp_path / "more")
    wider = build_store(
        reader, reader_name="twitter15", source=more, output=tmp_path / "more.h5"
    )
    assert wider.raw_digest != made[0].raw_digest
    assert CascadeStore(wider.path).sparse(FEATURE).columns == 6001


def test_a_folder_with_both_releases_is_read_as_trees(tmp_path: Path) -> None:
    folder = Release().write(RvnnRelease().write(tmp_path / "raw"))
    [first, *_] = TwitterReader("15", TwitterOptions()).read(folder, ReadReport())
    assert first.delay_seconds.any()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    cut=st.integers(0, 140), data=st.binary(max_size=60),
    edges=st.lists(st.tuples(st.sampled_from(["None", 1, 2, 3, 7]), st.integers(1, 4))),
)
def test_any_rows_give_a_sound_cascade_or_a_refusal_and_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, cut: int, data: bytes,
    edges: list[tuple[object, int]],
) -> None:
    lines = "\n".join(row("600", parent, index, "3:1 3:2") for parent, index in edges)
    rows = "\n".join(TREE).encode() + b"\n" + lines.encode()[:cut] + data
    release = RvnnRelease(rows=rows, labels=b"true\tA\t500\nfalse\tB\t600\n")
    cascades, report = release.read(tmp_path_factory.mktemp("release") / "raw")
    for cascade in cascades:
        cascade.check()
    assert balanced(cascades, report)
    assert {cascade.id for cascade in cascades} | {
        each.detail for each in report.quarantine
    } == {"500", "600"}
