"""Tweets in Twitter's JSON, of its API 1.1 and of version 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dgljoint.data.cascade import Kind
from dgljoint_data.features.user import Profile
from dgljoint_data.readers.common.dates import BadDateError, unix_seconds
from dgljoint_data.readers.common.json_text import BadJsonError, id_text, shown
from dgljoint_data.readers.common.tweet_fields import parse_profile

TRUNCATED = "truncated text whose whole is not there"

# Of a tweet in version 2, where the author is not an object in it.
_OF_VERSION_2 = ("author_id", "referenced_tweets", "conversation_id", "edit_history_tweet_ids")
_ANSWERED = ("replied_to", "retweeted", "quoted")


@dataclass(frozen=True, slots=True)
class Tweet:
    """What a cascade needs of a tweet.

    Attributes:
        id: of the tweet.
        answers: the tweet that it says it replies to, else retweets; ``None`` when it says none.
        user: 0 when it is not said.
        seconds: when it was posted, in Unix time; ``None`` when it is not known, which is so of no
            tweet but of other posts that are read like one.
        kind: reply, retweet or quote.
        text: ``""`` when there is none.
        truncated: whether only the start of the text is there.
        profile: of its author; ``None`` when nothing is said of one.
        conversation: id of the tweet that began the thread; ``None`` when it is not said.
    """

    id: str
    answers: str | None
    user: int
    seconds: int | None
    kind: Kind
    text: str
    truncated: bool
    profile: Profile | None
    conversation: str | None


def parse_tweet(value: object) -> Tweet:
    """Take the only tweet of a JSON file.

    Raises:
        BadJsonError: it is no object, or has no id or no date.
    """
    if not isinstance(value, dict):
        return parse_one(value, {})
    if "kind" in value and isinstance(value.get("data"), dict):
        raise BadJsonError("no tweet but Reddit's JSON, which the reader 'rumoureval' reads")
    if "data" not in value:
        return parse_one(value, {})
    data = value["data"]
    if isinstance(data, list) and len(data) == 1:
        [data] = data
    if not isinstance(data, dict):
        raise BadJsonError(f"no tweet: data is {shown(data)}, expected an object")
    return parse_one(data, users_in(value))


def users_in(page: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the users that an answer of version 2 includes, by id."""
    includes = page.get("includes")
    users = includes.get("users") if isinstance(includes, dict) else None
    return {
        user: entry
        for entry in (users if isinstance(users, list) else ())
        if isinstance(entry, dict) and (user := id_text(entry.get("id")))
    }


def parse_one(value: object, users: Mapping[str, Mapping[str, Any]]) -> Tweet:
    """Take a tweet of either version.

    Args:
        value: the tweet.
        users: by id, those that are not in the tweet.

    Raises:
        BadJsonError: it is no object, or has no id or no date.
    """
    if not isinstance(value, dict):
        raise BadJsonError(f"no tweet: {type(value).__name__}, expected an object")
    tweet = id_text(value.get("id_str"), value.get("id"))
    if tweet is None:
        raise BadJsonError(f"a tweet without an id: {_bad_id(value)}")
    seconds = _posted(value.get("created_at"))
    text, truncated = _text(value)
    user = value.get("user")
    newer = not isinstance(user, dict) and any(key in value for key in _OF_VERSION_2)
    author = id_text(value.get("author_id")) if newer else None
    profile = _newer_profile(users.get(author or "", {})) if newer else user
    profile = profile if isinstance(profile, dict) else {}
    return Tweet(
        id=tweet,
        answers=_answered(value) if newer else id_text(
            value.get("in_reply_to_status_id_str"), value.get("in_reply_to_status_id"),
            *_retweeted(value),
        ),
        user=int(author or id_text(profile.get("id_str"), profile.get("id")) or 0),
        seconds=seconds,
        kind=_newer_kind(value) if newer else _kind(value),
        text=text,
        truncated=truncated,
        profile=parse_profile(profile, seconds),
        conversation=id_text(value.get("conversation_id"), value.get("conversation_id_str")),
    )


def _bad_id(value: Mapping[str, Any]) -> str:
    given = next((value[key] for key in ("id_str", "id") if value.get(key) is not None), None)
    if given is None:
        return "it has neither id_str nor id"
    lost = isinstance(given, float) or (isinstance(given, str) and "e+" in given.lower())
    why = "as a floating-point number it has lost its last digits" if lost else "no tweet's"
    return f"its id is {shown(given)}, {why}"


def _posted(value: object) -> int:
    if value is None:
        raise BadJsonError("a tweet without a date: it has no created_at")
    try:
        return int(unix_seconds(value))
    except BadDateError as error:
        raise BadJsonError(f"a tweet without a date: created_at: {error}") from error


def _text(value: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the longest form of a text, and whether it is only the start of it."""
    wholes = (
        _inner(value, "note_tweet").get("text"), _inner(value, "extended_tweet").get("full_text"),
        value.get("full_text"),
    )
    whole = next((text for text in wholes if isinstance(text, str) and text), None)
    start = value.get("text")
    text = whole if whole is not None else start if isinstance(start, str) else ""
    truncated = value.get("truncated") is True and whole is None
    original = _inner(value, "retweeted_status")
    # "RT @name: " and the text, all of it in the space of one tweet.
    if original and (truncated or not text or text.endswith("\u2026")):
        name, colon, _ = text.partition(": ")
        of_it, cut = _text(original)
        if of_it:
            return (f"{name}{colon}{of_it}" if name.startswith("RT @") else of_it), cut
    return text, truncated


def _inner(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _retweeted(value: Mapping[str, Any]) -> tuple[object, object]:
    original = _inner(value, "retweeted_status")
    return original.get("id_str"), original.get("id")


def _kind(value: Mapping[str, Any]) -> Kind:
    if isinstance(value.get("retweeted_status"), dict):
        return Kind.RETWEET
    return Kind.QUOTE if value.get("is_quote_status") is True else Kind.REPLY


def _references(value: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    found = value.get("referenced_tweets")
    for reference in found if isinstance(found, list) else ():
        if isinstance(reference, dict):
            yield reference.get("type"), reference.get("id")


def _answered(value: Mapping[str, Any]) -> str | None:
    found = dict(_references(value))
    return id_text(*(found.get(how) for how in _ANSWERED))


def _newer_kind(value: Mapping[str, Any]) -> Kind:
    how = {how for how, _ in _references(value)}
    return Kind.RETWEET if "retweeted" in how else Kind.QUOTE if "quoted" in how else Kind.REPLY


def _newer_profile(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return what version 2 says of a user, in the names of version 1.1."""
    counts = _inner(user, "public_metrics")
    return {
        "followers_count": counts.get("followers_count"),
        "friends_count": counts.get("following_count"),
        "statuses_count": counts.get("tweet_count"),
        "verified": user.get("verified"),
        "created_at": user.get("created_at"),
    }
