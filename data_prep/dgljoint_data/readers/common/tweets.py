"""Tweets in Twitter's JSON, of its API 1.1 and of version 2."""

from collections.abc import Iterator, Mapping
from typing import Any

from dgljoint.data.cascade import Kind
from dgljoint_data.readers.common.posts import Post, parse_profile
from dgljoint_data.readers.common.values import BadJsonError, date_of, id_text, shown

Value = Mapping[str, Any]

# Keys of a tweet in version 2, where the author is not an object in it.
_OF_VERSION_2 = ("author_id", "referenced_tweets", "conversation_id", "edit_history_tweet_ids")
_ANSWERED = ("replied_to", "retweeted", "quoted")


def parse_tweet(value: object) -> Post:
    """Take the only tweet of a JSON file. Raise BadJsonError if it has none, or no id or date."""
    if not isinstance(value, dict) or "data" not in value:
        return parse_one(value, {})
    data = value["data"]
    if "kind" in value and isinstance(data, dict):
        raise BadJsonError("no tweet but Reddit's JSON, which the reader 'rumoureval' reads")
    if isinstance(data, list) and len(data) == 1:
        [data] = data
    if not isinstance(data, dict):
        raise BadJsonError(f"no tweet: data is {shown(data)}, expected an object")
    return parse_one(data, users_in(value))


def users_in(page: Value) -> dict[str, Value]:
    """Return the users that an answer of version 2 includes, by id."""
    users = _object(page, "includes").get("users")
    return {
        user: entry
        for entry in (users if isinstance(users, list) else ())
        if isinstance(entry, dict) and (user := id_text(entry.get("id")))
    }


def parse_one(value: object, users: Mapping[str, Value]) -> Post:
    """Take a tweet of either version; ``users`` are those not in it. Raise BadJsonError if bad."""
    if not isinstance(value, dict):
        raise BadJsonError(f"no tweet: {type(value).__name__}, expected an object")
    tweet = id_text(value.get("id_str"), value.get("id"))
    if tweet is None:
        raise BadJsonError(f"a tweet without an id: {_bad_id(value)}")
    seconds = int(date_of(value, "created_at", "a tweet without a date"))
    text, truncated = _text(value)
    retweeted = value.get("retweeted_status")
    if isinstance(value.get("user"), dict) or not any(key in value for key in _OF_VERSION_2):
        profile = _object(value, "user")
        user = id_text(profile.get("id_str"), profile.get("id"))
        original = _object(value, "retweeted_status")
        parent = id_text(
            value.get("in_reply_to_status_id_str"), value.get("in_reply_to_status_id"),
            original.get("id_str"), original.get("id"),
        )
        retweet, quote = isinstance(retweeted, dict), value.get("is_quote_status") is True
    else:
        user = id_text(value.get("author_id"))
        profile = _older_names(users.get(user or "", {}))
        references = dict(_references(value))
        parent = id_text(*(references.get(how) for how in _ANSWERED))
        retweet, quote = "retweeted" in references, "quoted" in references
    return Post(
        id=tweet, parent=parent, user=int(user or 0), seconds=seconds,
        kind=Kind.RETWEET if retweet else Kind.QUOTE if quote else Kind.REPLY, text=text,
        profile=parse_profile(profile, seconds), truncated=truncated,
        conversation=id_text(value.get("conversation_id"), value.get("conversation_id_str")),
    )


def _bad_id(value: Value) -> str:
    given = next((value[key] for key in ("id_str", "id") if value.get(key) is not None), None)
    if given is None:
        return "it has neither id_str nor id"
    lost = isinstance(given, float) or (isinstance(given, str) and "e+" in given.lower())
    why = "as a floating-point number it has lost its last digits" if lost else "no tweet's"
    return f"its id is {shown(given)}, {why}"


def _text(value: Value) -> tuple[str, bool]:
    """Return the longest form of a text, and whether it is only the start of it."""
    forms = (
        _object(value, "note_tweet").get("text"), _object(value, "extended_tweet").get("full_text"),
        value.get("full_text"),
    )
    whole = next((text for text in forms if isinstance(text, str) and text), None)
    start = value.get("text")
    text = whole if whole is not None else start if isinstance(start, str) else ""
    truncated = value.get("truncated") is True and whole is None
    original = _object(value, "retweeted_status")
    # "RT @name: " and the text, all of it in the space of one tweet.
    if original and (truncated or not text or text.endswith("\u2026")):
        name, colon, _ = text.partition(": ")
        full, cut = _text(original)
        if full:
            return (f"{name}{colon}{full}" if name.startswith("RT @") else full), cut
    return text, truncated


def _object(value: Value, name: str) -> Value:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _references(value: Value) -> Iterator[tuple[object, object]]:
    found = value.get("referenced_tweets")
    for reference in found if isinstance(found, list) else ():
        if isinstance(reference, dict) and isinstance(reference.get("type"), str):
            yield reference["type"], reference.get("id")


def _older_names(user: Value) -> Value:
    """Return what version 2 has of a user, under the names of version 1.1."""
    counts = _object(user, "public_metrics")
    return {
        "followers_count": counts.get("followers_count"),
        "friends_count": counts.get("following_count"),
        "statuses_count": counts.get("tweet_count"),
        "verified": user.get("verified"),
        "created_at": user.get("created_at"),
    }
