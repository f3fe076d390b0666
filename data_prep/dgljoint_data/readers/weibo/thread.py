"""From the file of one Weibo thread to a cascade, every post accounted for."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta, timezone

import numpy as np

from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import ReadReport
from dgljoint_data.features.user import SPEC as USER
from dgljoint_data.features.user import Profile, profile_rows
from dgljoint_data.readers.common.arrange import arrange
from dgljoint_data.readers.common.dates import ODD_DATE, BadDateError, is_odd, unix_seconds
from dgljoint_data.readers.common.json_text import BadJsonError, id_text, shown
from dgljoint_data.readers.common.tweet_fields import parse_profile
from dgljoint_data.readers.common.user_number import user_number

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

CHINA = timezone(timedelta(hours=8))  # the site shows its times in no other
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
    seconds = post_seconds(value, "t")
    return Post(
        id=post,
        parent=parent,
        user=user_number(value.get("uid")),
        seconds=seconds,
        text=own_words(text),
        # What Twitter keeps in an object of its own stands beside the post here.
        profile=parse_profile(value, seconds, "user_created_at"),
    )


def own_words(text: str) -> str:
    """Return the text of a post; ``""`` for what the site puts there when somebody has no words."""
    words = text.strip(_BLANK)
    # Not a text of nothing but signs: those are somebody's own.
    return "" if (words.rstrip(".。!！") or words).lower() in _PLAIN_REPOSTS else text


def post_seconds(value: dict[str, object], key: str) -> float:
    """Return the Unix time of a post; one without a zone is China's.

    Raises:
        BadJsonError: there is none.
    """
    try:
        return unix_seconds(value.get(key), zone=CHINA)
    except BadDateError as error:
        raise BadJsonError(f"a post without a time: {key}: {error}") from error


@dataclass(frozen=True, slots=True)
class Thread:
    """The posts of one file.

    Attributes:
        posts: by id, in the order of the file.
        source: id of the source; ``None`` when every post has a parent.
    """

    posts: dict[str, Post]
    source: str | None


def parse_thread(
    value: object, name: str, report: ReadReport, *,
    parse: Callable[[object], Post] = parse_post, before: Sequence[Post] = (),
) -> Thread:
    """Take the posts from a thread's file; what is odd goes into the report.

    Args:
        value: of the file.
        name: of the file, for the report.
        report: filled.
        parse: takes a post from an entry, or raises :class:`BadJsonError`.
        before: posts of the thread from another file.

    Raises:
        BadJsonError: it is no array.
    """
    if not isinstance(value, list):
        raise BadJsonError(f"no thread: {type(value).__name__}, expected an array")
    posts = {post.id: post for post in before}
    unread = duplicates = 0
    for place, entry in enumerate(value):
        try:
            post = parse(entry)
        except BadJsonError as error:
            unread += 1
            report.repair(BAD_POST, f"{name}[{place}]: {error}")
            continue
        if post.id in posts:
            duplicates += 1
            report.repair(DUPLICATE, f"{name}[{place}]: {post.id}")
            continue
        posts[post.id] = post
        report.repair(ODD_DATE, f"{name}[{place}]: {post.id}", int(is_odd(post.seconds)))
    report.count("posts_in_files", len(value) + len(before))
    report.count("duplicate_posts", duplicates)
    report.count("distinct_posts", len(posts) + unread)
    report.count("posts_dropped_unreadable", unread)
    source = next((post.id for post in posts.values() if post.parent is None), None)
    return Thread(posts, source)


def make_cascade(
    thread: str, label: str, read: Thread, name: str, report: ReadReport, *,
    listed: Set[str] = frozenset(), profiles: bool = True,
) -> Cascade:
    """Bring a thread with a source into order.

    Args:
        thread: its id.
        label: its class.
        read: its posts.
        name: of its file, for the report.
        report: filled.
        listed: ids of its posts by the release's list; empty when the list gives none.
        profiles: whether what is said of authors is a feature.
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
        features={USER.name: profile_rows([post.profile for post in posts])} if profiles else {},
    )


def _kind(post: Post) -> Kind:
    """Say how a post entered: the files do not tell a repost with words from a comment."""
    return Kind.QUOTE if post.text else Kind.RETWEET
