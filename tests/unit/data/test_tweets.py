"""What is taken from a tweet, in the forms that Twitter gave it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dgljoint import Kind
from dgljoint_data.readers.common.posts import TRUNCATED
from dgljoint_data.readers.common.tweets import parse_tweet
from dgljoint_data.readers.common.values import BadJsonError
from pheme_release import folder, read, tweet, whole

THREAD = folder("600")
WHOLE = "the whole of a text that is longer than the rest"
CUT = "the whole of a text\u2026"
BASE = json.loads(tweet(601, 0, 600))


@pytest.mark.parametrize(
    ("fields", "text", "truncated"),
    [
        ({"text": CUT, "truncated": True, "extended_tweet": {"full_text": WHOLE}}, WHOLE, False),
        ({"text": CUT, "full_text": WHOLE}, WHOLE, False),
        ({"text": CUT, "full_text": WHOLE, "truncated": True}, WHOLE, False),
        ({"text": CUT, "note_tweet": {"text": WHOLE}}, WHOLE, False),
        ({"text": CUT, "truncated": True}, CUT, True),
        ({"text": CUT, "truncated": True, "extended_tweet": None}, CUT, True),
        ({"text": CUT, "full_text": None}, CUT, False),
        ({"text": CUT, "full_text": ""}, CUT, False),
        ({"text": None}, "", False),
        ({"text": f"RT @a: {CUT}", "retweeted_status": {"full_text": WHOLE}}, f"RT @a: {WHOLE}",
         False),
        ({"text": f"RT @a: {CUT}", "truncated": True, "retweeted_status": {
            "text": CUT, "truncated": True, "extended_tweet": {"full_text": WHOLE}}},
         f"RT @a: {WHOLE}", False),
        ({"text": f"RT @a: {CUT}", "retweeted_status": {"text": CUT, "truncated": True}},
         f"RT @a: {CUT}", True),
        ({"text": None, "retweeted_status": {"text": WHOLE}}, WHOLE, False),
        ({"text": "RT @a: short", "retweeted_status": {"text": "short"}}, "RT @a: short", False),
        ({"text": f"RT @a: {CUT}", "retweeted_status": {}}, f"RT @a: {CUT}", False),
    ],
)
def test_the_whole_text_is_taken_wherever_it_is(
    fields: dict[str, object], text: str, truncated: bool
) -> None:
    found = parse_tweet(BASE | fields)
    assert (found.text, found.truncated) == (text, truncated)


def test_a_truncated_text_is_counted(tmp_path: Path) -> None:
    cut = tweet(601, 30, 600, text=CUT, truncated=True)
    _, report = read(whole() | {f"{THREAD}/reactions/601.json": cut}, tmp_path)
    assert {reason: tally.count for reason, tally in report.repairs.items()} == {TRUNCATED: 1}


def test_a_retweet_is_attached_to_what_it_retweets(tmp_path: Path) -> None:
    again = tweet(604, 60, None, retweeted_status={"id": 601, "id_str": "601"})
    found, report = read(whole() | {f"{THREAD}/reactions/604.json": again}, tmp_path)
    posts = list(found["600"].post_id)
    assert posts[found["600"].parent[posts.index("604")]] == "601"
    assert list(report.repairs) == [
        "post in no structure.json (attached to the tweet it replies to)"
    ]


USER = {"id": "9", "username": "a", "created_at": "2008-01-10T21:20:00.000Z", "verified": True,
        "public_metrics": {"followers_count": 3, "following_count": 4, "tweet_count": 5}}
NEWER = {
    "id": "601", "text": "short", "author_id": "9", "created_at": "2014-08-13T01:00:30.000Z",
    "conversation_id": "600", "referenced_tweets": [{"type": "replied_to", "id": "600"}],
}


def test_a_tweet_of_version_2_says_the_same() -> None:
    found = parse_tweet({"data": NEWER, "includes": {"users": [USER]}})
    assert (found.id, found.parent, found.user, found.conversation) == ("601", "600", 9, "600")
    assert (found.seconds, found.kind, found.text) == (1_407_891_630, Kind.REPLY, "short")
    profile = found.profile
    assert profile is not None
    assert (profile.followers, profile.friends, profile.statuses) == (3, 4, 5)
    assert profile.verified
    assert profile.age_seconds > 0
    assert parse_tweet({"data": [NEWER]}).user == parse_tweet(NEWER).user == 9
    assert parse_tweet(NEWER).profile is None


@pytest.mark.parametrize(
    ("references", "answers", "kind"),
    [
        ([], None, Kind.REPLY), ([("quoted", "5")], "5", Kind.QUOTE),
        ([("retweeted", "5")], "5", Kind.RETWEET),
        ([("quoted", "5"), ("replied_to", "6")], "6", Kind.QUOTE),
        ([("replied_to", "x")], None, Kind.REPLY), ([("liked", "6")], None, Kind.REPLY),
    ],
)
def test_what_a_tweet_of_version_2_refers_to(
    references: list[tuple[str, str]], answers: str | None, kind: Kind
) -> None:
    listed = [{"type": how, "id": tweet} for how, tweet in references]
    found = parse_tweet(NEWER | {"referenced_tweets": listed})
    assert (found.parent, found.kind) == (answers, kind)
    assert parse_tweet(NEWER | {"referenced_tweets": {"odd": 1}}).parent is None


def test_pheme_folders_of_version_2_are_read(tmp_path: Path) -> None:
    files = whole()
    for name, data in files.items():
        if "/reactions/" in name or "/source-tweets/" in name:
            old = json.loads(data)
            above = old["in_reply_to_status_id_str"]
            new = {
                "id": old["id_str"], "text": old["text"], "author_id": old["user"]["id_str"],
                "created_at": f"2014-08-13T{old['created_at'][11:19]}.000Z",
            }
            if above:
                new["referenced_tweets"] = [{"type": "replied_to", "id": above}]
            files[name] = json.dumps({"data": new}).encode()
    expected, _ = read(whole(), tmp_path / "older")
    found, report = read(files, tmp_path / "newer")
    assert not report.repairs
    for thread, cascade in expected.items():
        for column in ("posted_at", "post_id", "text"):
            assert getattr(found[thread], column) == getattr(cascade, column)
        for column in ("parent", "user", "delay_seconds", "kind"):
            assert getattr(found[thread], column).tolist() == getattr(cascade, column).tolist()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"data": []}, "data is an array"), ({"data": None}, "data is 'None', expected an object"),
        ({"data": {"id": 1}}, "it has no created_at"),
        (BASE | {"id": 5e17, "id_str": "5E+17"}, "its id is '5E\\+17', as a floating-point number"),
        (BASE | {"id": "abc", "id_str": None}, "its id is 'abc', no tweet's"),
        ({"created_at": 1}, "it has neither id_str nor id"),
    ],
)
def test_the_reason_names_what_is_wrong(value: object, why: str) -> None:
    with pytest.raises(BadJsonError, match=why):
        parse_tweet(value)
