"""From the files of one PHEME thread to a cascade, every tweet accounted for."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dgljoint.cascade import Cascade, Kind
from dgljoint.reading import ReadReport
from dgljoint_data._arrange import Arranged, arrange
from dgljoint_data._dates import ODD_DATE, is_odd
from dgljoint_data._json import MENDED, BadJsonError, read_json
from dgljoint_data._pheme_files import Tweet, parse_structure, parse_tweet, parse_veracity
from dgljoint_data._pheme_layout import ANNOTATION, STRUCTURE, Thread, readable
from dgljoint_data.features import user

NON_RUMOR = "non-rumor"
LABEL_NAMES = {
    "veracity": ("false", "true", "unverified", NON_RUMOR),
    "rumor": ("rumor", NON_RUMOR),
    "veracity3": ("false", "true", "unverified"),
}

BAD_TWEET = "tweet that cannot be read"
DUPLICATE = "another file of a tweet (the first is kept)"
NO_PARENT = "post whose parent is not in the thread"
UNREACHABLE = "post below one that is left out"
WITHOUT_TWEET = "id in structure.json without a tweet file"
SEVERAL_ROOTS = "root in structure.json that is not the source"
DISAGREES = "place in structure.json is not below the tweet replied to (structure.json stands)"
OUTSIDE = "post in no structure.json (attached to the tweet it replies to)"
MOVED = "post dated before its parent (given its parent's time)"

Parents = Mapping[str, str | None]


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
    """

    def __init__(self, thread: Thread, root: Path, report: ReadReport) -> None:
        self._thread = thread
        self._root = root
        self._report = report
        self._path: dict[str, Path] = {}

    def cascade(self, labels: str, seen: Container[str]) -> Cascade | None:
        """Return the cascade, or ``None`` for a thread that is refused.

        Args:
            labels: a key of ``LABEL_NAMES``.
            seen: ids of the threads that were read before.
        """
        tweets = self._tweets()
        try:
            self._check(tweets, seen)
            label = self._label(labels)
        except RefusedError as refused:
            self._drop(len(tweets), "with_thread")
            where = self._place(self._thread.path / refused.where)
            self._report.refuse(refused.reason, where, detail=refused.why)
            return None
        structure = self._structure()
        self._compare(tweets, structure)
        arranged = self._arrange(tweets, structure)
        given = list(tweets.values())
        posts = [given[number] for number in arranged.post]
        if structure:
            for post in posts[1:]:
                if post.id not in structure:
                    self._tell(OUTSIDE, post)
        return Cascade(
            id=self._thread.id,
            event=self._thread.event,
            label=label,
            posted_at=posts[0].seconds,
            post_id=[post.id for post in posts],
            parent=arranged.parent,
            user=np.array([post.user for post in posts], np.int64),
            delay_seconds=arranged.seconds - arranged.seconds[0],
            kind=np.array([Kind.SOURCE] + [post.kind for post in posts[1:]], np.uint8),
            text=[post.text for post in posts],
            features={user.SPEC.name: user.profile_rows([post.profile for post in posts])},
        )

    def _check(self, tweets: Container[str], seen: Container[str]) -> None:
        if self._thread.id in seen:
            raise RefusedError("thread that stands twice")
        if self._thread.id not in tweets:
            raise RefusedError("thread without its source tweet")
        if self._thread.replies is None:
            self._repair("thread without a folder of replies")

    def _tweets(self) -> dict[str, Tweet]:
        """Read the tweets by id, those of the source's folder first."""
        tweets: dict[str, Tweet] = {}
        unread = duplicates = without_text = without_user = without_profile = 0
        for path in self._thread.tweets:
            try:
                tweet = parse_tweet(self._read(path))
            except BadJsonError as error:
                unread += 1
                self._report.repair(BAD_TWEET, f"{self._place(path)}: {error}")
                continue
            if tweet.id in tweets:
                duplicates += 1
                self._report.repair(DUPLICATE, self._place(path))
                continue
            tweets[tweet.id] = tweet
            self._report.repair(ODD_DATE, self._place(path), int(is_odd(tweet.seconds)))
            self._path[tweet.id] = path
            without_text += not tweet.text
            without_user += not tweet.user
            without_profile += tweet.profile is None
        self._report.count("tweet_files", len(self._thread.tweets))
        self._report.count("duplicate_tweet_files", duplicates)
        self._report.count("distinct_posts", len(tweets) + unread)
        self._report.count("posts_without_profile", without_profile)
        self._drop(unread, "unreadable")
        self._repair("post without a text", without_text)
        self._repair("post without a user (0 is stored)", without_user)
        return tweets

    def _label(self, labels: str) -> str | None:
        thread = self._thread
        annotation = self._annotation()
        if thread.rumour is None:
            return None
        if labels == "rumor":
            return "rumor" if thread.rumour else NON_RUMOR
        if not thread.rumour:
            if labels == "veracity3":
                raise RefusedError("non-rumour, which labels=veracity3 leaves out")
            return NON_RUMOR
        try:
            label = parse_veracity(annotation)
        except BadJsonError as error:
            raise RefusedError("annotation without a veracity", ANNOTATION, error) from error
        if label is None:
            self._repair("rumour whose veracity is not said (it gets no label)")
        return label

    def _annotation(self) -> dict[str, object]:
        if ANNOTATION not in self._thread.others:
            return {}
        try:
            annotation = self._read(self._thread.path / ANNOTATION)
        except BadJsonError as error:
            raise RefusedError("annotation that cannot be read", ANNOTATION, error) from error
        if not isinstance(annotation, dict):
            raise RefusedError("annotation that cannot be read", ANNOTATION, "no object")
        said, rumour = annotation.get("is_rumour"), self._thread.rumour
        if rumour is not None and said in ("rumour", "nonrumour") and rumour != (said == "rumour"):
            self._repair("annotation that contradicts its folder (the folder stands)")
        return annotation

    def _structure(self) -> Parents:
        if STRUCTURE not in self._thread.others:
            self._report.count("threads_without_structure")
            return {}
        try:
            structure = parse_structure(self._read(self._thread.path / STRUCTURE))
        except BadJsonError as error:
            place = self._place(self._thread.path / STRUCTURE)
            self._report.repair(
                "structure.json that cannot be read (posts attached to the tweets they reply to)",
                f"{place}: {error}",
            )
            return {}
        self._repair("id that stands twice in structure.json", structure.repeated, STRUCTURE)
        self._repair("place in structure.json that holds no ids", structure.odd, STRUCTURE)
        return structure.parent

    def _compare(self, tweets: Mapping[str, Tweet], structure: Parents) -> None:
        """Report where the structure and the tweets do not fit together."""
        source = self._thread.id
        # A file that cannot be read has been reported as such.
        files = {path.stem for path in self._thread.tweets}
        missing = sum(tweet not in tweets and tweet not in files for tweet in structure)
        roots = sum(above is None and tweet != source for tweet, above in structure.items())
        self._repair(WITHOUT_TWEET, missing, STRUCTURE)
        self._repair(SEVERAL_ROOTS, roots, STRUCTURE)
        for tweet in tweets.values():
            placed = structure.get(tweet.id)
            if placed is not None and tweet.answers not in (None, placed) and tweet.id != source:
                self._tell(DISAGREES, tweet)

    def _arrange(self, tweets: Mapping[str, Tweet], structure: Parents) -> Arranged:
        given = list(tweets.values())
        number = {tweet: place for place, tweet in enumerate(tweets)}
        parent = [number.get(structure.get(post.id) or post.answers or "", -1) for post in given]
        source = number[self._thread.id]
        arranged = arrange(parent, [post.seconds for post in given], source)
        for lost in sorted(set(range(len(given))) - set(arranged.post)):
            orphan = parent[lost] < 0
            self._drop(1, "without_parent" if orphan else "below_dropped")
            self._tell(NO_PARENT if orphan else UNREACHABLE, given[lost])
        for moved in arranged.moved:
            self._tell(MOVED, given[moved])
        return arranged

    def _read(self, path: Path) -> Any:
        value, mended = read_json(path)
        self._report.repair(MENDED, self._place(path), mended)
        return value

    def _drop(self, posts: int, why: str) -> None:
        self._report.count(f"posts_dropped_{why}", posts)

    def _tell(self, reason: str, tweet: Tweet) -> None:
        self._report.repair(reason, self._place(self._path[tweet.id]))

    def _repair(self, reason: str, number: int = 1, name: str = "") -> None:
        if number:
            self._report.repair(reason, self._place(self._thread.path / name), number)

    def _place(self, path: Path) -> str:
        return readable(str(path.relative_to(self._root)))
