"""From the files of one thread to a cascade, every post accounted for."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from dgljoint.data.cascade import Cascade, Kind, Target
from dgljoint.data.reading import ReadReport
from dgljoint_data.features import user
from dgljoint_data.readers.common.arrange import Arranged, arrange
from dgljoint_data.readers.common.dates import ODD_DATE, is_odd
from dgljoint_data.readers.common.json_text import MENDED, BadJsonError, read_json
from dgljoint_data.readers.common.thread_folders import Thread, readable
from dgljoint_data.readers.common.tweet_fields import Structure, parse_structure
from dgljoint_data.readers.common.tweets import TRUNCATED, Tweet, parse_tweet

BAD_TWEET = "tweet that cannot be read"
DUPLICATE = "another file of a tweet (the first is kept)"
NO_PARENT = "post whose parent is not in the thread"
ADOPTED = "post whose parent is not in the thread (attached to the nearest above that is)"
UNREACHABLE = "post below one that is left out"
WITHOUT_TWEET = "id in structure.json without a tweet file"
SEVERAL_ROOTS = "root in structure.json that is not the source"
DISAGREES = "place in structure.json is not below the tweet replied to (structure.json stands)"
FLAT = "reply that a flat structure.json puts below the source (attached to what it replies to)"
OUTSIDE = "post in no structure.json (attached to the tweet it replies to)"
MOVED = "post dated before its parent (given its parent's time)"
UNDATED = "post without a date (given its parent's time)"
UNREAD = "JSON file in a thread's folder that is none of the format (not read)"


class RefusedError(Exception):
    """A thread is left out: the reason, and where in its folder."""

    def __init__(self, reason: str, where: str = "", why: object = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where
        self.why = str(why)


class ThreadFiles:
    """Reads one thread; what is odd goes into the report.

    Args:
        thread: its files.
        root: the folder that places in the report start from.
        report: filled.

    Attributes:
        adopts: whether a post whose parent is not there is attached to the nearest post above it
            that is, by the structure, or to the source; else it is left out.
    """

    adopts = False

    def __init__(self, thread: Thread, root: Path, report: ReadReport) -> None:
        self.thread = thread
        self.report = report
        self._root = root
        self._path: dict[str, Path] = {}
        self._bad_source: tuple[Path, BadJsonError] | None = None

    def label(self) -> str | None:
        """Return the label of the thread.

        Raises:
            RefusedError: the thread is to be left out.
        """
        return None

    def parse(self, value: object) -> Tweet:
        """Take a post from what a file holds.

        Raises:
            BadJsonError: it holds none.
        """
        return parse_tweet(value)

    def event(self) -> str:
        """Return the event of the thread."""
        return self.thread.event

    def targets(self, posts: Sequence[Tweet]) -> dict[str, Target]:
        """Return the labels of other tasks, of the thread or of its posts in their order."""
        return {}

    def unread(self) -> Sequence[Path]:
        """Return the JSON files of the thread that are passed over."""
        return self.thread.unread

    def cascade(self, seen: Container[str]) -> Cascade | None:
        """Return the cascade, or ``None`` for a thread that is refused.

        Args:
            seen: ids of the threads that were read before.
        """
        tweets = self._tweets()
        try:
            self._check(tweets, seen)
            label = self.label()
        except RefusedError as refused:
            self._drop(len(tweets), "with_thread")
            where = self._place(self.thread.path / refused.where)
            self.report.refuse(refused.reason, where, detail=refused.why)
            return None
        structure = self._structure()
        self._compare(tweets, structure)
        arranged = self._arrange(tweets, structure)
        given = list(tweets.values())
        posts = [given[number] for number in arranged.post]
        if structure.parent:
            for post in posts[1:]:
                if post.id not in structure.parent:
                    self._tell(OUTSIDE, post)
        return Cascade(
            id=self.thread.id,
            event=self.event(),
            label=label,
            posted_at=posts[0].seconds or 0,
            post_id=[post.id for post in posts],
            parent=arranged.parent,
            user=np.array([post.user for post in posts], np.int64),
            delay_seconds=arranged.seconds - arranged.seconds[0],
            kind=np.array([Kind.SOURCE] + [post.kind for post in posts[1:]], np.uint8),
            text=[post.text for post in posts],
            features={user.SPEC.name: user.profile_rows([post.profile for post in posts])},
            targets=self.targets(posts),
        )

    def _check(self, tweets: Mapping[str, Tweet], seen: Container[str]) -> None:
        thread = self.thread
        if thread.id in seen:
            raise RefusedError("thread that stands twice")
        if thread.id not in tweets:
            where, why = self._why_no_source(tweets)
            raise RefusedError("thread without its source tweet", where, why)
        if tweets[thread.id].seconds is None:
            raise RefusedError("thread whose source has no date")
        if thread.replies is None:
            self.repair("thread without a folder of replies")

    def _why_no_source(self, tweets: Mapping[str, Tweet]) -> tuple[str, object]:
        if self._bad_source is not None:
            path, error = self._bad_source
            return str(path.relative_to(self.thread.path)), error
        if not self.thread.sources:
            return "", "no JSON file in its folder of the source"
        others = {path: tweet for tweet, path in self._path.items()}
        first = self.thread.sources[0]
        found = f"it holds {others[first]}" if first in others else "it holds another's"
        return str(first.relative_to(self.thread.path)), f"{found}, the folder names the source"

    def _tweets(self) -> dict[str, Tweet]:
        """Read the tweets by id, those of the source's folder first."""
        tweets: dict[str, Tweet] = {}
        unread = duplicates = 0
        for path in self.thread.tweets:
            try:
                tweet = self.parse(self.read(path))
            except BadJsonError as error:
                unread += 1
                self.report.repair(BAD_TWEET, f"{self._place(path)}: {error}")
                if path in self.thread.sources and self._bad_source is None:
                    self._bad_source = path, error
                continue
            if tweet.id in tweets:
                duplicates += 1
                self.report.repair(DUPLICATE, self._place(path))
                continue
            tweets[tweet.id] = tweet
            self._path[tweet.id] = path
        for path in self.unread():
            self.report.repair(UNREAD, self._place(path))
        self.report.count("tweet_files", len(self.thread.tweets))
        self.report.count("duplicate_tweet_files", duplicates)
        self.report.count("distinct_posts", len(tweets) + unread)
        self._drop(unread, "unreadable")
        self._judge(tweets.values())
        return tweets

    def _judge(self, tweets: Collection[Tweet]) -> None:
        """Report what posts lack."""
        self.report.count(
            "posts_without_profile", sum(tweet.profile is None for tweet in tweets)
        )
        self.repair("post without a text", sum(not tweet.text for tweet in tweets))
        self.repair("post without a user (0 is stored)", sum(not tweet.user for tweet in tweets))
        for tweet in tweets:
            if tweet.truncated:
                self._tell(TRUNCATED, tweet)
            if tweet.seconds is not None and is_odd(tweet.seconds):
                self._tell(ODD_DATE, tweet)

    def _structure(self) -> Structure:
        path = self.thread.structure
        if path is None:
            self.report.count("threads_without_structure")
            return Structure({}, 0, 0)
        try:
            structure = parse_structure(self.read(path))
        except BadJsonError as error:
            self.report.repair(
                "structure.json that cannot be read (posts attached to the tweets they reply to)",
                f"{self._place(path)}: {error}",
            )
            return Structure({}, 0, 0)
        self.repair("id that stands twice in structure.json", structure.repeated, path.name)
        self.repair("place in structure.json that holds no ids", structure.odd, path.name)
        return structure

    def _compare(self, tweets: Mapping[str, Tweet], structure: Structure) -> None:
        """Report where the structure and the tweets do not fit together."""
        source = self.thread.id
        # A file that cannot be read has been reported as such.
        files = {path.name.split(".")[0] for path in self.thread.tweets}
        missing = sum(tweet not in tweets and tweet not in files for tweet in structure.parent)
        roots = sum(
            above is None and tweet != source for tweet, above in structure.parent.items()
        )
        name = "" if self.thread.structure is None else self.thread.structure.name
        self.repair(WITHOUT_TWEET, missing, name)
        self.repair(SEVERAL_ROOTS, roots, name)
        for tweet in tweets.values():
            placed = structure.parent.get(tweet.id)
            if placed is not None and tweet.answers not in (None, placed) and tweet.id != source:
                below = _parent(tweet, tweets, structure)
                self._tell(DISAGREES if below == placed else FLAT, tweet)

    def _arrange(self, tweets: Mapping[str, Tweet], structure: Structure) -> Arranged:
        given = list(tweets.values())
        number = {tweet: place for place, tweet in enumerate(tweets)}
        parent = [number.get(_parent(post, tweets, structure) or "", -1) for post in given]
        source = number[self.thread.id]
        if self.adopts:
            self._adopt(parent, given, number, structure)
        # A post without a date is before any other, so that it gets its parent's time.
        seconds = [-inf if post.seconds is None else post.seconds for post in given]
        arranged = arrange(parent, seconds, source)
        for lost in sorted(set(range(len(given))) - set(arranged.post)):
            orphan = parent[lost] < 0
            self._drop(1, "without_parent" if orphan else "below_dropped")
            self._tell(NO_PARENT if orphan else UNREACHABLE, given[lost])
        for moved in arranged.moved:
            self._tell(UNDATED if given[moved].seconds is None else MOVED, given[moved])
        return arranged

    def _adopt(
        self,
        parent: list[int],
        given: Sequence[Tweet],
        number: Mapping[str, int],
        structure: Structure,
    ) -> None:
        """Give a parent to every post that has none, but to the source."""
        for place, post in enumerate(given):
            if parent[place] < 0 and post.id != self.thread.id:
                above = structure.parent.get(post.id)
                while above is not None and above not in number:
                    above = structure.parent.get(above)
                parent[place] = number[above or self.thread.id]
                self._tell(ADOPTED, post)

    def read(self, path: Path) -> Any:
        """Read a JSON file; mended signs go into the report.

        Raises:
            BadJsonError: it cannot be read.
        """
        value, mended = read_json(path)
        self.report.repair(MENDED, self._place(path), mended)
        return value

    def repair(self, reason: str, number: int = 1, name: str = "") -> None:
        """Report repairs of the thread, or of one of its files."""
        if number:
            self.report.repair(reason, self._place(self.thread.path / name), number)

    def _drop(self, posts: int, why: str) -> None:
        self.report.count(f"posts_dropped_{why}", posts)

    def _tell(self, reason: str, tweet: Tweet) -> None:
        self.report.repair(reason, self._place(self._path[tweet.id]))

    def _place(self, path: Path) -> str:
        return readable(str(path.relative_to(self._root)))


def _parent(post: Tweet, tweets: Mapping[str, Tweet], structure: Structure) -> str | None:
    """Return the id of what a post is attached to.

    A structure that puts every post below the source was hardly made from the tweets: there what
    they say counts, unless one says that it replies to a later one, which could lead in a circle.
    """
    placed = structure.parent.get(post.id)
    answered = tweets.get(post.answers or "")
    if placed and structure.flat and answered is not None and _age(answered) < _age(post):
        return answered.id
    return placed or post.answers


def _age(post: Tweet) -> tuple[float, int, str]:
    return (-inf if post.seconds is None else post.seconds), len(post.id), post.id
