"""The reader of CED on a small release of our own, whole and damaged."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from dgljoint import Cascade, DataError, Kind, ReadReport
from dgljoint_data.readers.weibo import WeiboReader, dgljoint_readers
from dgljoint_data.workers import working
from weibo_release import write

Files = dict[str, bytes]
SOURCE = 1_347_334_462  # 2012-09-11 11:34:22 in China
FIRST = "1_yAbC_11"
REPOSTS = f"rumor-repost/{FIRST}.json"
SOURCES = f"original-microblog/{FIRST}.json"


def dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=0).encode()


def source(number: int = 1, **more: object) -> bytes:
    said = {"verified": False, "followers": 9, "friends": 1, "messages": 2, "time": 1_312_112_304}
    return dump({"text": f"消息 {number}", "user": said, "time": SOURCE, "reposts": 3} | more)


def repost(mid: str, parent: str, seconds: int, **more: object) -> dict[str, object]:
    date = f"2012-09-11 11:{34 + seconds // 60}:{22 + seconds % 60}"
    return {"kids": [], "uid": "1778375805", "parent": parent, "text": "", "mid": mid,
            "date": date} | more


def thread() -> list[dict[str, object]]:
    """Make three posts, the latest first as in the published files."""
    return [
        repost("m3", "m1", 61, uid="alshares", text="真的吗？"),
        repost("m2", "", 31, text="转发微博"),
        repost("m1", "", 1, text="不信"),
    ]


def whole() -> Files:
    """Make two rumors and two non-rumors of four posts."""
    files = {}
    for number, name in enumerate((FIRST, "2_yDe_12", "3_yF_13", "4_yG_14"), start=1):
        folder = "rumor-repost" if number < 3 else "non-rumor-repost"
        files[f"original-microblog/{name}.json"] = source(number)
        files[f"{folder}/{name}.json"] = dump(thread())
    return files


def read(files: Files, target: Path) -> tuple[dict[str, Cascade], ReadReport]:
    report = ReadReport()
    cascades = list(WeiboReader().read(write(files, target), report))
    for cascade in cascades:
        cascade.check()
    counts = report.counts
    assert counts["threads_met"] == len(cascades) + len(report.quarantine)
    assert counts["posts_in_files"] == counts["distinct_posts"] + counts["duplicate_posts"]
    assert counts["distinct_posts"] == sum(map(len, cascades)) + report.posts_dropped
    return {cascade.id: cascade for cascade in cascades}, report


def test_a_thread_is_its_source_and_what_followed_in_time_order(tmp_path: Path) -> None:
    cascades, report = read(whole(), tmp_path)
    assert {name: one.label for name, one in cascades.items()} == {
        FIRST: "rumor", "2_yDe_12": "rumor", "3_yF_13": "non-rumor", "4_yG_14": "non-rumor"
    }
    first = cascades[FIRST]
    assert (first.event, first.posted_at) == ("", SOURCE)
    assert list(first.post_id) == ["yAbC", "m1", "m2", "m3"]
    assert first.parent.tolist() == [-1, 0, 0, 1]
    assert first.delay_seconds.tolist() == [0, 1, 31, 61]
    assert first.user.tolist()[:3] == [11, 1778375805, 1778375805]
    assert first.user[3] not in (0, 1778375805)
    assert first.kind.tolist() == [Kind.SOURCE, Kind.QUOTE, Kind.RETWEET, Kind.QUOTE]
    assert list(first.text) == ["消息 1", "不信", "", "真的吗？"]
    assert not first.features
    assert (report.repairs, report.refusals) == ({}, {})
    assert report.counts["posts_in_files"] == 16
    assert report.counts["sources_without_profile"] == 0


def test_the_folder_above_is_recognised_and_read(tmp_path: Path) -> None:
    files = {f"raw/CED_Dataset/{name}": data for name, data in whole().items()}
    files["raw/README.md"] = b"x"
    cascades, _ = read(files, tmp_path)
    assert len(cascades) == 4
    [spec] = dgljoint_readers()
    assert spec.recognises is not None
    assert spec.recognises(tmp_path)


def test_dates_of_sources_in_another_form_and_without_a_profile_are_read(tmp_path: Path) -> None:
    odd = source(user="empty", time="Tue Sep 11 11:34:22 +0800 2012")
    cascades, report = read(whole() | {SOURCES: odd}, tmp_path)
    assert cascades[FIRST].posted_at == SOURCE
    assert report.counts["sources_without_profile"] == 1
    assert any("where it is missing that may show the class" in note for note in report.notes)


@pytest.mark.parametrize(
    ("change", "reason", "kept"),
    [
        ({"date": "09月11日 11:35"}, "post that cannot be read", 3),
        ({"date": ""}, "post that cannot be read", 3),
        ({"mid": ""}, "post that cannot be read", 3),
        ({"parent": ["m1"]}, "post that cannot be read", 3),
        ({"parent": "lost"}, "post whose parent is not in the thread", 3),
        ({"mid": "m2"}, "post that occurs twice (the first is kept)", 3),
        ({"mid": "yAbC"}, "post that occurs twice (the first is kept)", 3),
        ({"date": "2012-09-11 11:30:00"}, "post dated before its parent (given its parent's time)",
         4),
        ({"uid": ""}, "post without a user (0 is stored)", 4),
    ],
)
def test_an_oddity_of_a_post_is_repaired_and_counted(
    tmp_path: Path, change: dict[str, object], reason: str, kept: int
) -> None:
    last, *others = thread()
    cascades, report = read(whole() | {REPOSTS: dump([*others, last | change])}, tmp_path)
    assert len(cascades[FIRST]) == kept
    assert {name: tally.count for name, tally in report.repairs.items()} == {reason: 1}
    assert report.repairs[reason].examples[0].startswith(REPOSTS)


@pytest.mark.parametrize(
    ("change", "reason", "example"),
    [
        ({REPOSTS: b"[{"}, "thread that cannot be read", f"{REPOSTS}: no JSON: "),
        ({REPOSTS: b""}, "thread that cannot be read", f"{REPOSTS}: no JSON: it is empty"),
        ({REPOSTS: b"{}"}, "thread that cannot be read", f"{REPOSTS}: no thread: dict"),
        (
            {SOURCES: bytes(range(256))}, "thread that cannot be read",
            f"{REPOSTS}: its source post, {SOURCES}: no JSON: ",
        ),
        (
            {SOURCES: b"[]"}, "thread that cannot be read",
            f"{REPOSTS}: its source post, {SOURCES}: an array, expected an object",
        ),
        (
            {SOURCES: source(time="soon")}, "thread that cannot be read",
            f"{REPOSTS}: its source post, {SOURCES}: a post without a time: time: 'soon'",
        ),
        (
            {f"non-rumor-repost/{FIRST}.json": dump(thread())}, "several labels for one thread",
            SOURCES,
        ),
        (
            {"original-microblog/9_x_1.json": source()},
            "source post without a file of reposts, so without a label",
            "original-microblog/9_x_1.json",
        ),
        (
            {"rumor-repost/9_x_1.json": dump(thread())}, "thread that cannot be read",
            "rumor-repost/9_x_1.json: its source post, original-microblog/9_x_1.json: No such file",
        ),
    ],
)
def test_a_bad_thread_costs_itself_and_is_named(
    tmp_path: Path, change: Files, reason: str, example: str
) -> None:
    cascades, report = read(whole() | change, tmp_path)
    assert {"2_yDe_12", "3_yF_13", "4_yG_14"} <= set(cascades)
    assert list(report.refusals) == [reason]
    assert report.refusals[reason].examples[0].startswith(example)


def test_half_an_emoji_costs_one_sign(tmp_path: Path) -> None:
    cut = dump(thread()).replace("不信".encode(), b"\\ud83d!")
    cascades, report = read(whole() | {REPOSTS: cut}, tmp_path)
    assert cascades[FIRST].text[1] == "\N{REPLACEMENT CHARACTER}!"
    assert [tally.count for tally in report.repairs.values()] == [1]


def test_suffixes_in_any_spelling_are_read_and_other_files_named(tmp_path: Path) -> None:
    files = whole()
    files["Rumor-Repost/" + FIRST + ".JSON"] = files.pop(REPOSTS)
    files["Rumor-Repost/2_yDe_12.json.gz"] = gzip.compress(files.pop("rumor-repost/2_yDe_12.json"))
    files["original-microblog/more/7_x_1.json"] = source()
    files["non-rumor-repost/notes.txt"] = b"x"
    files["rumors_v170613.json"] = b"{}"
    files["__MACOSX/rumor-repost/._1.json"] = b"\0"
    files["original-microblog/._1_x_1.json"] = b"\0"
    cascades, report = read(files, tmp_path)
    assert len(cascades) == 4
    assert report.counts["other_files_of_posts_not_read"] == 3
    [note] = [note for note in report.notes if "not read" in note]
    for name in ("rumors_v170613.json", "non-rumor-repost/notes.txt", "more/7_x_1.json"):
        assert name in note


def test_when_nothing_can_be_read_the_first_file_and_the_reason_are_named(tmp_path: Path) -> None:
    junk = dict.fromkeys(whole(), b"PK\x03\x04")
    with pytest.raises(DataError, match=r"no readable thread: .*/1_yAbC_11\.json: no JSON"):
        read(junk, tmp_path)


def test_a_folder_or_a_dead_link_in_place_of_a_file_costs_itself(tmp_path: Path) -> None:
    write(whole(), tmp_path)
    for name, make in (("2_yDe_12", Path.mkdir), ("1_yAbC_11", None)):
        path = tmp_path / "rumor-repost" / f"{name}.json"
        path.unlink()
        if make is None:
            path.symlink_to(tmp_path / "lost")
        else:
            make(path)
    cascades, report = read({}, tmp_path)
    assert {one.label for one in cascades.values()} == {"non-rumor"}
    assert [left.detail for left in report.quarantine] == [
        "No such file or directory", "Is a directory"
    ]


def test_one_class_alone_is_read(tmp_path: Path) -> None:
    files = {name: data for name, data in whole().items() if "non-rumor" not in name}
    cascades, report = read(files, tmp_path)
    assert {one.label for one in cascades.values()} == {"rumor"}
    assert len(report.quarantine) == 2


def test_several_processes_give_the_same_threads(tmp_path: Path) -> None:
    cascades, report = read(whole(), tmp_path)
    other = ReadReport()
    with working(2) as spread:
        same = list(WeiboReader().read_in_parts(tmp_path, other, spread))
    assert [one.id for one in same] == list(cascades)
    assert other == report
