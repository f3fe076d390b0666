"""Posts of Weibo threads, read from JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta, timezone

from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import ReadReport
from dgljoint_data.readers.common.posts import NO_TEXT, NO_USER, Post, make_cascade, parse_profile
from dgljoint_data.readers.common.values import (
    ODD_DATE,
    BadJsonError,
    date_of,
    id_text,
    is_odd,
    shown,
    user_number,
)

BAD_POST = "post that cannot be read"
BAD_THREAD = "thread that cannot be read"
DUPLICATE = "post that stands twice (the first is kept)"
SECOND_SOURCE = "post without a parent beside the source"

_CHINA = timezone(timedelta(hours=8))  # the site shows its times in no other
# What the site writes where somebody reposts without a word.
_PLAIN_REPOSTS = frozenset(("", "转发微博", "轉發微博", "转发", "轉發", "repost"))
_BLANK = " \t\r\n\xa0\u3000\u200b"


def make_post(
    value: dict[str, object], post: str, parent: str | None, user: object, date: str,
    texts: Sequence[str] = ("text",), *, profile: bool = False,
) -> Post:
    """Make a post from its object, which may describe the author (``profile``) as well.

    Keys are those of its date, without a zone China's, and of its text; the first that is there
    counts. Raise BadJsonError if it has no date.
    """
    seconds = date_of(value, date, "a post without a time", _CHINA)
    found = (value.get(key) for key in texts)
    text = _own_words(next((words for words in found if isinstance(words, str)), ""))
    return Post(
        id=post,
        parent=parent,
        user=user_number(user),
        seconds=seconds,
        # The files do not distinguish a repost with words from a comment.
        kind=Kind.QUOTE if text else Kind.RETWEET,
        text=text,
        profile=parse_profile(value, seconds, "user_created_at") if profile else None,
    )


def parse_post(value: object) -> Post:
    """Take a post from an entry of a file of 2016. Raise BadJsonError if it is none."""
    if not isinstance(value, dict):
        raise BadJsonError(f"no post: {type(value).__name__}, expected an object")
    post = id_text(value.get("mid"), value.get("id"))
    if post is None:
        raise BadJsonError("a post without an id")
    above = value.get("parent")
    parent = id_text(above)
    if parent is None and above not in (None, ""):
        raise BadJsonError(f"parent is {shown(above)}, expected an id or null")
    texts = ("text", "original_text")
    return make_post(value, post, parent, value.get("uid"), "t", texts, profile=True)


def _own_words(text: str) -> str:
    """Return the text of a post; ``""`` for what the site writes where somebody has no words."""
    words = text.strip(_BLANK)
    # Not a text of punctuation alone: that is somebody's own.
    return "" if (words.rstrip(".。!！") or words).lower() in _PLAIN_REPOSTS else text


def parse_thread(
    value: object, name: str, report: ReadReport, *,
    parse: Callable[[object], Post] = parse_post, before: Sequence[Post] = (),
) -> dict[str, Post]:
    """Take the posts by id from the value of the file ``name``, in its order.

    ``parse`` takes a post from an entry, or raises BadJsonError; ``before`` are posts of the thread
    from another file. Raise BadJsonError if the value is no array.
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
        report.repair(ODD_DATE, f"{name}[{place}]: {post.id}", int(is_odd(post.seconds or 0)))
    report.count("posts_in_files", len(value) + len(before))
    report.count("duplicate_posts", duplicates)
    report.count("distinct_posts", len(posts) + unread)
    report.count("posts_dropped_unreadable", unread)
    return posts


def arrange_thread(
    thread: str, label: str, posts: dict[str, Post], source: str, name: str, report: ReadReport, *,
    profiles: bool,
) -> Cascade:
    """Bring the posts of the file ``name`` into order; with profiles as a feature or without."""
    cascade = make_cascade(
        thread, posts, source, label, report, where=lambda post: f"{name}: {post.id}",
        second_source=SECOND_SOURCE, profiles=profiles,
    )
    report.repair(f"source {NO_TEXT}", name, int(not cascade.text[0]))
    report.repair(NO_USER, name, int((cascade.user == 0).sum()))
    return cascade
