"""Cascades from CED: source posts in one folder, what followed in two, one of each class.

A file is named ``<number>_<mid of the source>_<uid of its author>``; dates are China's. What is
known of an author is missing for some rumors only: it is counted and not stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint_data.readers.common import raw
from dgljoint_data.readers.common.posts import Post
from dgljoint_data.readers.common.values import MENDED, BadJsonError, read_json, shown
from dgljoint_data.readers.weibo.ma import BAD_THREAD, arrange_thread, make_post, parse_thread
from dgljoint_data.workers import Spread, read_each

SOURCES = "original-microblog"
REPOSTS = {"rumor-repost": "rumor", "non-rumor-repost": "non-rumor"}

_SUFFIXES = (".json", ".json.gz")
_NO_PROFILES = (
    "what is known of the authors is not stored: only source posts have it, and where it is "
    "missing that may show the class"
)


class _Thread(NamedTuple):
    name: str
    label: str
    source: Path
    reposts: Path


class CedReader:
    """Reads a folder of source posts, and one or two of what followed, by class."""

    def __init__(self, folder: Path, sources: Path, reposts: dict[str, Path]) -> None:
        self.folder = folder
        self._sources = sources
        self._reposts = reposts

    @staticmethod
    def find(folder: Path) -> CedReader | None:
        """Return the reader of a release in a folder; one with a single class is one."""
        found = {path.name.lower(): path for path in raw.entries(folder) if path.is_dir()}
        reposts = {label: found[name] for name, label in REPOSTS.items() if name in found}
        return CedReader(folder, found[SOURCES], reposts) if SOURCES in found and reposts else None

    def fingerprint(self) -> str:
        """Return a digest of all files of threads."""
        places = (self._sources, *self._reposts.values())
        files = [path for place in places for path in _threads(place).values()]
        return raw.digest_files(files, self.folder)

    def read_in_parts(self, report: ReadReport, spread: Spread) -> Iterator[Cascade]:
        """Yield the threads by class and name, their files read by ``spread``."""
        sources = _threads(self._sources)
        reposts = {label: _threads(place) for label, place in self._reposts.items()}
        classes = Counter(name for files in reposts.values() for name in files)
        threads = [
            _Thread(name, label, sources.get(name, self._sources / f"{name}.json"), path)
            for label, files in reposts.items() for name, path in files.items()
            if classes[name] == 1
        ]
        report.count(THREADS_MET, len(threads))
        yield from read_each(spread, partial(_read_thread, self.folder), threads, report)
        for name in sorted(classes):
            if classes[name] > 1:
                report.count(THREADS_MET)
                where = f"{self._sources.name}/{name}.json"
                report.refuse("several labels for one thread", where)
        for name, path in sources.items():
            if name not in classes:
                report.count(THREADS_MET)
                where = str(path.relative_to(self.folder))
                report.refuse("source post without a file of reposts, so without a label", where)
        report.note(_NO_PROFILES)
        read = {*sources.values()}.union(*(files.values() for files in reposts.values()))
        inside = (self._sources, *self._reposts.values())
        others = [
            path for path in raw.walk(self.folder)
            if path not in read and (path.parent in inside or _stem(path) is not None)
        ]
        raw.count_unread(others, self.folder, "other files of posts", report)


def _threads(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by the name of their thread."""
    found: dict[str, Path] = {}
    for path in raw.entries(folder):
        stem = _stem(path)
        if stem is not None:  # a folder of such a name is refused when it is read
            found.setdefault(stem, path)
    return found


def _stem(path: Path) -> str | None:
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return None


def _read_thread(folder: Path, thread: _Thread, report: ReadReport) -> Cascade | None:
    where, name = (str(path.relative_to(folder)) for path in (thread.source, thread.reposts))
    followed = 0
    try:
        reposts, mended = read_json(thread.reposts)
        report.repair(MENDED, name, mended)
        followed = len(reposts) if isinstance(reposts, list) else 0
        value, source = _source(thread, where, report)
        posts = parse_thread(
            reposts, name, report, parse=partial(_repost, source.id), before=[source]
        )
    except BadJsonError as error:
        report.refuse(BAD_THREAD, name, detail=str(error))
        for count in ("posts_in_files", "distinct_posts", "posts_dropped_with_thread"):
            report.count(count, followed)
        return None
    report.count("sources_without_profile", int(not isinstance(value.get("user"), dict)))
    return arrange_thread(thread.name, thread.label, posts, source.id, name, report, profiles=False)


def _source(thread: _Thread, where: str, report: ReadReport) -> tuple[dict[str, Any], Post]:
    """Read the source post from its file, whose name has its id and author."""
    try:
        value, mended = read_json(thread.source)
        report.repair(MENDED, where, mended)
        post, _, user = thread.name.partition("_")[2].rpartition("_")
        return value, make_post(_object(value), post or thread.name, None, user, "time")
    except BadJsonError as error:
        raise BadJsonError(f"its source post, {where}: {error}") from error


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadJsonError(f"{shown(value)}, expected an object")
    return value


def _repost(source: str, value: object) -> Post:
    if not isinstance(value, dict):
        raise BadJsonError(f"no post: {type(value).__name__}, expected an object")
    post, parent = value.get("mid"), value.get("parent")
    if type(post) is int:
        post = str(post)
    if not isinstance(post, str) or not post:
        raise BadJsonError("a post without an id")
    if not isinstance(parent, str) and parent is not None:
        raise BadJsonError(f"parent is {shown(parent)}, expected an id or nothing")
    return make_post(value, post, parent or source, value.get("uid"), "date")
