"""Files of many tweets: answers of Twitter's API, arrays of tweets, or one of either per line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.dates import ODD_DATE, is_odd
from dgljoint_data.readers.common.json_text import (
    MENDED,
    BadJsonError,
    id_text,
    parse_json,
    read_json,
)
from dgljoint_data.readers.common.thread_folders import readable
from dgljoint_data.readers.common.tweets import TRUNCATED, Tweet, parse_one, users_in

BAD_TWEET = "tweet that cannot be read"
BAD_JSON = "file or line that cannot be read"

_LINES = (".jsonl", ".ndjson")
_SUFFIXES = (".json", *_LINES)
HINT = (
    "give a file of tweets or a folder of such: .json, .jsonl or .ndjson, with answers of the API "
    '({"data": [...], "includes": {...}}) or tweets'
)


@dataclass(slots=True)
class Tweets:
    """What the files hold.

    Attributes:
        given: tweets that were asked for, by id.
        included: those that answers of the API have beside them.
        unreadable: place and reason of each tweet that has an id, but cannot be read.
        place: of each tweet, for the report.
    """

    given: dict[str, Tweet] = field(default_factory=dict)
    included: dict[str, Tweet] = field(default_factory=dict)
    unreadable: dict[str, tuple[str, str]] = field(default_factory=dict)
    place: dict[str, str] = field(default_factory=dict)


def find_files(source: Path | None) -> list[Path]:
    """Return the files of tweets: the one that is named, or those in a folder, however deep.

    Raises:
        DataError: there is none.
    """
    if source is None:
        raise DataError("this reader needs a file or a folder", hint=HINT)
    if not source.exists():
        raise DataError(f"{source} does not exist", hint=HINT)
    if not source.is_dir():
        return [source]
    found = sorted(path for path in source.rglob("*") if _suffix(path) and path.is_file())
    if not found:
        raise DataError(f"{source} holds no .json, .jsonl or .ndjson file", hint=HINT)
    return found


def _suffix(path: Path) -> str:
    """Return the suffix of a file of tweets; ``""`` for any other."""
    name = path.name.lower().removesuffix(".gz")
    known = [suffix for suffix in _SUFFIXES if name.endswith(suffix)]
    return known[0] if known and not name.startswith(".") else ""


def read_tweets(files: list[Path], root: Path, report: ReadReport) -> Tweets:
    """Read all tweets of some files; of one that is there several times, the first."""
    found = Tweets()
    for path in files:
        name = readable(str(path.relative_to(root)))
        for place, value in _values(path, name, report):
            _take(value, place, found, report)
    return found


def _values(path: Path, name: str, report: ReadReport) -> Iterator[tuple[str, Any]]:
    """Yield what a file holds, or each of its lines, with its place."""
    if _suffix(path) not in _LINES:
        try:
            value, mended = read_json(path)
        except BadJsonError as error:
            report.repair(BAD_JSON, f"{name}: {error}")
            return
        report.repair(MENDED, name, mended)
        yield name, value
        return
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    place = f"{name}:{number}"
                    try:
                        value, mended = parse_json(line)
                    except BadJsonError as error:
                        report.repair(BAD_JSON, f"{place}: {error}")
                        continue
                    report.repair(MENDED, place, mended)
                    yield place, value
    except (OSError, EOFError, zlib.error) as error:
        report.repair(BAD_JSON, f"{name}: {error}")


def _take(value: object, place: str, found: Tweets, report: ReadReport) -> None:
    """Take the tweets of an answer of the API, of an array, or the one that a value is."""
    page = value if isinstance(value, dict) else {"data": value}
    if isinstance(value, dict) and "data" not in value:
        # A tweet, unless it is an answer without any.
        page = {} if value.keys() <= {"meta", "errors", "includes"} else {"data": value}
    users = users_in(page)
    data = page.get("data", [])
    for entry in data if isinstance(data, list) else [data]:
        _add(entry, users, place, found, report)
    includes = page.get("includes")
    more = includes.get("tweets") if isinstance(includes, dict) else None
    for entry in more if isinstance(more, list) else ():
        try:
            tweet = parse_one(entry, users)
        except BadJsonError:  # nobody asked for it
            continue
        found.included.setdefault(tweet.id, tweet)
        found.place.setdefault(tweet.id, place)
    errors = page.get("errors")
    report.count("errors_in_answers", len(errors) if isinstance(errors, list) else 0)


def _add(
    entry: object, users: Mapping[str, Mapping[str, Any]], place: str, found: Tweets,
    report: ReadReport,
) -> None:
    report.count("tweets_in_files")
    try:
        tweet = parse_one(entry, users)
    except BadJsonError as error:
        report.count("distinct_posts")
        report.count("posts_dropped_unreadable")
        report.repair(BAD_TWEET, f"{place}: {error}")
        number = id_text(entry.get("id_str"), entry.get("id")) if isinstance(entry, dict) else None
        if number is not None:
            found.unreadable.setdefault(number, (place, str(error)))
        return
    if tweet.id in found.given:
        report.count("duplicate_tweets")
        return
    report.count("distinct_posts")
    found.given[tweet.id] = tweet
    found.place[tweet.id] = place
    where = f"{place}: {tweet.id}"
    report.repair(TRUNCATED, where, int(tweet.truncated))
    report.repair(ODD_DATE, where, int(tweet.seconds is not None and is_odd(tweet.seconds)))
    report.repair("post without a text", where, int(not tweet.text))
    report.repair("post without a user (0 is stored)", where, int(not tweet.user))
    report.count("posts_without_profile", int(tweet.profile is None))
