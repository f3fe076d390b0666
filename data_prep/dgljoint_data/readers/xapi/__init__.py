"""Reader of tweets as X's API gives them: files of many tweets, grouped into conversations.

A file has an answer of the API, an array of tweets, or a tweet; ``.jsonl`` and ``.ndjson`` have one
of these per line: see ``docs/readers/xapi.md``. All tweets are in memory while they are grouped.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dgljoint.config.options import NoOptions
from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import THREADS_MET, ReadReport, first_of
from dgljoint.errors import DataError
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_data.readers.common.posts import Post, make_cascade, report_lacks
from dgljoint_data.readers.common.raw import digest_files, given, readable
from dgljoint_data.readers.common.thread_files import BAD_TWEET
from dgljoint_data.readers.common.thread_folders import holds_threads
from dgljoint_data.readers.common.tweets import parse_one, users_in
from dgljoint_data.readers.common.values import MENDED, BadJsonError, id_text, parse_json, read_json

BAD_JSON = "file or line that cannot be read"
HINT = (
    "give a file of tweets or a folder of such: .json, .jsonl or .ndjson, with answers of the API "
    '({"data": [...], "includes": {...}}) or tweets'
)

_PROBED = 1 << 25  # bytes of a file that is opened to recognise it
_LINES = (".jsonl", ".ndjson")
_SUFFIXES = (".json", *_LINES)


class XApiReader:
    """Reads files of tweets; every tweet and conversation is in ``counts`` of the report.

    ``distinct_posts`` are the posts stored and ``posts_dropped_*``; less ``tweets_from_includes``
    and with ``duplicate_tweets``, they are ``tweets_in_files``.
    """

    label_names: tuple[str, ...] = ()

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files."""
        return digest_files(_find_files(source), _root(source))

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the conversations by the number of their source."""
        tweets = _Tweets(report)
        for path in _find_files(source):
            tweets.read(path, readable(str(path.relative_to(_root(source)))))
        stored = 0
        groups = _group(tweets)
        for conversation in sorted(groups, key=lambda number: (len(number), number)):
            members = groups[conversation]
            report.count(THREADS_MET)
            if conversation not in members:
                report.count("posts_dropped_with_thread", len(members))
                _refuse(conversation, next(iter(members)), tweets)
                continue
            stored += 1
            yield make_cascade(
                conversation, members, conversation, None, report,
                where=lambda post: f"{tweets.place[post.id]}: {post.id}",
            )
        if not stored:
            why = first_of(report.refusals | report.repairs)
            raise DataError(f"{source} holds no readable conversation{why}", hint=HINT)
        report.note("tweets of the API have neither labels nor events: each thread is an event")


def _refuse(conversation: str, member: str, tweets: _Tweets) -> None:
    reason = "conversation without its source tweet"
    place, detail = tweets.place[member], f"{conversation}, of which {member} is a part"
    if conversation in tweets.unreadable:
        reason = "conversation whose source tweet cannot be read"
        place, why = tweets.unreadable[conversation]
        detail = f"{conversation}: {why}"
    tweets.report.refuse(reason, place, detail=detail)


def _root(source: Path | None) -> Path:
    place = Path() if source is None else source
    return place if place.is_dir() else place.parent


def _group(tweets: _Tweets) -> dict[str, dict[str, Post]]:
    """Return the tweets of each conversation, with those that only answers of the API include."""
    everything = tweets.included | tweets.given
    groups: dict[str, dict[str, Post]] = {}
    for tweet in tweets.given.values():
        groups.setdefault(_conversation(tweet, everything), {})[tweet.id] = tweet
    for tweet in tweets.included.values():
        group = groups.get(_conversation(tweet, everything))
        if tweet.id not in tweets.given and group is not None:
            group[tweet.id] = tweet
            tweets.report.count("distinct_posts")
            tweets.report.count("tweets_from_includes")
    return groups


def _conversation(tweet: Post, everything: Mapping[str, Post]) -> str:
    """Return the id of the tweet a thread began with; a retweet belongs to what it retweets."""
    seen = set()
    while tweet.id not in seen:
        seen.add(tweet.id)
        if tweet.conversation is not None and tweet.kind != Kind.RETWEET:
            return tweet.conversation
        if tweet.parent is None:
            return tweet.id
        if tweet.parent not in everything:
            return tweet.parent
        tweet = everything[tweet.parent]
    return tweet.id  # tweets that answer one another in a circle


def _find_files(source: Path | None) -> list[Path]:
    """Return the files of tweets: the one that is named, or those in a folder, however deep."""
    source = given(source, HINT)
    if not source.is_dir():
        return [source]
    found = sorted(path for path in source.rglob("*") if _suffix(path) and path.is_file())
    if not found:
        raise DataError(f"{source} holds no .json, .jsonl or .ndjson file", hint=HINT)
    return found


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    known = [suffix for suffix in _SUFFIXES if name.endswith(suffix)]
    return known[0] if known and not name.startswith(".") else ""


class _Tweets:
    """The tweets of all files, by id: given, included, and unreadable with the reason."""

    def __init__(self, report: ReadReport) -> None:
        self.report = report
        self.given: dict[str, Post] = {}
        self.included: dict[str, Post] = {}
        self.unreadable: dict[str, tuple[str, str]] = {}
        self.place: dict[str, str] = {}

    def read(self, path: Path, name: str) -> None:
        try:
            if _suffix(path) not in _LINES:
                self._take(*read_json(path), name)
                return
            opened = gzip.open if path.name.lower().endswith(".gz") else open
            with opened(path, "rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        self._take_line(line, f"{name}:{number}")
        except (BadJsonError, OSError, EOFError, zlib.error) as error:
            self.report.repair(BAD_JSON, f"{name}: {error}")

    def _take_line(self, line: bytes, place: str) -> None:
        try:
            self._take(*parse_json(line), place)
        except BadJsonError as error:
            self.report.repair(BAD_JSON, f"{place}: {error}")

    def _take(self, value: object, mended: int, place: str) -> None:
        """Take the tweets of an answer of the API, of an array, or the one that a value is."""
        self.report.repair(MENDED, place, mended)
        page = value if isinstance(value, dict) else {"data": value}
        if isinstance(value, dict) and "data" not in value:
            # A tweet, unless it is an answer without any.
            page = {} if value.keys() <= {"meta", "errors", "includes"} else {"data": value}
        users = users_in(page)
        data = page.get("data", [])
        for entry in data if isinstance(data, list) else [data]:
            self._add(entry, users, place)
        includes = page.get("includes")
        more = includes.get("tweets") if isinstance(includes, dict) else None
        for entry in more if isinstance(more, list) else ():
            try:
                tweet = parse_one(entry, users)
            except BadJsonError:  # nobody asked for it
                continue
            self.included.setdefault(tweet.id, tweet)
            self.place.setdefault(tweet.id, place)
        errors = page.get("errors")
        self.report.count("errors_in_answers", len(errors) if isinstance(errors, list) else 0)

    def _add(self, entry: object, users: Mapping[str, Mapping[str, Any]], place: str) -> None:
        report = self.report
        report.count("tweets_in_files")
        try:
            tweet = parse_one(entry, users)
        except BadJsonError as error:
            report.count("distinct_posts")
            report.count("posts_dropped_unreadable")
            report.repair(BAD_TWEET, f"{place}: {error}")
            known = entry if isinstance(entry, dict) else {}
            if number := id_text(known.get("id_str"), known.get("id")):
                self.unreadable.setdefault(number, (place, str(error)))
            return
        if tweet.id in self.given:
            report.count("duplicate_tweets")
            return
        report.count("distinct_posts")
        self.given[tweet.id] = tweet
        self.place[tweet.id] = place
        report_lacks(tweet, f"{place}: {tweet.id}", report)


def _recognises(path: Path) -> bool:
    """Return whether the first JSON file is an answer of version 2; lines may be of any reader."""
    try:
        files = [file for file in _find_files(path) if ".json" in file.suffixes]
        first = next((file for file in files if file.stat().st_size < _PROBED), None)
        value = None if first is None or holds_threads(path) else read_json(first)[0]
    except (DataError, BadJsonError, OSError):
        return False
    data = value.get("data") if isinstance(value, dict) else None
    tweet = data[0] if isinstance(data, list) and data else data
    return isinstance(tweet, dict) and "id" in tweet and "created_at" in tweet


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``xapi``."""
    return [
        ReaderSpec(
            name="xapi",
            summary="tweets as X's API v2 gives them, grouped into conversations; no labels",
            options=NoOptions, build=lambda options: XApiReader(), recognises=_recognises,
            layouts=('*.json: {"data": [tweets], "includes": {...}}; or *.jsonl, one per line',),
        )
    ]
