"""The Weibo reader on a small release of our own, whole and damaged."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgljoint import DataError, Kind, ReadReport
from dgljoint.config.options import NoOptions
from dgljoint_data import build_store
from dgljoint_data.readers.common.values import MENDED
from dgljoint_data.readers.weibo import WeiboReader, dgljoint_readers
from weibo_release import START, Files, dump, line, post, read, thread, whole, write

THREAD = "Weibo/500.json"
IDS = [5000, 5001, 5002, 5003]
LIST = whole()["Weibo.txt"]


def test_a_thread_is_a_cascade_in_time_order(tmp_path: Path) -> None:
    cascades, report = read(whole(), tmp_path)
    assert list(cascades) == ["500", "600", "700", "800", "900"]
    assert [cascade.label for cascade in cascades.values()] == [
        "rumor", "non-rumor", "rumor", "non-rumor", "rumor"
    ]
    first = cascades["500"]
    assert (first.event, first.posted_at) == ("", START)
    assert list(first.post_id) == ["5000", "5001", "5002", "5003"]
    assert first.parent.tolist() == [-1, 0, 0, 1]
    assert first.delay_seconds.tolist() == [0, 30, 40, 50]
    assert first.user.tolist() == [3, 4, 5, 6]
    assert first.kind.tolist() == [Kind.SOURCE, Kind.QUOTE, Kind.RETWEET, Kind.QUOTE]
    assert first.text[0].startswith("地震5000 ")
    assert list(first.text[1:]) == ["太可怕了", "", "话 5003 🔥"]
    assert (report.repairs, report.refusals) == ({}, {})
    assert report.counts["posts_in_files"] == 20
    [note] = report.notes
    assert "an event of its own" in note


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("", True), ("转发微博", True), (" 转发微博。", True), ("轉發微博", True), ("转发", True),
        ("Repost", True), ("REPOST!", True), ("\u200b", True),
        ("转发微博了", False), ("repost this", False), ("?", False), ("[泪]", False),
        ("!!!", False), ("。", False), (" " * 100_000 + "x", False),
    ],
)
def test_a_plain_repost_is_a_retweet_without_text(
    tmp_path: Path, words: str, plain: bool
) -> None:
    change = {THREAD: dump([post(5000, 0), post(5001, 9, 5000, text=words)])}
    cascades, _ = read(whole() | change, tmp_path)
    assert cascades["500"].kind[1] == (Kind.RETWEET if plain else Kind.QUOTE)
    assert cascades["500"].text[1] == ("" if plain else words)


@pytest.mark.parametrize(
    "spelt",
    [
        b"eid:500\tlabel:1\t5000 5001 5002 5003\n", b"eid:500 label:1 5000\t5001\t5002\t5003\n",
        b"eid:500\tlabel:1\t5000 5001 5002 5003 \r\n", b"\xef\xbb\xbfeid:500\tlabel:1\n",
        b"\n \n  EID: 500   Label: 1 \t5003 5002 5001 5000",
    ],
)
def test_the_list_is_read_in_every_spelling(tmp_path: Path, spelt: bytes) -> None:
    files = {"Weibo.txt": spelt, THREAD: whole()[THREAD]}
    cascades, report = read(files, tmp_path)
    assert (list(cascades), cascades["500"].label) == (["500"], "rumor")
    assert not report.repairs


@pytest.mark.parametrize(
    ("change", "reason", "example"),
    [
        ({THREAD: b"[{"}, "thread that cannot be read", f"{THREAD}: no JSON: "),
        ({THREAD: b""}, "thread that cannot be read", f"{THREAD}: no JSON: "),
        ({THREAD: b"[" * 100_000}, "thread that cannot be read", f"{THREAD}: no JSON: "),
        ({THREAD: dump(thread(1)).decode().encode("utf-16-le")}, "thread that cannot be read",
         f"{THREAD}: no JSON: it looks like UTF-16"),
        ({THREAD: b"{}"}, "thread that cannot be read", f"{THREAD}: no thread: dict, expected"),
        ({THREAD: b"[]"}, "thread without a source post", THREAD),
        ({THREAD: dump([post(5001, 0, 5000)])}, "thread without a source post", THREAD),
        ({"Weibo.txt": LIST + line("901", 1, [1])}, "thread that cannot be read", "Weibo/901.json"),
        ({"Weibo.txt": LIST + b"eid: label:1\n"}, "not a line of a thread", "Weibo.txt:6: "),
        ({"Weibo.txt": LIST + line("901", 2, [1])}, "unknown label", "Weibo.txt:6: '2'; known"),
        (
            {"Weibo.txt": LIST + line("500", 0, IDS)}, "several labels for one thread",
            "Weibo.txt:6: 500",
        ),
        ({"Weibo/901.json": dump(thread(1))}, "thread without a label", "Weibo/901.json"),
    ],
)
def test_a_bad_thread_is_refused_with_its_place_and_the_others_kept(
    tmp_path: Path, change: Files, reason: str, example: str
) -> None:
    cascades, report = read(whole() | change, tmp_path)
    assert {"600", "700", "800", "900"} <= set(cascades)
    assert list(report.refusals) == [reason]
    assert report.refusals[reason].examples[0].startswith(example)


def test_an_unreadable_thread_names_its_line_in_the_list(tmp_path: Path) -> None:
    _, report = read(whole() | {"Weibo/700.json": b"?"}, tmp_path)
    [left_out] = report.quarantine
    assert left_out.file == "Weibo/700.json"
    assert left_out.detail.endswith("(listed at Weibo.txt:3)")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ([], "no post: list"), (None, "no post: NoneType"), (7, "no post: int"),
        (post(5001, 30, 5000, mid=None, id=None), "a post without an id"),
        (post(5001, 30, 5000, mid="x", id=True), "a post without an id"),
        (post(5001, 30, 5000, mid=2**63, id=-1), "a post without an id"),
        (post(5001, None, 5000), "a post without a time: it has no t"),
        (post(5001, "soon", 5000), "a post without a time: t: 'soon' is no date"),
        (post(5001, True, 5000, t=True), "a post without a time: t: 'True' is no date"),
        (post(5001, 0, 5000, t=-1), "a post without a time"),
        (post(5001, 0, 5000, t={"a": 1}), "a post without a time: t: an object is no date"),
        (post(5001, 30, parent=[5000]), "parent is '[5000]', expected an id or null"),
        (post(5001, 30) | {"parent": ["x"]}, "parent is an array, expected an id or null"),
    ],
)
def test_a_post_that_cannot_be_read_is_left_out_with_all_below_it(
    tmp_path: Path, bad: object, why: str
) -> None:
    posts: list[object] = [*thread(5000)]
    posts[2] = bad
    cascades, report = read(whole() | {THREAD: dump(posts)}, tmp_path)
    assert list(cascades["500"].post_id) == ["5000", "5002"]
    assert report.counts["posts_dropped_unreadable"] == 1
    assert report.counts["posts_dropped_without_parent"] == 1
    [example] = report.repairs["post that cannot be read"].examples
    assert example.startswith(f"{THREAD}[2]: ")
    assert why in example


@pytest.mark.parametrize(
    ("more", "reason", "kept"),
    [
        ([post(5004, 9, 77)], "post whose parent is not in the thread", 4),
        ([post(5004, 9)], "post without a parent next to the source", 4),
        ([post(5004, 9) | {"parent": ""}], "post without a parent next to the source", 4),
        ([post(5004, 9, 5004)], "post below one that is left out", 4),
        ([post(5001, 9, 5000)], "post that occurs twice (the first is kept)", 4),
        (
            [post(5004, 9, 5003)],
            "post dated before its parent (given its parent's time)", 5,
        ),
        ([post(5004, 99, 5000, uid=None)], "post without a user (0 is stored)", 5),
        ([post(5004, 99, 5000, uid="")], "post without a user (0 is stored)", 5),
        ([post(5004, 99, 5000, uid=2**70)], "post without a user (0 is stored)", 5),
    ],
)
def test_an_oddity_is_repaired_and_counted(
    tmp_path: Path, more: list[object], reason: str, kept: int
) -> None:
    files = whole() | {THREAD: dump([*thread(5000), *more])}
    files["Weibo.txt"] = LIST.replace(b"5003", b"5003 5004") if b"5004" in files[THREAD] else LIST
    cascades, report = read(files, tmp_path)
    assert len(cascades["500"]) == kept
    assert {name: tally.count for name, tally in report.repairs.items()} == {reason: 1}
    assert report.repairs[reason].examples[0].startswith(THREAD)


def test_a_post_dated_before_its_parent_gets_its_time(tmp_path: Path) -> None:
    posts = [*thread(5000), post(5004, 9, 5003)]
    cascades, _ = read(whole() | {THREAD: dump(posts)}, tmp_path)
    assert list(cascades["500"].post_id) == ["5000", "5001", "5002", "5003", "5004"]
    assert cascades["500"].delay_seconds.tolist() == [0, 30, 40, 50, 50]


def test_the_list_and_the_files_are_compared(tmp_path: Path) -> None:
    listed = LIST.replace(b"5003", b"5009 5010").replace(b" 6000 6001 6002 6003", b"")
    listed = listed.replace(b"\t6000 6001 6002 6003", b"")
    cascades, report = read(whole() | {"Weibo.txt": listed}, tmp_path)
    assert len(cascades) == 5
    assert {name: tally.count for name, tally in report.repairs.items()} == {
        "id in the list without a post": 2, "post that is not in the list": 1,
    }


def test_a_line_that_stands_twice_is_read_once(tmp_path: Path) -> None:
    cascades, report = read(whole() | {"Weibo.txt": LIST + line("600", 0, [1])}, tmp_path)
    assert len(cascades) == 5
    [tally] = report.repairs.values()
    assert tally.examples == ["Weibo.txt:6"]


@pytest.mark.parametrize("label", [0, 7])
def test_a_thread_of_two_labels_stays_refused(tmp_path: Path, label: int) -> None:
    again = line("500", label, [1]) + line("500", 1, [1]) + line("500", 0, [1])
    cascades, report = read(whole() | {"Weibo.txt": LIST + again}, tmp_path)
    assert (list(cascades), len(report.quarantine)) == (["600", "700", "800", "900"], 1)
    assert report.counts["threads_met"] == 5


def test_posts_of_refused_threads_are_accounted_for(tmp_path: Path) -> None:
    change = {
        "Weibo.txt": LIST + line("600", 1, [1]), "Weibo/901.json": dump(thread(1)),
        "Weibo/500.json": dump([post(5001, 0, 1), post(5002, 0, 1)]),
    }
    cascades, report = read(whole() | change, tmp_path)
    assert list(cascades) == ["700", "800", "900"]
    assert report.counts["posts_dropped_with_thread"] == 4 + 4 + 2
    assert report.counts["distinct_posts"] == 12 + 10


def test_numbers_and_other_names_are_taken_where_they_are_meant(tmp_path: Path) -> None:
    posts = [
        post(5000, 0, mid=5000, t=str(START)),
        post(5001, 30.5, 5000, mid=None) | {"parent": 5000, "t": START + 30.5},
        post(5002, 40, 5000, uid="12", text=None),
        post(5003, 50, 5001, text=None, original_text=None),
    ]
    cascades, report = read(whole() | {THREAD: dump(posts)}, tmp_path)
    first = cascades["500"]
    assert first.delay_seconds.tolist() == [0, 30.5, 40, 50]
    assert first.user[2] == 12
    assert list(first.text[2:]) == ["话 5002 🔥//@a", ""]
    assert not report.repairs


def test_what_is_said_of_authors_is_a_feature(tmp_path: Path) -> None:
    day = 86_400
    said = {"followers_count": 9, "friends_count": 3, "statuses_count": 0, "verified": True}
    posts = [
        post(5000, 0, **said, user_created_at="Sat Sep 22 17:46:40 +0800 2012"),  # 2 days later
        post(5001, 30, 5000, **said, user_created_at=START + 30 - 7 * day),
        post(5002, 40, 5000),
        post(5003, 50, 5000, followers_count="9", verified=1, user_created_at=True),
    ]
    posts[0]["t"] = START
    cascades, report = read(whole() | {THREAD: dump(posts)}, tmp_path)
    rows = np.expm1(cascades["500"].features["user"].astype(np.float64))
    assert rows[0, 4] == pytest.approx(2, abs=1e-4)
    assert rows[1, [0, 1, 2, 4]] == pytest.approx([9, 3, 0, 7], abs=1e-4)
    assert cascades["500"].features["user"][:, 3].tolist() == [1, 1, 0, 0]
    assert cascades["500"].features["user"][:, 5].tolist() == [1, 1, 0, 1]
    assert rows[3, :5].tolist() == [0] * 5
    assert report.counts["posts_without_profile"] == 1 + 16


def test_other_files_are_skipped_and_counted(tmp_path: Path) -> None:
    left = {"Weibo/._500.json": b"\x00", "Weibo/.DS_Store": b"x", "Weibo/readme.txt": b"x",
            "Weibo/x.json": b"[]", "Weibo/7.json/x": b"", "Twitter.txt": b"eid:E1"}
    cascades, report = read(whole() | left, tmp_path)
    assert len(cascades) == 5
    assert "3 other files among the threads were not read: Weibo/7.json/x, Weibo/readme.txt, " in (
        report.notes[0]
    )
    assert not report.refusals


def test_the_release_is_found_in_any_case_and_one_folder_down(tmp_path: Path) -> None:
    lower = {name.replace("Weibo", "weibo"): data for name, data in whole().items()}
    down = {f"rumdect/{name}": data for name, data in lower.items()}
    cascades, _ = read(down, tmp_path)
    assert len(cascades) == 5


def test_no_release_or_several_are_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    write({"Weibo.txt": LIST}, tmp_path / "list")
    write({f"{name}/{file}": data for name in "ab" for file, data in whole().items()},
          tmp_path / "two")
    for name, message in (
        ("missing", "does not exist"), ("file", "is no folder"),
        ("empty", r"no release of Weibo threads \(the folder is empty\)"),
        ("list", r"no release of Weibo threads: of one there is only Weibo\.txt"),
        ("two", "holds several releases: a, b"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            list(WeiboReader().read(tmp_path / name, ReadReport()))
        assert caught.value.hint
    for number, (change, message) in enumerate((
        ({"Weibo.txt": b""}, "thread without a label"), ({"Weibo.txt": b"\xff"}, "not a line of a"),
    )):
        with pytest.raises(DataError, match=f"no readable thread: {message}"):
            read(whole() | change, tmp_path / str(number))


def test_a_build_accounts_for_the_posts_and_follows_the_files(tmp_path: Path) -> None:
    source = write(whole(), tmp_path / "raw")

    def build() -> str:
        summary = build_store(
            WeiboReader(), reader_name="weibo", source=source, output=tmp_path / "out.h5"
        )
        assert (summary.cascades, summary.posts, summary.events) == (5, 20, 5)
        assert summary.labels == {"rumor": 3, "non-rumor": 2}
        return summary.raw_digest

    first = build()
    (source / "unrelated").write_text("x")
    assert build() == first
    write({THREAD: dump([*thread(5000)[:3], post(5002, 41, 5000)])}, source)
    assert build() != first


def test_the_spec_names_its_publication() -> None:
    [spec] = dgljoint_readers()
    assert (spec.name, spec.options) == ("weibo", NoOptions)
    assert spec.reference
    assert spec.build(NoOptions()).label_names == ("rumor", "non-rumor")


PLACES = st.sampled_from(["5000", "5001", "5002", "5003", "5004", "9", None, ""])
TIMES = (
    st.integers(START - 5, START + 5) | st.none() | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)
POSTS = st.lists(
    st.fixed_dictionaries(
        {"mid": PLACES, "parent": PLACES, "t": TIMES},
        optional={"uid": st.integers() | st.text(max_size=3), "text": st.none() | st.text()},
    )
    | st.none(),
    max_size=8,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(posts=POSTS, listed=st.lists(PLACES, max_size=5))
def test_any_posts_are_arranged_or_refused_and_never_lost(
    tmp_path_factory: pytest.TempPathFactory, posts: list[object], listed: list[str | None]
) -> None:
    ids = [int(name) for name in listed if name]
    files = {
        THREAD: json.dumps(posts).encode(), "Weibo/600.json": whole()["Weibo/600.json"],
        "Weibo.txt": line("500", 1, ids) + line("600", 0, []),
    }
    cascades, report = read(files, tmp_path_factory.mktemp("mutant"))
    assert "600" in cascades
    assert ("500" in cascades) == ("thread without a source post" not in report.refusals)


def test_half_an_emoji_costs_one_sign_and_no_thread(tmp_path: Path) -> None:
    cut = [post(5000, 0), post(5001, 1, 5000, text="cut: !")]
    half = dump(cut).replace(b"cut: !", rb"cut: \ud83d!")
    cascades, report = read(whole() | {THREAD: half}, tmp_path)
    assert list(cascades["500"].text)[1] == "cut: \ufffd!"
    assert report.repairs[MENDED].count == 1


@pytest.mark.parametrize(
    "date",
    [START + 30, (START + 30) * 1000, str(START + 30), "2012-09-24T09:47:10Z",
     "2012-09-24 17:47:10", "Mon Sep 24 17:47:10 +0800 2012", "2012年9月24日 17:47:10"],
)
def test_dates_are_read_in_every_usual_form_and_as_chinas_without_a_zone(
    tmp_path: Path, date: object
) -> None:
    posts = [post(5000, 0), post(5001, 0, 5000, t=date)]
    cascades, report = read(whole() | {THREAD: dump(posts)}, tmp_path)
    assert cascades["500"].delay_seconds.tolist() == [0, 30]
    assert "post that cannot be read" not in report.repairs


def test_a_date_past_2100_is_kept_and_counted(tmp_path: Path) -> None:
    posts = [post(5000, 0), post(5001, 0, 5000, t=5_000_000_000)]
    _, report = read(whole() | {THREAD: dump(posts)}, tmp_path)
    [tally] = [found for reason, found in report.repairs.items() if "after 2100" in reason]
    assert tally.examples == [f"{THREAD}[1]: 5001"]


def test_files_with_other_suffixes_are_read_and_deeper_ones_named(tmp_path: Path) -> None:
    files = whole()
    files["Weibo/500.JSON"] = files.pop("Weibo/500.json")
    files["Weibo/600.json.gz"] = gzip.compress(files.pop("Weibo/600.json"))
    files["Weibo/part2/700.json"] = files.pop("Weibo/700.json")
    cascades, report = read(files, tmp_path)
    assert list(cascades) == ["500", "600", "800", "900"]
    assert "1 other file among the threads was not read: Weibo/part2/700.json" in report.notes
    [example] = report.refusals["thread that cannot be read"].examples
    assert example.startswith("Weibo/700.json: No such file")


def test_users_named_by_a_text_are_told_apart(tmp_path: Path) -> None:
    posts = [post(5000, 0, uid="alshares"), post(5001, 9, 5000, uid="someone"),
             post(5002, 9, 5000, uid="alshares")]
    cascades, _ = read(whole() | {THREAD: dump(posts)}, tmp_path)
    one, other, same = cascades["500"].user.tolist()
    assert one == same != other
    assert min(one, other) > 0
