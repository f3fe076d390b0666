"""The reader of BiGCN's form of the Weibo threads, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint import Cascade, DataError, Kind, ReadReport
from dgljoint.data.store import CascadeStore
from dgljoint_data import build_store
from dgljoint_data.readers.twitter import dgljoint_readers as twitter_readers
from dgljoint_data.readers.weibo import WeiboReader, dgljoint_readers
from dgljoint_data.workers import working
from twitter_release import words_of

ROWS = (
    "10031080900\tNone\t1\t0:1 4999:2", "10031080900\t1\t2\t3:1", "10031080900\t2\t3\t",
    "10031994215\tNone\t1\t7:1", "10031994215\t1\t2\t8:1",
)
LABELS = "10031994215 1\n10031080900 0\n"


def place(folder: Path, rows: tuple[str, ...] | bytes = ROWS, labels: str = LABELS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    data = rows if isinstance(rows, bytes) else ("\n".join(rows) + "\n").encode()
    (folder / "weibotree.txt").write_bytes(data)
    (folder / "weibo_id_label.txt").write_text(labels)
    return folder


def read(folder: Path) -> tuple[list[Cascade], ReadReport]:
    report = ReadReport()
    cascades = list(WeiboReader().read(folder, report))
    for cascade in cascades:
        cascade.check()
    assert report.threads_met == len(cascades) + len(report.quarantine)
    assert report.posts_met == sum(map(len, cascades)) + report.posts_dropped
    return cascades, report


def test_threads_have_their_words_and_come_in_the_order_of_the_labels(tmp_path: Path) -> None:
    cascades, report = read(place(tmp_path))
    assert [(one.id, one.label, one.posted_at) for one in cascades] == [
        ("10031994215", "rumor", 0), ("10031080900", "non-rumor", 0)
    ]
    last = cascades[1]
    assert last.parent.tolist() == [-1, 0, 1]
    assert last.kind.tolist() == [Kind.SOURCE, Kind.REPLY, Kind.REPLY]
    assert words_of(last) == [{0: 1, 4999: 2}, {3: 1}, {}]
    assert (report.repairs, report.refusals) == ({}, {})
    assert "carries no times" in report.notes[0]
    assert report.counts["rvnn_rows"] == 5


def test_the_form_is_recognised_as_weibo_alone(tmp_path: Path) -> None:
    place(tmp_path / "data" / "Weibo")
    specs = [*dgljoint_readers(), *twitter_readers()]
    told = [spec.name for spec in specs if spec.recognises and spec.recognises(tmp_path)]
    assert told == ["weibo"]
    assert len(read(tmp_path)[0]) == 2


def test_rows_of_a_thread_need_not_be_together(tmp_path: Path) -> None:
    mixed = tuple(ROWS[number] for number in (3, 0, 4, 2, 1))
    expected, _ = read(place(tmp_path / "one"))
    found, report = read(place(tmp_path / "two", mixed))
    for one, other in zip(expected, found, strict=True):
        assert (one.id, list(one.post_id)) == (other.id, list(other.post_id))
        assert words_of(one) == words_of(other)
    assert not report.repairs


@pytest.mark.parametrize(
    "labels", ["10031994215\t1\r\n10031080900\t0\r\n", "10031994215,1\n\n10031080900,0",
               "\ufeff10031994215 1\n10031080900 0\n"],
)
def test_labels_are_read_in_every_spelling(tmp_path: Path, labels: str) -> None:
    cascades, report = read(place(tmp_path, labels=labels))
    assert [one.label for one in cascades] == ["rumor", "non-rumor"]
    assert not report.refusals


@pytest.mark.parametrize(
    ("rows", "labels", "reason", "example"),
    [
        (ROWS, LABELS + "7 1\n", "label without a tree", "weibo_id_label.txt:3: 7"),
        (ROWS, LABELS + "7 2\n", "unknown label", "weibo_id_label.txt:3: '2'; known: 0, 1"),
        (ROWS, LABELS + "hm\n", "not a label line", "weibo_id_label.txt:3: 'hm'"),
        ((*ROWS, "7\t1\t2\t1:1"), LABELS + "7 1\n", "tree without a source", "weibotree.txt:6: 7"),
        (ROWS, LABELS + "7 1\n7 0\n", "several labels for one thread", "weibo_id_label.txt:4: 7"),
    ],
)
def test_a_bad_thread_is_refused_with_its_place(
    tmp_path: Path, rows: tuple[str, ...], labels: str, reason: str, example: str
) -> None:
    cascades, report = read(place(tmp_path, rows, labels))
    assert len(cascades) == 2
    assert {name: tally.examples for name, tally in report.refusals.items()} == {reason: [example]}


@pytest.mark.parametrize(
    ("rows", "reason", "example"),
    [
        ((*ROWS, "hm"), "not a row of a tree", "weibotree.txt:6"),
        ((*ROWS, ROWS[4]), "several rows for one post (the first is kept)", "weibotree.txt:6"),
        ((*ROWS, "10031994215\t9\t3\t"), "post whose parent is not there", "weibotree.txt:6"),
        ((*ROWS, "10031994215\t1\t3\tx"), "not a word count", "weibotree.txt:6"),
        (
            "\n".join(ROWS).encode(), "last line without a line end (its words may be cut)",
            "weibotree.txt:5",
        ),
    ],
)
def test_a_bad_row_is_repaired_and_counted(
    tmp_path: Path, rows: tuple[str, ...] | bytes, reason: str, example: str
) -> None:
    cascades, report = read(place(tmp_path, rows))
    assert len(cascades) == 2
    assert {name: tally.examples for name, tally in report.repairs.items()} == {reason: [example]}


def test_a_tree_refused_for_its_label_is_not_one_without_a_label(tmp_path: Path) -> None:
    cascades, report = read(place(tmp_path, labels=LABELS + "10031080900 1\n"))
    assert [cascade.id for cascade in cascades] == ["10031994215"]
    assert "several labels for one thread" in report.refusals
    assert "trees_without_a_label" not in report.counts
    assert report.counts["posts_dropped_of_refused_trees"] == 3
    assert not any("have no label" in note for note in report.notes)


def test_trees_without_a_label_are_counted_and_named_once(tmp_path: Path) -> None:
    more = tuple(f"{number}\tNone\t1\t1:1" for number in range(1, 101))
    cascades, report = read(place(tmp_path, (*more, *ROWS)))
    assert len(cascades) == 2
    assert report.counts["trees_without_a_label"] == 100
    assert any("100 trees of weibotree.txt have no label" in note for note in report.notes)


def test_when_nothing_can_be_read_the_reason_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"label without a tree \(weibo_id_label\.txt:1: 1003"):
        read(place(tmp_path, b"\0\1\2"))


def test_a_packed_file_is_named(tmp_path: Path) -> None:
    place(tmp_path)
    (tmp_path / "weibotree.txt").rename(tmp_path / "weibotree.txt.zip")
    with pytest.raises(DataError, match=r"only weibo_id_label\.txt; packed.*: weibotree\.txt\.zip"):
        read(tmp_path)


def test_several_forms_in_one_folder_are_named(tmp_path: Path) -> None:
    place(tmp_path)
    (tmp_path / "Weibo").mkdir()
    (tmp_path / "Weibo.txt").write_text("")
    with pytest.raises(DataError, match="several forms of threads: Ma, Bigcn"):
        read(tmp_path)


def test_a_built_file_has_the_published_width_whatever_the_processes(tmp_path: Path) -> None:
    source = place(tmp_path / "raw")
    for name, jobs in (("a.h5", 1), ("b.h5", 2)):
        build_store(
            WeiboReader(), reader_name="weibo", source=source, output=tmp_path / name, jobs=jobs
        )
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    words = CascadeStore(tmp_path / "a.h5").sparse("published_words")
    assert (words.columns, words.indices.max()) == (5000, 4999)


def test_processes_give_the_same_report(tmp_path: Path) -> None:
    _, report = read(place(tmp_path))
    other = ReadReport()
    with working(2) as spread:
        list(WeiboReader().read_in_parts(tmp_path, other, spread))
    assert other == report
