"""Reader of tweets as X's API gives them: files of many tweets, grouped into conversations.

::

    {"data": [{"id": "1", "text": "...", "created_at": "2023-01-01T00:00:00.000Z",
               "author_id": "7", "conversation_id": "1", "referenced_tweets": [...]}, ...],
     "includes": {"users": [...], "tweets": [...]}, ...}

A file holds such an answer, an array of tweets, or a tweet; a ``.jsonl`` or ``.ndjson`` file one of
these per line. Tweets of API 1.1 are read as well. A thread is a conversation, its source the tweet
that the conversation is named after; a post's parent is the tweet that it replies to, or retweets::

    dgljoint preprocess xapi tweets.jsonl -o tweets.h5

Threads have neither labels nor events. All tweets are held in memory while they are grouped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dgljoint.config.options import NoOptions, Options
from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint.errors import DataError
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_data.features import user
from dgljoint_data.readers.common.arrange import arrange
from dgljoint_data.readers.common.digest import digest_files
from dgljoint_data.readers.common.json_text import BadJsonError, read_json
from dgljoint_data.readers.common.thread_files import MOVED, NO_PARENT, UNREACHABLE
from dgljoint_data.readers.common.thread_folders import holds_threads
from dgljoint_data.readers.common.tweet_files import HINT, Tweets, find_files, read_tweets
from dgljoint_data.readers.common.tweets import Tweet

_PROBED = 1 << 25  # bytes of a file that is looked into, to recognise it


class XApiReader:
    """Reads files of tweets.

    ``counts`` of the report account for every tweet and conversation::

        tweets_in_files = distinct_posts - tweets_from_includes + duplicate_tweets
        distinct_posts  = posts stored + the posts_dropped_* counts
        threads_met     = cascades stored + the refusals

    Attributes:
        label_names: there are none.
    """

    label_names: tuple[str, ...] = ()

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files.

        Raises:
            DataError: there is none or one cannot be read.
        """
        files = find_files(source)
        return digest_files(files, _root(source))

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the conversations by the number of their source.

        Raises:
            DataError: there is no file, or none holds a conversation with its source.
        """
        files = find_files(source)
        tweets = read_tweets(files, _root(source), report)
        stored = 0
        for conversation, members in sorted(_group(tweets, report).items(), key=_age):
            report.count(THREADS_MET)
            source_tweet = members.get(conversation)
            if source_tweet is None:
                report.count("posts_dropped_with_thread", len(members))
                _refuse(conversation, next(iter(members)), tweets, report)
                continue
            stored += 1
            yield _cascade(source_tweet, members, tweets.place, report)
        if not stored:
            odd = next(iter((report.refusals | report.repairs).items()), None)
            why = f": {odd[0]} ({odd[1].examples[0]})" if odd else ""
            raise DataError(f"{source} holds no readable conversation{why}", hint=HINT)
        report.note("tweets of the API have neither labels nor events: each thread is an event")


def _refuse(conversation: str, member: str, tweets: Tweets, report: ReadReport) -> None:
    """Say why a conversation has no source."""
    if conversation in tweets.unreadable:
        place, why = tweets.unreadable[conversation]
        report.refuse(
            "conversation whose source tweet cannot be read", place, detail=f"{conversation}: {why}"
        )
    else:
        report.refuse(
            "conversation without its source tweet", tweets.place[member],
            detail=f"{conversation}, of which {member} is a part",
        )


def _root(source: Path | None) -> Path:
    place = Path() if source is None else source
    return place if place.is_dir() else place.parent


def _age(item: tuple[str, object]) -> tuple[int, str]:
    return len(item[0]), item[0]


def _group(tweets: Tweets, report: ReadReport) -> dict[str, dict[str, Tweet]]:
    """Return the tweets of each conversation, with those that only answers of the API include."""
    everything = tweets.included | tweets.given
    groups: dict[str, dict[str, Tweet]] = {}
    for tweet in tweets.given.values():
        groups.setdefault(_conversation(tweet, everything), {})[tweet.id] = tweet
    for tweet in tweets.included.values():
        group = groups.get(_conversation(tweet, everything))
        if tweet.id not in tweets.given and group is not None:
            group[tweet.id] = tweet
            report.count("distinct_posts")
            report.count("tweets_from_includes")
    return groups


def _conversation(tweet: Tweet, everything: Mapping[str, Tweet]) -> str:
    """Return the id of the tweet that a tweet's thread began with.

    A retweet has a conversation of its own by the API; here it belongs to what it retweets.
    """
    seen = set()
    while tweet.id not in seen:
        seen.add(tweet.id)
        if tweet.conversation is not None and tweet.kind != Kind.RETWEET:
            return tweet.conversation
        if tweet.answers is None:
            return tweet.id
        if tweet.answers not in everything:
            return tweet.answers
        tweet = everything[tweet.answers]
    return tweet.id  # tweets that answer one another in a circle


def _cascade(
    source: Tweet, members: Mapping[str, Tweet], place: Mapping[str, str], report: ReadReport
) -> Cascade:
    given = list(members.values())
    number = {tweet: at for at, tweet in enumerate(members)}
    parent = [number.get(tweet.answers or "", -1) for tweet in given]
    arranged = arrange(parent, [tweet.seconds or 0 for tweet in given], number[source.id])
    for lost in sorted(set(range(len(given))) - set(arranged.post)):
        orphan = parent[lost] < 0
        report.count(f"posts_dropped_{'without_parent' if orphan else 'below_dropped'}")
        where = f"{place[given[lost].id]}: {given[lost].id}"
        report.repair(NO_PARENT if orphan else UNREACHABLE, where)
    for moved in arranged.moved:
        report.repair(MOVED, f"{place[given[moved].id]}: {given[moved].id}")
    posts = [given[at] for at in arranged.post]
    return Cascade(
        id=source.id,
        event="",
        label=None,
        posted_at=source.seconds or 0,
        post_id=[post.id for post in posts],
        parent=arranged.parent,
        user=np.array([post.user for post in posts], np.int64),
        delay_seconds=arranged.seconds - arranged.seconds[0],
        kind=np.array([Kind.SOURCE] + [post.kind for post in posts[1:]], np.uint8),
        text=[post.text for post in posts],
        features={user.SPEC.name: user.profile_rows([post.profile for post in posts])},
    )


def _recognises(path: Path) -> bool:
    """Say whether the first JSON file is an answer of version 2; lines may be of any reader."""
    try:
        files = [file for file in find_files(path) if ".json" in file.suffixes]
        first = next((file for file in files if file.stat().st_size < _PROBED), None)
        value = None if first is None or holds_threads(path) else read_json(first)[0]
    except (DataError, BadJsonError, OSError):
        return False
    data = value.get("data") if isinstance(value, dict) else None
    tweet = data[0] if isinstance(data, list) and data else data
    return isinstance(tweet, dict) and "id" in tweet and "created_at" in tweet


def _build(options: Options) -> XApiReader:
    return XApiReader()


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``xapi``."""
    return [
        ReaderSpec(
            name="xapi",
            summary="tweets as X's API v2 gives them, grouped into conversations; no labels",
            options=NoOptions,
            build=_build,
            recognises=_recognises,
            layouts=('*.json: {"data": [tweets], "includes": {...}}; or *.jsonl, one per line',),
        )
    ]
