"""From the files of PHEME threads to cascades."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from dgljoint.data.cascade import Cascade, Target
from dgljoint.data.reading import THREADS_MET, ReadReport, first_of
from dgljoint.errors import DataError
from dgljoint_data.readers.common import thread_folders as folders
from dgljoint_data.readers.common.posts import Post, make_cascade, report_lacks
from dgljoint_data.readers.common.raw import readable
from dgljoint_data.readers.common.tweets import parse_tweet
from dgljoint_data.readers.common.values import MENDED, BadJsonError, read_json
from dgljoint_data.workers import Spread, read_each

BAD_TWEET = "tweet that cannot be read"
DUPLICATE = "another file of a tweet (the first is kept)"
ADOPTED = "post whose parent is not in the thread (attached to the nearest above that is)"
WITHOUT_TWEET = "id in structure.json without a tweet file"
SEVERAL_ROOTS = "root in structure.json that is not the source"
DISAGREES = "place in structure.json is not below the tweet replied to (structure.json counts)"
FLAT = "reply that a flat structure.json puts below the source (attached to what it replies to)"
OUTSIDE = "post in no structure.json (attached to the tweet it replies to)"
BAD_STRUCTURE = "structure.json that cannot be read (posts attached to the tweets they reply to)"
UNREAD = "JSON file in a thread's folder that is none of the format (not read)"


class RefusedError(Exception):
    """A thread is left out: the reason, where in its folder, and what was found."""

    def __init__(self, reason: str, where: str = "", why: object = "") -> None:
        super().__init__(reason, where, str(why))


def read_threads(
    release: folders.Release, source: Path | None, report: ReadReport, spread: Spread,
    make: Callable[[folders.Thread, ReadReport], ThreadFiles],
) -> Iterator[Cascade]:
    """Yield the threads of a release by folder. Raise DataError if none can be read."""
    # A thread may be in several places; the first that can be read counts: one part's work.
    places: dict[str, list[folders.Place]] = {}
    for place in release.places:
        report.count(THREADS_MET)
        places.setdefault(place.id, []).append(place)
    yield from read_each(spread, partial(_read_thread, make), list(places.values()), report)
    if "threads" not in report.counts:
        raise DataError(f"{source} holds no readable thread{first_of(report.refusals)}")


def _read_thread(
    make: Callable[[folders.Thread, ReadReport], ThreadFiles], places: Sequence[folders.Place],
    report: ReadReport,
) -> Cascade | None:
    read: Cascade | None = None
    for place in places:
        files = make(folders.list_thread(place, report), report)
        cascade = files.cascade(again=read is not None)
        if cascade is not None:
            report.count("threads")
            read = cascade
    return read


class ThreadFiles:
    """Reads one thread; places in the report start from the root.

    If it ``adopts``, a post whose parent is not there is attached to the nearest one above.
    """

    adopts = False

    def __init__(self, root: Path, thread: folders.Thread, report: ReadReport) -> None:
        self.thread = thread
        self.report = report
        self._root = root
        self._folder = Path(thread.place.path)
        self._path: dict[str, Path] = {}
        self._bad_source: tuple[Path, BadJsonError] | None = None

    def label(self) -> str | None:
        """Return the label of the thread, or raise RefusedError for one to be left out."""
        return None

    def parse(self, value: object) -> Post:
        """Take a post from the content of a file, or raise BadJsonError."""
        return parse_tweet(value)

    def event(self) -> str:
        """Return the event of the thread."""
        return self.thread.place.event

    def targets(self, posts: Sequence[Post]) -> dict[str, Target]:
        """Return the labels of other tasks, of the thread or of its posts in their order."""
        return {}

    def unread(self) -> Sequence[Path]:
        """Return the JSON files of the thread that are not read."""
        return self.thread.unread

    def cascade(self, *, again: bool) -> Cascade | None:
        """Return the cascade; ``None`` if it is refused, as one read before (``again``) is."""
        posts = self._posts()
        try:
            self._check(posts, again=again)
            label = self.label()
        except RefusedError as refused:
            self.report.count("posts_dropped_with_thread", len(posts))
            reason, where, why = refused.args
            self.report.refuse(reason, self._place(self._folder / where), detail=why)
            return None
        structure = self._structure()
        self._compare(posts, structure)
        cascade = make_cascade(
            self.thread.place.id, posts, self.thread.place.id, label, self.report,
            where=self._where, event=self.event(), targets=self.targets,
            above=lambda post: self._above(post, posts, structure),
        )
        for post in cascade.post_id[1:] if structure.parent else ():
            if post not in structure.parent:
                self.report.repair(OUTSIDE, self._where(posts[post]))
        return cascade

    def _posts(self) -> dict[str, Post]:
        """Read the posts by id, those of the source's folder first."""
        posts: dict[str, Post] = {}
        unread = duplicates = 0
        for path in self.thread.tweets:
            try:
                post = self.parse(self.read(path))
            except BadJsonError as error:
                unread += 1
                self.report.repair(BAD_TWEET, f"{self._place(path)}: {error}")
                if path in self.thread.sources and self._bad_source is None:
                    self._bad_source = path, error
                continue
            if post.id in posts:
                duplicates += 1
                self.report.repair(DUPLICATE, self._place(path))
                continue
            posts[post.id] = post
            self._path[post.id] = path
            report_lacks(post, self._place(path), self.report)
        for path in self.unread():
            self.report.repair(UNREAD, self._place(path))
        self.report.count("tweet_files", len(self.thread.tweets))
        self.report.count("duplicate_tweet_files", duplicates)
        self.report.count("distinct_posts", len(posts) + unread)
        self.report.count("posts_dropped_unreadable", unread)
        return posts

    def _check(self, posts: Mapping[str, Post], *, again: bool) -> None:
        source = self.thread.place.id
        if again:
            raise RefusedError("thread that occurs twice")
        if source not in posts:
            raise RefusedError("thread without its source tweet", *self._why_no_source())
        if posts[source].seconds is None:
            raise RefusedError("thread whose source has no date")
        if self.thread.replies is None:
            self.repair("thread without a folder of replies")

    def _why_no_source(self) -> tuple[str, object]:
        if self._bad_source is not None:
            path, error = self._bad_source
            return str(path.relative_to(self._folder)), error
        if not self.thread.sources:
            return "", "no JSON file in its folder of the source"
        others = {path: tweet for tweet, path in self._path.items()}
        first = self.thread.sources[0]
        found = f"it holds {others[first]}" if first in others else "it holds another's"
        return str(first.relative_to(self._folder)), f"{found}, the folder names the source"

    def _structure(self) -> Structure:
        path = self.thread.parts.get(folders.STRUCTURE)
        if path is None:
            self.report.count("threads_without_structure")
            return Structure({}, 0, 0)
        try:
            structure = parse_structure(self.read(path))
        except BadJsonError as error:
            self.report.repair(BAD_STRUCTURE, f"{self._place(path)}: {error}")
            return Structure({}, 0, 0)
        self.repair("id that occurs twice in structure.json", structure.repeated, path.name)
        self.repair("place in structure.json that holds no ids", structure.odd, path.name)
        return structure

    def _compare(self, posts: Mapping[str, Post], structure: Structure) -> None:
        source = self.thread.place.id
        # A file that cannot be read has been reported as such.
        files = {path.name.split(".")[0] for path in self.thread.tweets}
        missing = sum(tweet not in posts and tweet not in files for tweet in structure.parent)
        roots = sum(above is None and tweet != source for tweet, above in structure.parent.items())
        path = self.thread.parts.get(folders.STRUCTURE)
        name = "" if path is None else path.name
        self.repair(WITHOUT_TWEET, missing, name)
        self.repair(SEVERAL_ROOTS, roots, name)
        for post in posts.values():
            placed = structure.parent.get(post.id)
            if placed is not None and post.parent not in (None, placed) and post.id != source:
                below = _parent(post, posts, structure)
                self.report.repair(DISAGREES if below == placed else FLAT, self._where(post))

    def _above(self, post: Post, posts: Mapping[str, Post], structure: Structure) -> str | None:
        parent = _parent(post, posts, structure)
        if parent in posts or not self.adopts or post.id == self.thread.place.id:
            return parent
        above = structure.parent.get(post.id)
        while above is not None and above not in posts:
            above = structure.parent.get(above)
        self.report.repair(ADOPTED, self._where(post))
        return above or self.thread.place.id

    def read(self, path: Path) -> Any:
        """Read a JSON file; mended characters are reported. Raise BadJsonError if it is none."""
        value, mended = read_json(path)
        self.report.repair(MENDED, self._place(path), mended)
        return value

    def repair(self, reason: str, number: int = 1, name: str = "") -> None:
        """Report repairs of the thread, or of one of its files."""
        self.report.repair(reason, self._place(self._folder / name), number)

    def _where(self, post: Post) -> str:
        return self._place(self._path[post.id])

    def _place(self, path: Path) -> str:
        return readable(str(path.relative_to(self._root)))


@dataclass(frozen=True, slots=True)
class Structure:
    """The parents of the ids of a thread's ``structure.json``; ``None`` for a root.

    ``repeated`` counts further places of ids, ``odd`` places without ids or ``[]``.
    """

    parent: dict[str, str | None]
    repeated: int
    odd: int

    @property
    def flat(self) -> bool:
        """Whether every id is a root or directly below one."""
        return all(above is None or self.parent[above] is None for above in self.parent.values())


def parse_structure(value: object) -> Structure:
    """Unfold the nested ids: an inner node is an object, a leaf ``[]``."""
    if not isinstance(value, dict):
        raise BadJsonError(f"no structure: {type(value).__name__}, expected an object")
    parent: dict[str, str | None] = {}
    repeated = odd = 0
    left: deque[tuple[str | None, object]] = deque([(None, value)])
    while left:
        above, below = left.popleft()
        if isinstance(below, dict):
            for tweet, inner in below.items():
                repeated += tweet in parent
                parent.setdefault(tweet, above)
                left.append((tweet, inner))
        elif below != []:
            odd += 1
    return Structure(parent, repeated, odd)


def _parent(post: Post, posts: Mapping[str, Post], structure: Structure) -> str | None:
    """Return what a post is attached to; in a flat structure the tweet replied to, if earlier."""
    placed = structure.parent.get(post.id)
    answered = posts.get(post.parent or "")
    if placed and structure.flat and answered is not None and _age(answered) < _age(post):
        return answered.id
    return placed or post.parent


def _age(post: Post) -> tuple[float, int, str]:
    return (-inf if post.seconds is None else post.seconds), len(post.id), post.id
