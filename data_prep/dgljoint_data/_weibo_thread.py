"""From the file of one Weibo thread to a cascade, every post accounted for."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from dgljoint.cascade import Cascade, Kind
from dgljoint.reading import ReadReport
from dgljoint_data._arrange import arrange
from dgljoint_data._json import BadJsonError, id_text, shown
from dgljoint_data._pheme_files import parse_profile
from dgljoint_data.features.user import SPEC as USER
from dgljoint_data.features.user import Profile, profile_rows

BAD_POST = "post that cannot be read"
DUPLICATE = "post that stands twice (the first is kept)"
NO_PARENT = "post whose parent is not in the thread"
SECOND_SOURCE = "post without a parent beside the source"
UNREACHABLE = "post below one that is left out"
MOVED = "post dated before its parent (given its parent's time)"
NOT_THERE = "id in the list without a post"
NOT_LISTED = "post that is not in the list"
NO_TEXT = "source post without a text"
NO_USER = "post without a user (0 is stored)"

_LATEST_SECONDS = 10**10  # three centuries; a time in milliseconds is later
# What the site puts where somebody reposts without a word.
_PLAIN_REPOSTS = frozenset(("", "转发微博", "轉發微博", "转发", "轉發", "repost"))
_BLANK = " \t\r\n\xa0\u3000\u200b"


@dataclass(frozen=True, slots=True)
class Post:
    """What a cascade needs of a post.

    Attributes:
        id: of the post.
        parent: the post that it reposts or answers; ``None`` for a source.
        user: 0 when it is not said.
        seconds: when it was posted, in Unix time.
        text: its own words; ``""`` for a repost without any.
        profile: of its author; ``None`` when nothing is said of one.
    """

    id: str
    parent: str | None
    user: int
    seconds: float
    text: str
    profile: Profile | None


def parse_post(value: object) -> Post:
    """Take a post from an entry of a thread's file.

    Raises:
        BadJsonError: it is no object, or has no id, no time, or something else for a parent.
    """
    if not isinstance(value, dict):
        raise BadJsonError(f"no post: {type(value).__name__}, expected an object")
    post = id_text(value.get("mid"), value.get("id"))
    if post is None:
        raise BadJsonError("a post without an id")
    above = value.get("parent")
    parent = id_text(above)
    if parent is None and above not in (None, ""):
        raise BadJsonError(f"parent is {shown(above)}, expected an id or null")
    texts = (value.get("text"), value.get("original_text"))
    text = next((words for words in texts if isinstance(words, str)), "")
    seconds = _seconds(value.get("t"))
    return Post(
        id=post,
        parent=parent,
        user=int(id_text(value.get("uid")) or 0),
        seconds=seconds,
        text="" if _is_plain_repost(text) else text,
        # What Twitter keeps in an object of its own stands beside the post here.
        profile=parse_profile(value, seconds, "user_created_at"),
    )


def _is_plain_repost(text: str) -> bool:
    words = text.strip(_BLANK)
    # Not a text of nothing but signs: those are somebody's own.
    return (words.rstrip(".。!！") or words).lower() in _PLAIN_REPOSTS


def _seconds(value: object) -> float:
    """Return a Unix time given as a number or as its digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1
    if not 0 <= number < _LATEST_SECONDS:
        raise BadJsonError(f"a post without a time: t is {shown(value)}")
    return float(number)


@dataclass(frozen=True, slots=True)
class Thread:
    """The posts of one file.

    Attributes:
        posts: by id, in the order of the file.
        source: id of the source; ``None`` when every post has a parent.
    """

    posts: dict[str, Post]
    source: str | None


def parse_thread(value: object, name: str, report: ReadReport) -> Thread:
    """Take the posts from a thread's file; what is odd goes into the report.

    Raises:
        BadJsonError: it is no array.
    """
    if not isinstance(value, list):
        raise BadJsonError(f"no thread: {type(value).__name__}, expected an array")
    posts: dict[str, Post] = {}
    source = None
    unread = duplicates = 0
    for place, entry in enumerate(value):
        try:
            post = parse_post(entry)
        except BadJsonError as error:
            unread += 1
            report.repair(BAD_POST, f"{name}[{place}]: {error}")
            continue
        if post.id in posts:
            duplicates += 1
            report.repair(DUPLICATE, f"{name}[{place}]: {post.id}")
            continue
        posts[post.id] = post
        if post.parent is None and source is None:
            source = post.id
    report.count("posts_in_files", len(value))
    report.count("posts_without_profile", sum(post.profile is None for post in posts.values()))
    report.count("duplicate_posts", duplicates)
    report.count("distinct_posts", len(posts) + unread)
    report.count("posts_dropped_unreadable", unread)
    return Thread(posts, source)


def make_cascade(
    thread: str, label: str, read: Thread, listed: Set[str], name: str, report: ReadReport
) -> Cascade:
    """Bring a thread with a source into order.

    Args:
        thread: its id.
        label: its class.
        read: its posts.
        listed: ids of its posts by the release's list; empty when the list gives none.
        name: of its file, for the report.
        report: filled.
    """
    given = list(read.posts.values())
    number = {post: place for place, post in enumerate(read.posts)}
    source = next(place for place, post in enumerate(given) if post.id == read.source)
    parent = [number.get(post.parent or "", -1) for post in given]
    arranged = arrange(parent, [post.seconds for post in given], source)
    for lost in sorted(set(range(len(given))) - set(arranged.post)):
        post = given[lost]
        orphan = parent[lost] < 0
        report.count(f"posts_dropped_{'without_parent' if orphan else 'below_dropped'}")
        reason = UNREACHABLE if not orphan else NO_PARENT if post.parent else SECOND_SOURCE
        report.repair(reason, f"{name}: {post.id}")
    for moved in arranged.moved:
        report.repair(MOVED, f"{name}: {given[moved].id}")
    if listed:
        report.repair(NOT_THERE, name, len(listed - read.posts.keys()))
        report.repair(NOT_LISTED, name, len(read.posts.keys() - listed))
    posts = [given[place] for place in arranged.post]
    report.repair(NO_TEXT, name, int(not posts[0].text))
    report.repair(NO_USER, name, sum(not post.user for post in posts))
    return Cascade(
        id=thread,
        event="",
        label=label,
        posted_at=int(posts[0].seconds),
        post_id=[post.id for post in posts],
        parent=arranged.parent,
        user=np.array([post.user for post in posts], np.int64),
        delay_seconds=arranged.seconds - arranged.seconds[0],
        kind=np.array([Kind.SOURCE, *map(_kind, posts[1:])], np.uint8),
        text=[post.text for post in posts],
        features={USER.name: profile_rows([post.profile for post in posts])},
    )


def _kind(post: Post) -> Kind:
    """Say how a post entered: the files do not tell a repost with words from a comment."""
    return Kind.QUOTE if post.text else Kind.RETWEET
