"""The PHEME reader on small releases of our own, whole and damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from dgljoint import DataError, Kind, ReadReport
from dgljoint_data import build_store
from dgljoint_data.features.user import COLUMNS
from dgljoint_data.readers.common.values import MENDED, ODD_DATE
from dgljoint_data.readers.pheme import PhemeOptions, PhemeReader, dgljoint_readers
from pheme_release import LAYOUTS, Files, folder, read, tweet, whole, write

THREAD = folder("600")
SOURCE = f"{THREAD}/source-tweets/600.json"
REPLY = f"{THREAD}/reactions/601.json"
STRUCTURE = f"{THREAD}/structure.json"
ANNOTATION = f"{THREAD}/annotation.json"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_threads(tmp_path: Path, layout: str) -> None:
    cascades, report = read(whole(layout), tmp_path)
    by_folder = ["600", "700"] if layout == "rumoureval" else ["700", "600"]  # non-rumours first
    assert list(cascades) == [*by_folder, "800", "900"]
    first = cascades["600"]
    assert (first.event, first.posted_at) == ("alpha", 1_407_891_610)
    assert list(first.post_id) == ["600", "601", "603", "602"]
    assert first.parent.tolist() == [-1, 0, 0, 1]
    assert first.delay_seconds.tolist() == [0, 20, 30, 40]
    assert first.user.tolist() == [6, 7, 2, 1]
    assert first.kind.tolist() == [Kind.SOURCE, Kind.REPLY, Kind.REPLY, Kind.REPLY]
    assert first.text[2] == "text no603 🔥"
    assert report.counts["tweet_files"] == 16
    assert not report.refusals
    assert list(report.repairs) == (
        ["rumour whose veracity is not given (it gets no label)"] if layout == "2016" else []
    )


AUTHOR = {
    "id": 5, "followers_count": 99, "friends_count": 9, "statuses_count": 999, "verified": True,
    "created_at": "Sun Aug 03 01:00:30 +0000 2014",
}


def test_what_is_known_of_authors_is_carried_relative_to_the_post(tmp_path: Path) -> None:
    odd = {"followers_count": -1, "friends_count": True, "statuses_count": 10**30,
           "verified": "yes", "created_at": "tomorrow"}
    later = {"created_at": "Sun Aug 17 01:00:00 +0000 2014"}
    files = {
        SOURCE: tweet(600, 10, user=AUTHOR), REPLY: tweet(601, 30, 600, user=AUTHOR),
        f"{THREAD}/reactions/603.json": tweet(603, 40, 600, user=odd),
        f"{THREAD}/reactions/602.json": tweet(602, 50, 601, user=later),
    }
    cascades, report = read(whole() | files, tmp_path)
    user = cascades["600"].features["user"]
    assert isinstance(user, np.ndarray)
    assert (user.dtype, user.shape) == (np.float32, (4, len(COLUMNS)))
    counts = np.log1p([99, 9, 999])
    # The second post is the first of the tenth day of the account.
    assert user[0].tolist() == pytest.approx([*counts, 1, np.log1p(9), 1])
    assert user[1].tolist() == pytest.approx([*counts, 1, np.log1p(10), 1])
    assert user[2].tolist() == user[3].tolist() == [0, 0, 0, 0, 0, 1]
    assert not cascades["700"].features["user"].any()
    assert report.counts["posts_without_profile"] == 12


def test_another_year_changes_nothing_that_is_known_of_authors(tmp_path: Path) -> None:
    """Absolute dates are in no feature: move post and account together."""
    moved = AUTHOR | {"created_at": "Sat Aug 03 01:00:30 +0000 2019"}
    known = []
    for year, author in (("2014", AUTHOR), ("2019", moved)):
        files = {SOURCE: tweet(600, 10, user=author,
                               created_at=f"Wed Aug 13 01:00:10 +0000 {year}")}
        files |= {REPLY: tweet(601, 30, 600, created_at=f"Wed Aug 13 01:00:40 +0000 {year}")}
        cascades, _ = read(whole() | files, tmp_path / year)
        known.append(cascades["600"].features["user"][0].tolist())
    assert known[0] == known[1]
    assert known[0][4] > 0


@pytest.mark.parametrize(
    ("layout", "labels", "expected"),
    [
        ("2018", "veracity", ["true", "non-rumor", "false", "unverified"]),
        ("2018", "rumor", ["rumor", "non-rumor", "rumor", "rumor"]),
        ("2018", "veracity3", ["true", "false", "unverified"]),
        ("2016", "veracity", [None, "non-rumor", None, None]),
        ("2016", "rumor", ["rumor", "non-rumor", "rumor", "rumor"]),
        ("rumoureval", "veracity", [None] * 4),
        ("rumoureval", "rumor", [None] * 4),
    ],
)
def test_labels_by_option(
    tmp_path: Path, layout: str, labels: str, expected: list[str | None]
) -> None:
    cascades, report = read(whole(layout), tmp_path, labels)
    assert [cascades[thread].label for thread in sorted(cascades)] == expected
    assert any("no thread has a label" in note for note in report.notes) == (not any(expected))
    refused = {reason: tally.count for reason, tally in report.refusals.items()}
    left_out = {"non-rumour, which labels=veracity3 leaves out": 1}
    assert refused == (left_out if labels == "veracity3" else {})


@pytest.mark.parametrize(
    ("marks", "label"),
    [
        ({"misinformation": 0, "true": 1}, "true"),
        ({"misinformation": "0", "true": "1"}, "true"),
        ({"misinformation": 1, "true": 0}, "false"),
        ({"misinformation": "1"}, "false"),
        ({"misinformation": 1, "true": None}, "false"),
        ({"misinformation": 0, "true": 0}, "unverified"),
        ({"misinformation": "0"}, "unverified"),
        ({"true": 1}, None),
        ({}, None),
    ],
)
def test_veracity_follows_the_two_marks(
    tmp_path: Path, marks: dict[str, object], label: str | None
) -> None:
    cascades, _ = read(whole() | {ANNOTATION: json.dumps(marks).encode()}, tmp_path)
    assert cascades["600"].label == label


@pytest.mark.parametrize(
    ("change", "reason", "example"),
    [
        (
            {ANNOTATION: b'{"misinformation": 1, "true": "1"}'}, "annotation without a veracity",
            f"{ANNOTATION}: misinformation and true are both 1",
        ),
        (
            {ANNOTATION: b'{"misinformation": true}'}, "annotation without a veracity",
            f"{ANNOTATION}: misinformation is 'True', expected 0 or 1",
        ),
        ({ANNOTATION: b'{"misinf'}, "annotation that cannot be read", f"{ANNOTATION}: no JSON"),
        ({ANNOTATION: b"[]"}, "annotation that cannot be read", f"{ANNOTATION}: no object"),
        ({SOURCE: b"{"}, "thread without its source tweet", THREAD),
        ({SOURCE: tweet(9, 0)}, "thread without its source tweet", THREAD),
        (
            {f"{folder('800')[:-3]}600/source-tweets/600.json": tweet(600, 0)},
            "thread that occurs twice", f"{folder('800')[:-3]}600",
        ),
    ],
)
def test_a_bad_thread_is_refused_with_the_file_and_the_others_kept(
    tmp_path: Path, change: Files, reason: str, example: str
) -> None:
    cascades, report = read(whole() | change, tmp_path)
    assert {"700", "800", "900"} <= set(cascades)
    assert list(report.refusals) == [reason]
    place = f"all-rnr-annotated-threads/{report.refusals[reason].examples[0]}"
    assert place.startswith(example)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON"), (b'{"id": 601, "text"', "no JSON"), (b'{"text": "\xff"', "no JSON"),
        (b"\x00" * 40, "no JSON"), (b"[" * 100_000, "no JSON"), (b'{"a":' * 100_000, "no JSON"),
        (rb'{"text": "\ud83d"', "no JSON"), ('{"id": 601}'.encode("utf-16-le"), "like UTF-16"),
        (b"[]", "no tweet: list"), (b"null", "no tweet: NoneType"), (b"3", "no tweet: int"),
        (tweet(601, 30, 600, id=None, id_str=None), "a tweet without an id"),
        (tweet(601, 30, 600, id=10**30, id_str="9" * 19), "a tweet without an id"),
        (tweet(601, 30, 600, id=True, id_str="x"), "a tweet without an id"),
        (tweet(601, 30, 600, created_at="now"), "a tweet without a date: created_at: 'now' is no"),
        (tweet(601, 30, 600, created_at=None), "a tweet without a date: it has no created_at"),
        (
            tweet(601, 30, 600, created_at="@").replace(b'"@"', b"[" * 1000 + b"]" * 1000),
            "a tweet without a date: created_at: an array is no date",
        ),
        (tweet(601, 30, 600, created_at="Wed Foo 13 01:00:30 +0000 2014"), "a tweet without a da"),
        (tweet(601, 30, 600, created_at="Wed Feb 31 01:00:30 +0000 2014"), "an impossible date"),
        (tweet(601, 30, 600, created_at="Wed Feb 01 01:00:30 +9900 2014"), "an impossible date"),
    ],
)
def test_a_tweet_that_cannot_be_read_is_left_out_with_all_below_it(
    tmp_path: Path, data: bytes, why: str
) -> None:
    cascades, report = read(whole() | {REPLY: data}, tmp_path)
    assert list(cascades["600"].post_id) == ["600", "603"]
    assert report.counts["posts_dropped_unreadable"] == 1
    [example] = report.repairs["tweet that cannot be read"].examples
    assert REPLY.endswith(example.split(":")[0])
    assert why in example
    # Its parent has no place in the thread any more.
    assert report.counts["posts_dropped_without_parent"] == 1


@pytest.mark.parametrize(
    ("change", "reason", "number"),
    [
        ({REPLY: tweet(601, 30, 600, text=None)}, "post without a text", 1),
        ({REPLY: tweet(601, 30, 600, user=[])}, "post without a user (0 is stored)", 1),
        (
            {REPLY: tweet(601, 30, 600, user={"id": 2**70, "id_str": "0" * 20 + "1"})},
            "post without a user (0 is stored)", 1,
        ),
        (
            {f"{THREAD}/reactions/copy.json": tweet(601, 30, 600)},
            "another file of a tweet (the first is kept)", 1,
        ),
        (
            {REPLY: tweet(601, 30, 603)},
            "place in structure.json is not below the tweet replied to (structure.json counts)", 1,
        ),
        (
            {f"{THREAD}/reactions/609.json": tweet(609, 99, 602)},
            "post in no structure.json (attached to the tweet it replies to)", 1,
        ),
        (
            {f"{THREAD}/reactions/609.json": tweet(609, 99, 5)},
            "post whose parent is not in the thread", 1,
        ),
        (
            {
                f"{THREAD}/reactions/609.json": tweet(609, 99, 608),
                f"{THREAD}/reactions/608.json": tweet(608, 99, 609),
            },
            "post below one that is left out", 2,
        ),
        (
            {STRUCTURE: b'{"600": {"601": {"602": []}, "603": {"5": [], "6": {"7": []}}}}'},
            "id in structure.json without a tweet file", 3,
        ),
        (
            {STRUCTURE: b'{"600": {"601": {"602": []}}, "603": []}'},
            "root in structure.json that is not the source", 1,
        ),
        (
            {STRUCTURE: b'{"600": {"601": {"602": [], "603": []}, "603": []}}'},
            "id that occurs twice in structure.json", 1,
        ),
        (
            {STRUCTURE: b'{"600": {"601": {"602": "x"}, "603": ["604"]}}'},
            "place in structure.json that holds no ids", 2,
        ),
        (
            {STRUCTURE: b"[]"},
            "structure.json that cannot be read (posts attached to the tweets they reply to)", 1,
        ),
        (
            {STRUCTURE: b'{"600":' * 5000},
            "structure.json that cannot be read (posts attached to the tweets they reply to)", 1,
        ),
        (
            {ANNOTATION: b'{"is_rumour": "nonrumour", "misinformation": 0}'},
            "annotation that contradicts its folder (the folder counts)", 1,
        ),
    ],
)
def test_an_oddity_is_repaired_and_counted(
    tmp_path: Path, change: Files, reason: str, number: int
) -> None:
    cascades, report = read(whole() | change, tmp_path)
    assert {"600", "601", "602", "603"} <= set(cascades["600"].post_id)
    assert {name: tally.count for name, tally in report.repairs.items()} == {reason: number}
    assert report.repairs[reason].examples[0].startswith("alpha-all-rnr-threads/rumours/600")


def test_structure_stands_where_the_tweets_disagree(tmp_path: Path) -> None:
    structure = b'{"600": {"601": [], "603": {"602": []}}}'
    cascades, _ = read(whole() | {STRUCTURE: structure}, tmp_path)
    assert dict(zip(cascades["600"].post_id, cascades["600"].parent.tolist(), strict=True)) == {
        "600": -1, "601": 0, "603": 0, "602": 2
    }


def test_a_post_dated_before_its_parent_gets_its_time(tmp_path: Path) -> None:
    change = {
        f"{THREAD}/reactions/602.json": tweet(602, 5, 601),
        f"{THREAD}/reactions/603.json": tweet(603, 10, 600),  # at once: possible, so left alone
    }
    cascades, report = read(whole() | change, tmp_path)
    assert list(cascades["600"].post_id) == ["600", "603", "601", "602"]
    assert cascades["600"].delay_seconds.tolist() == [0, 0, 20, 20]
    [(reason, tally)] = report.repairs.items()
    assert (reason, tally.count) == ("post dated before its parent (given its parent's time)", 1)


def test_dates_are_read_as_the_world_writes_them(tmp_path: Path) -> None:
    dates = {"601": "2014-08-13T01:00:30.000Z", "602": 1_407_891_650_000, "603": "1407891640"}
    answers = {"601": 600, "602": 601, "603": 600}
    change = {
        f"{THREAD}/reactions/{number}.json": tweet(int(number), 0, answers[number], created_at=date)
        for number, date in dates.items()
    }
    cascades, report = read(whole() | change, tmp_path)
    assert cascades["600"].delay_seconds.tolist() == [0, 20, 30, 40]
    assert not report.repairs


def test_a_date_of_another_age_is_counted(tmp_path: Path) -> None:
    far = tweet(603, 40, 600, created_at="Wed Aug 13 01:00:40 +0000 2914")
    _, report = read(whole() | {f"{THREAD}/reactions/603.json": far}, tmp_path)
    assert {reason: tally.count for reason, tally in report.repairs.items()} == {ODD_DATE: 1}


def test_half_an_emoji_costs_one_sign(tmp_path: Path) -> None:
    half = tweet(601, 30, 600).replace(rb"\udd25", b"")
    assert half != tweet(601, 30, 600)
    cascades, report = read(whole() | {REPLY: half}, tmp_path)
    assert cascades["600"].text[1] == "text no601 \ufffd"
    assert {reason: tally.count for reason, tally in report.repairs.items()} == {MENDED: 1}


def test_retweets_quotes_and_long_texts(tmp_path: Path) -> None:
    long = json.loads(tweet(603, 40, 600, full_text="long"))
    del long["text"]
    change = {
        REPLY: tweet(601, 30, 600, retweeted_status={"id": 600}),
        f"{THREAD}/reactions/602.json": tweet(602, 50, 601, is_quote_status=True),
        f"{THREAD}/reactions/603.json": b"\xef\xbb\xbf" + json.dumps(long).encode(),
    }
    cascades, report = read(whole() | change, tmp_path)
    assert cascades["600"].kind.tolist() == [Kind.SOURCE, Kind.RETWEET, Kind.REPLY, Kind.QUOTE]
    assert cascades["600"].text[2] == "long"
    assert not report.repairs


def test_what_macos_leaves_behind_is_skipped_and_counted(tmp_path: Path) -> None:
    left = {
        f"{THREAD}/source-tweets/._600.json": b"\x00\x05", f"{THREAD}/.DS_Store": b"x",
        f"{THREAD[:-3]}._600": b"x", f"{THREAD}/reactions/notes.txt": b"x",
        f"{THREAD[:-3]}readme.txt": b"x", f"{THREAD}/urls.dat": b"x",
    }
    cascades, report = read(whole() | left, tmp_path)
    assert len(cascades) == 4
    assert (report.counts["hidden_files_skipped"], report.counts["other_files_skipped"]) == (3, 2)
    assert not report.repairs


def test_a_thread_without_replies_is_its_source_alone(tmp_path: Path) -> None:
    files = {name: data for name, data in whole().items() if f"{THREAD}/reactions" not in name}
    cascades, report = read(files, tmp_path)
    assert len(cascades["600"]) == 1
    assert report.repairs["thread without a folder of replies"].count == 1
    assert report.repairs["id in structure.json without a tweet file"].count == 3


def test_names_that_are_no_utf8_are_printable(tmp_path: Path) -> None:
    write(whole(), tmp_path)
    odd = os.fsencode(tmp_path / THREAD / "reactions") + b"/\xff.json"
    Path(os.fsdecode(odd)).write_bytes(b"{")
    reader = PhemeReader(PhemeOptions())
    report = ReadReport()
    assert len(list(reader.read(tmp_path, report))) == 4
    [example] = report.repairs["tweet that cannot be read"].examples
    assert "\N{REPLACEMENT CHARACTER}.json" in example
    assert reader.fingerprint(tmp_path)


def test_a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    files = whole()
    del files[ANNOTATION], files[REPLY]
    files |= {f"{ANNOTATION}/x": b"", f"{REPLY}/x": b"", f"{folder('900')[:-3]}901": b""}
    files = {name: data for name, data in files.items() if "800/reactions" not in name}
    files[f"{folder('800')}/reactions"] = b""
    cascades, report = read(files, tmp_path)
    assert list(cascades) == ["700", "800", "900"]
    assert "Is a directory" in report.refusals["annotation that cannot be read"].examples[0]
    assert "Not a directory" in report.repairs["folder that cannot be read"].examples[0]
    assert PhemeReader(PhemeOptions()).fingerprint(tmp_path)


def test_links_that_lead_to_themselves_are_skipped(tmp_path: Path) -> None:
    files = {name: data for name, data in whole().items() if f"{folder('900')}/" not in name}
    write(files, tmp_path)
    for name in (folder("900"), f"{THREAD}/reactions/609.json", f"{THREAD[:-3]}rumours"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(Path(name).name)
    reader, report = PhemeReader(PhemeOptions()), ReadReport()
    assert [cascade.id for cascade in reader.read(tmp_path, report)] == ["700", "600", "800"]
    assert "symbolic links" in report.repairs["tweet that cannot be read"].examples[0]
    assert reader.fingerprint(tmp_path)


def test_a_build_accounts_for_the_posts_and_follows_files_and_option(tmp_path: Path) -> None:
    source = write(whole(), tmp_path / "raw")

    def build(**options: str) -> str:
        summary = build_store(
            PhemeReader(PhemeOptions.model_validate(options)), reader_name="pheme",
            source=source, output=tmp_path / "out.h5",
        )
        assert (summary.cascades, summary.posts, summary.events) == (4, 16, 3)
        return summary.raw_digest

    digests = [build(), build(labels="rumor")]
    (source / "unrelated").write_text("x")
    assert build() == digests[0]
    write({REPLY: tweet(601, 31, 600)}, source)
    assert len({*digests, build()}) == 3


def test_no_release_or_several_are_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    write(whole() | dict.fromkeys(whole("2016"), b"{}"), tmp_path / "two")
    for name, message in (
        ("missing", "does not exist"), ("file", "is no folder"),
        ("empty", "holds no thread of PHEME"), ("two", "holds several releases"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            list(PhemeReader(PhemeOptions()).read(tmp_path / name, ReadReport()))
        assert caught.value.hint
    with pytest.raises(DataError, match="no readable thread: thread without its source tweet"):
        read(dict.fromkeys(whole(), b""), tmp_path / "bad")


def test_the_spec_names_its_publication() -> None:
    [spec] = dgljoint_readers()
    assert (spec.name, spec.options) == ("pheme", PhemeOptions)
    assert spec.reference
    assert spec.build(PhemeOptions(labels="rumor")).label_names == ("rumor", "non-rumor")


FLAT = "reply that a flat structure.json puts below the source (attached to what it replies to)"
DISAGREES = "place in structure.json is not below the tweet replied to (structure.json counts)"


def test_the_tweets_stand_where_the_structure_is_flat(tmp_path: Path) -> None:
    structure = b'{"600": {"601": [], "602": [], "603": []}}'
    cascades, report = read(whole() | {STRUCTURE: structure}, tmp_path)
    assert dict(zip(cascades["600"].post_id, cascades["600"].parent.tolist(), strict=True)) == {
        "600": -1, "601": 0, "603": 0, "602": 1
    }
    assert {reason: tally.count for reason, tally in report.repairs.items()} == {FLAT: 1}


@pytest.mark.parametrize("answers", [5, 603])
def test_a_flat_structure_stands_where_a_tweet_answers_none_before_it(
    tmp_path: Path, answers: int
) -> None:
    """One that is not in the thread, or two that answer each other."""
    change = {
        STRUCTURE: b'{"600": {"601": [], "602": [], "603": []}}',
        f"{THREAD}/reactions/602.json": tweet(602, 40, answers),
        f"{THREAD}/reactions/603.json": tweet(603, 40, 602 if answers == 603 else 600),
    }
    cascades, report = read(whole() | change, tmp_path)
    below = dict(zip(cascades["600"].post_id, cascades["600"].parent.tolist(), strict=True))
    assert below["602"] == 0
    assert report.repairs[DISAGREES].count == 1
    assert len(cascades["600"]) == 4
