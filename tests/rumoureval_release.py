"""A small RumourEval release of our own: two threads of Twitter and one of Reddit, with keys."""

from __future__ import annotations

import json

from pheme_release import Files, tweet

ROOT = "rumoureval-2019"
REDDIT = f"{ROOT}/reddit-training-data/8d6h5t"
TWITTER = f"{ROOT}/twitter-english/storm/600"
TRAIN = f"{ROOT}/train-key.json"
DEV = f"{ROOT}/dev-key.json"


def comment(post: str, above: str, seconds: int | None, **more: object) -> bytes:
    """Write a comment of Reddit; one without a date is folded away."""
    data: dict[str, object] = {"id": post, "parent_id": above, "name": f"t1_{post}"}
    if seconds is None:
        return json.dumps({"kind": "more", "data": data | {"children": [post]} | more}).encode()
    data |= {"created_utc": 1_524_065_197.0 + seconds, "body": f"words of {post}", "author": "Ann"}
    return json.dumps({"kind": "t1", "data": data | more}).encode()


def submission(**more: object) -> bytes:
    data = {"id": "8d6h5t", "title": "Is it true?", "selftext": "", "author": "Ann",
            "created_utc": 1_524_065_197.0}
    child = {"kind": "t3", "data": data | more}
    return json.dumps({"kind": "Listing", "data": {"after": None, "children": [child]}}).encode()


def key(stance: dict[str, str], veracity: dict[str, str]) -> bytes:
    return json.dumps({"subtaskaenglish": stance, "subtaskbenglish": veracity}).encode()


def whole() -> Files:
    """Make threads of three posts each (Reddit's of four), and keys for all of them."""
    files = {
        TRAIN: key(
            {"600": "support", "601": "deny", "602": "comment", "8d6h5t": "query", "aa1": "comment",
             "aa2": "comment", "aa3": "support"},
            {"600": "true", "8d6h5t": "unverified"},
        ),
        DEV: key({"700": "support", "701": "query", "702": "comment"}, {"700": "false"}),
        f"{REDDIT}/source-tweet/8d6h5t.json": submission(),
        f"{REDDIT}/replies/aa1.json": comment("aa1", "t3_8d6h5t", 60),
        f"{REDDIT}/replies/aa2.json": comment("aa2", "t1_aa1", None),
        f"{REDDIT}/replies/aa3.json": comment("aa3", "t1_aa1", 90, author="[deleted]"),
        f"{REDDIT}/structure.json": b'{"8d6h5t": {"aa1": {"aa2": [], "aa3": []}}}',
        f"{REDDIT}/raw.json": b"[]",
    }
    for first in (600, 700):
        base = TWITTER.replace("600", str(first))
        files |= {
            f"{base}/source-tweet/{first}.json": tweet(first, 10),
            f"{base}/replies/{first + 1}.json": tweet(first + 1, 30, first),
            f"{base}/replies/{first + 2}.json": tweet(first + 2, 40, first + 1),
            f"{base}/structure.json": json.dumps(
                {str(first): {str(first + 1): {str(first + 2): []}}}
            ).encode(),
        }
    return files
