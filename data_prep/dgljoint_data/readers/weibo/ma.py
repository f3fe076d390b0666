"""Cascades from the Weibo threads of Ma et al. (2016): a list, and one file per thread."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint_data.readers.common import raw, values
from dgljoint_data.readers.common.posts import NO_TEXT, NO_USER, Post, make_cascade, parse_profile
from dgljoint_data.workers import Spread, read_each

LIST = "Weibo.txt"
THREADS = "Weibo"

_CLASSES = {"0": "non-rumor", "1": "rumor"}
_LINE = re.compile(r"\s*eid\s*:\s*([0-9]{1,19})\s+label\s*:\s*(\S+)\s*", re.IGNORECASE)
_FILE = re.compile(r"([0-9]{1,19})\.json(?:\.gz)?", re.IGNORECASE)
BAD_POST = "post that cannot be read"
BAD_THREAD = "thread that cannot be read"
DUPLICATE = "post that occurs twice (the first is kept)"
SECOND_SOURCE = "post without a parent next to the source"

_CHINA = timezone(timedelta(hours=8))  # the site shows its times in no other
# What the site writes where somebody reposts without a word.
_PLAIN_REPOSTS = frozenset(("", "转发微博", "轉發微博", "转发", "轉發", "repost"))
_BLANK = " \t\r\n\xa0\u3000\u200b"


class _Thread(NamedTuple):
    """A thread of the list: its class, line and the ids of its posts, and its file."""

    id: str
    label: str
    line: int
    listed: str
    file: Path | None


class MaReader:
    """Reads the release of a list and a folder of threads."""

    def __init__(self, index: Path, threads: Path) -> None:
        self.folder = index.parent
        self._index = index
        self._threads = threads

    @staticmethod
    def find(folder: Path) -> MaReader | None:
        """Return the reader of a release in a folder; copies of it write the names in any case."""
        # The published spelling goes first where there are two.
        found = sorted(raw.entries(folder), key=lambda path: path.name not in (LIST, THREADS))
        index = [path for path in found if path.name.lower() == LIST.lower() and path.is_file()]
        threads = [path for path in found if path.name.lower() == THREADS.lower() and path.is_dir()]
        return MaReader(index[0], threads[0]) if index and threads else None

    def fingerprint(self) -> str:
        """Return a digest of the list and of the threads' files."""
        files = self._files(ReadReport()).values()
        return raw.digest_files([self._index, *files], self.folder)

    def read_in_parts(self, report: ReadReport, spread: Spread) -> Iterator[Cascade]:
        """Yield the threads in the order of the list, their files read by ``spread``."""
        labels, refused = raw.read_labels(
            self._index, _split, _CLASSES, report, bad="not a line of a thread",
            again="thread listed twice (the first line is kept)",
        )
        files = self._files(report)
        lines = raw.read_lines(self._index)
        listed = [
            _Thread(thread, label, line, _LINE.sub("", lines[line - 1], count=1), files.get(thread))
            for thread, (label, line) in labels.items()
        ]
        del lines
        yield from read_each(spread, self._read_thread, listed, report)
        for thread, path in files.items():
            if thread in labels:
                continue
            name = self._name(thread, path)
            if thread not in refused:
                report.count(THREADS_MET)
                report.refuse("thread without a label", name)
            try:
                posts = parse_thread(values.read_json(path)[0], name, report)
            except values.BadJsonError:  # its posts are not known
                continue
            report.count("posts_dropped_with_thread", len(posts))

    def _name(self, thread: str, file: Path | None) -> str:
        """Name the file of a thread, from the release's folder on, whether it is there or not."""
        return f"{self._threads.name}/{file.name if file else f'{thread}.json'}"

    def _files(self, report: ReadReport) -> dict[str, Path]:
        """Return the threads' files by thread, by their names; other files are reported."""
        found: dict[str, Path] = {}
        other = []
        for path in raw.entries(self._threads):
            named = _FILE.fullmatch(path.name)
            if named and named[1] not in found and not path.is_dir():
                found[named[1]] = path
            else:
                other += (path.is_dir() and raw.entries(path)) or [path]
        raw.count_unread(other, self.folder, "other files among the threads", report)
        return found

    def _read_thread(self, thread: _Thread, report: ReadReport) -> Cascade | None:
        name = self._name(thread.id, thread.file)
        try:
            value, mended = values.read_json(thread.file or self._threads / f"{thread.id}.json")
            report.repair(values.MENDED, name, mended)
            posts = parse_thread(value, name, report)
        except values.BadJsonError as error:
            where = f"{self._index.name}:{thread.line}"
            report.refuse(BAD_THREAD, name, detail=f"{error} (listed at {where})")
            return None
        without = sum(post.profile is None for post in posts.values())
        report.count("posts_without_profile", without)
        source = next((post.id for post in posts.values() if post.parent is None), None)
        if source is None:
            report.count("posts_dropped_with_thread", len(posts))
            report.refuse("thread without a source post", name)
            return None
        cascade = arrange_thread(
            thread.id, thread.label, posts, source, name, report, profiles=True
        )
        if listed := set(thread.listed.split()):
            report.repair("id in the list without a post", name, len(listed - posts.keys()))
            report.repair("post that is not in the list", name, len(posts.keys() - listed))
        return cascade


def _split(line: str) -> tuple[str, str]:
    match = _LINE.match(line)
    return (match[2], match[1]) if match else ("", "")


def make_post(
    value: dict[str, object], post: str, parent: str | None, user: object, date: str,
    texts: Sequence[str] = ("text",), *, profile: bool = False,
) -> Post:
    """Make a post from its object, by keys of date and texts. Raise BadJsonError for no date."""
    seconds = values.date_of(value, date, "a post without a time", _CHINA)
    found = (value.get(key) for key in texts)
    text = _own_words(next((words for words in found if isinstance(words, str)), ""))
    return Post(
        id=post,
        parent=parent,
        user=values.user_number(user),
        seconds=seconds,
        # The files do not distinguish a repost with words from a comment.
        kind=Kind.QUOTE if text else Kind.RETWEET,
        text=text,
        profile=parse_profile(value, seconds, "user_created_at") if profile else None,
    )


def parse_post(value: object) -> Post:
    """Take a post from an entry of a file of 2016. Raise BadJsonError if it is none."""
    if not isinstance(value, dict):
        raise values.BadJsonError(f"no post: {type(value).__name__}, expected an object")
    post = values.id_text(value.get("mid"), value.get("id"))
    if post is None:
        raise values.BadJsonError("a post without an id")
    above = value.get("parent")
    parent = values.id_text(above)
    if parent is None and above not in (None, ""):
        raise values.BadJsonError(f"parent is {values.shown(above)}, expected an id or null")
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
    """Take the posts by id, after those ``before``. Raise BadJsonError if it is no array."""
    if not isinstance(value, list):
        raise values.BadJsonError(f"no thread: {type(value).__name__}, expected an array")
    posts = {post.id: post for post in before}
    unread = duplicates = 0
    for place, entry in enumerate(value):
        try:
            post = parse(entry)
        except values.BadJsonError as error:
            unread += 1
            report.repair(BAD_POST, f"{name}[{place}]: {error}")
            continue
        if post.id in posts:
            duplicates += 1
            report.repair(DUPLICATE, f"{name}[{place}]: {post.id}")
            continue
        posts[post.id] = post
        odd = values.is_odd(post.seconds or 0)
        report.repair(values.ODD_DATE, f"{name}[{place}]: {post.id}", int(odd))
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
