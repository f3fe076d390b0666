"""The reader of the tree release on small releases of our own, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgljoint import DataError, Kind, ReadReport
from dgljoint_data.readers.twitter import dgljoint_readers
from dgljoint_data.readers.twitter.readers import TwitterTreeReader
from twitter_release import SMALL_TREE, Release, edge, root


def test_a_whole_release_is_read_in_the_order_of_the_labels(tmp_path: Path) -> None:
    cascades, report = Release().read(tmp_path / "twitter15")
    assert [cascade.id for cascade in cascades] == ["500", "600", "700", "800", "900"]
    first = cascades[0]
    first.check()
    assert (first.event, first.label, first.posted_at) == ("A", "true", 0)
    assert list(first.text) == ["Breaking: 🔥 URL", "", "", ""]
    assert list(first.post_id) == ["500", "500", "501", "502"]
    assert first.user.tolist() == [1, 3, 2, 4]
    assert first.kind.tolist() == [Kind.SOURCE, Kind.RETWEET, Kind.REPLY, Kind.REPLY]
    assert not report.repairs
    assert not report.refusals
    assert not report.notes
    assert report.counts["edge_lines"] == 20


def test_the_folder_above_a_release_will_do(tmp_path: Path) -> None:
    Release().write(tmp_path / "twitter15")
    (tmp_path / "README.txt").write_text("beside it")
    assert len(list(TwitterTreeReader("15").read(tmp_path, ReadReport()))) == 5
    Release().write(tmp_path / "copy")
    with pytest.raises(DataError, match="several releases: copy, twitter15"):
        list(TwitterTreeReader("15").read(tmp_path, ReadReport()))


def test_a_tweet_id_gives_the_time_of_posting(tmp_path: Path) -> None:
    tweet = "1541815603606036480"  # the example of Wikipedia's article "Snowflake ID"
    tree = tuple(line.replace("'500'", f"'{tweet}'") for line in SMALL_TREE)
    release = Release(trees={tweet: tree}, labels=f"true:{tweet}".encode())
    [cascade], _ = release.read(tmp_path / "raw")
    assert cascade.posted_at == 1_656_432_460  # 2022-06-28 16:07:40 UTC


def test_a_retweet_is_known_by_its_tweet_whatever_its_parent(tmp_path: Path) -> None:
    tree = (
        root((1, 500, "0.0")),
        edge((1, 500, "0.0"), (2, 501, "1.0")),
        edge((2, 501, "1.0"), (3, 500, "2.0")),  # a retweet of the source below a reply
    )
    [cascade], _ = Release(trees={"500": tree}, labels=b"true:500").read(tmp_path / "raw")
    assert cascade.kind.tolist() == [Kind.SOURCE, Kind.REPLY, Kind.RETWEET]


def test_without_the_event_file_threads_stand_alone_and_that_is_said(tmp_path: Path) -> None:
    cascades, report = Release(events=None).read(tmp_path / "raw")
    assert {cascade.event for cascade in cascades} == {""}
    assert "Twitter15_label_All.txt is not in the folder of label.txt" in report.notes[0]


def test_the_other_edition_is_refused(tmp_path: Path) -> None:
    folder = Release().write(tmp_path / "raw")
    with pytest.raises(DataError, match="is Twitter15, expected Twitter16") as caught:
        list(TwitterTreeReader("16").read(folder, ReadReport()))
    assert caught.value.hint == "use the reader twitter15"


@pytest.mark.parametrize(
    ("change", "reason", "example"),
    [
        ({"labels": b"true:500\ntrue:501"}, "label without a tree", "tree/501.txt"),
        ({"labels": b"true:500"}, "tree without a label", "tree/600.txt"),
        ({"labels": b"true:500\nrumour:600"}, "unknown label", "label.txt:2: 'rumour'"),
        (
            {"labels": b"true:500\ntrue:600\nrumour:600"},
            "unknown label", "label.txt:3: 'rumour'; known: false, true, unverified, non-rumor",
        ),
        ({"labels": b"true:500\nhm"}, "not a label line", "label.txt:2: 'hm'"),
        ({"labels": b"true:500\ntrue:../500"}, "not a label line", "label.txt:2"),
        ({"labels": b"true:500\ntrue:\xff\xfe"}, "not a label line", "label.txt:2"),
        (
            {"labels": b"true:500\ntrue:600\nfalse:600\ntrue:600"},
            "several labels for one thread", "label.txt:3: 600",
        ),
        (
            {"trees": {"500": SMALL_TREE, "600": SMALL_TREE[1:]}},
            "tree without a ROOT line", "tree/600.txt",
        ),
        (
            {"trees": {"500": SMALL_TREE, "600": b""}},
            "tree without a ROOT line", "tree/600.txt: it is empty",
        ),
        (
            {"trees": {"500": SMALL_TREE, "600": b'["ROOT", "ROOT", "0"]->["1", "600", "0"]'}},
            "tree without a ROOT line", "tree/600.txt: it begins with '[\"ROOT\", \"ROOT\"",
        ),
    ],
)
def test_a_bad_thread_is_refused_and_the_others_kept(
    tmp_path: Path, change: dict[str, bytes], reason: str, example: str
) -> None:
    cascades, report = Release(**change).read(tmp_path / "raw")  # type: ignore[arg-type]  # mixed
    assert "500" in [cascade.id for cascade in cascades]
    assert "600" not in [cascade.id for cascade in cascades] or reason.startswith("label")
    assert any(found.startswith(example) for found in report.refusals[reason].examples)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"rumour:600", "unknown label"),
        (b"true:600\nfalse:600", "several labels for one thread"),
    ],
)
def test_a_thread_refused_for_its_label_is_not_refused_again_for_having_none(
    tmp_path: Path, lines: bytes, reason: str
) -> None:
    trees: dict[str, bytes | tuple[str, ...]] = {"500": SMALL_TREE, "600": SMALL_TREE}
    _, report = Release(trees=trees, labels=b"true:500\n" + lines).read(tmp_path / "raw")
    assert {name: tally.count for name, tally in report.refusals.items()} == {reason: 1}
    assert report.threads_met == 2


@pytest.mark.parametrize(
    ("change", "reason", "example"),
    [
        ({"labels": b"true:500\r\ntrue:500\r\n"}, "duplicate label line", "label.txt:2"),
        (
            {"texts": b"500\tcaf\xff\n"},
            "source text with bytes that are no UTF-8", "source_tweets.txt:1",
        ),
        ({"texts": b"600\tx\n"}, "thread without a source text", "500"),
        ({"texts": b"500\tx\nand more\n"}, "not a text line", "source_tweets.txt:2"),
        (
            {"texts": b"500\tx\n500\ty\n"},
            "several texts for one source post (the first is kept)", "source_tweets.txt:2",
        ),
        ({"events": b"true\tA\t1\n"}, "thread without an event (it becomes its own)", "500"),
        ({"events": b"true A 500\n"}, "not an event line", "Twitter15_label_All.txt:1"),
        (
            {"events": b"true\tA\t500\ntrue\tB\t500\n"},
            "several events for one thread (the first is kept)", "Twitter15_label_All.txt:2",
        ),
        (
            {"trees": {"500": "\n".join(SMALL_TREE)[:-9].encode()}},
            "not an edge line", "tree/500.txt:4",
        ),
        (
            {"trees": {"500": "\n".join(SMALL_TREE).encode() + b"\n\xff\xfe\xfd"}},
            "not an edge line", "tree/500.txt:5",
        ),
    ],
)
def test_a_thread_is_repaired_and_the_repair_counted(
    tmp_path: Path, change: dict[str, bytes], reason: str, example: str
) -> None:
    cascades, report = Release(**change).read(tmp_path / "raw")  # type: ignore[arg-type]  # mixed
    assert cascades[0].id == "500"
    assert report.repairs[reason].examples[0] == example


def test_windows_line_ends_are_read_everywhere(tmp_path: Path) -> None:
    unix = Release()
    windows = Release(
        trees={name: "\r\n".join(SMALL_TREE).encode() for name in unix.trees},
        labels=(unix.labels or b"").replace(b"\n", b"\r\n"),
        texts=(unix.texts or b"").replace(b"\n", b"\r\n"),
    )
    expected, _ = unix.read(tmp_path / "unix")
    found, report = windows.read(tmp_path / "windows")
    assert not report.repairs
    assert [(a.id, a.text, a.parent.tolist()) for a in found] == [
        (b.id, b.text, b.parent.tolist()) for b in expected
    ]


def test_bytes_that_are_no_utf8_are_replaced_in_the_text(tmp_path: Path) -> None:
    cascades, _ = Release(texts=b"500\tcaf\xff\n").read(tmp_path / "raw")
    assert cascades[0].text[0] == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, "lacks label.txt"),
        ({"labels": b""}, "holds no readable thread: tree without a label"),
        ({"labels": b"", "trees": {}}, "holds no readable thread: label.txt names none"),
        ({"trees": {}}, r"holds no readable thread: label without a tree \(tree/500.txt\)"),
    ],
)
def test_a_release_of_which_nothing_can_be_read_is_an_error(
    tmp_path: Path, change: dict[str, bytes], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Release(**change).read(tmp_path / "raw")  # type: ignore[arg-type]  # mixed


def test_no_folder_an_empty_one_or_a_file_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name, message in (
        ("missing", "does not exist"), ("file", "is no folder"),
        ("empty", r"lacks label.txt and tree \(the folder is empty\)"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            list(TwitterTreeReader("15").read(tmp_path / name, ReadReport()))
        assert "unpack the whole release" in str(caught.value.hint)


def test_a_tree_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    folder = Release().write(tmp_path / "raw")
    (folder / "tree" / "600.txt").unlink()
    (folder / "tree" / "600.txt").mkdir()
    report = ReadReport()
    assert len(list(TwitterTreeReader("15").read(folder, report))) == 4
    assert "tree that cannot be read" in report.refusals


def test_two_specs_name_their_publication() -> None:
    specs = dgljoint_readers()
    assert [spec.name for spec in specs] == ["twitter15", "twitter16"]
    assert all(spec.reference and "P17-1066" in spec.reference.url for spec in specs)
    reader = specs[0].build(specs[0].options())
    assert reader.label_names == ("false", "true", "unverified", "non-rumor")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.binary(max_size=300), cut=st.integers(0, 400))
def test_any_bytes_in_a_tree_give_a_sound_cascade_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int
) -> None:
    tree = "\n".join(SMALL_TREE).encode()[:cut] + data
    release = Release(trees={"500": SMALL_TREE, "600": tree})
    cascades, report = release.read(tmp_path_factory.mktemp("release") / "raw")
    for cascade in cascades:
        cascade.check()
    assert ("600" in [cascade.id for cascade in cascades]) != (
        "tree without a ROOT line" in report.refusals
    )
