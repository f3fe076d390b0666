"""Reader of RumourEval 2017 and 2019: threads of Twitter and Reddit with stance and veracity.

Threads are read as PHEME's; the keys give the veracity of threads, and the stance of posts as the
target ``stance``: see ``docs/readers/rumoureval.md``. Comments that Reddit folded away are posts
without text, author and date. A thread of Reddit is an event of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

from dgljoint.config.options import NoOptions
from dgljoint.data.cascade import Cascade, Kind, Target
from dgljoint.data.reading import ReadReport
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint_data.readers.common import thread_folders as folders
from dgljoint_data.readers.common.posts import Post
from dgljoint_data.readers.common.raw import digest_files, readable
from dgljoint_data.readers.common.thread_files import ThreadFiles, read_threads
from dgljoint_data.readers.common.tweets import parse_tweet
from dgljoint_data.readers.common.values import BadJsonError, date_of, read_json, shown, user_number
from dgljoint_data.workers import Divided, Spread

STANCE = "stance"

# What Reddit's threads keep next to their posts: the page that those were cut from.
_PAGE = "raw.json"
STANCES = ("comment", "deny", "query", "support")
VERACITIES = ("false", "true", "unverified")

_MOST = 100  # files that are opened to find a key
_BIGGEST = 1 << 25  # bytes; a key has some hundred kilobytes
_ID = re.compile("[0-9a-z]{1,13}")
_SUBMISSION, _COMMENT = "t3", "t1"
# Comments that a page of Reddit does not show: who they answer is known, and no more.
_FOLDED = "more"
# No set: the author in a damaged file may have no hash.
_GONE = ("[deleted]", "[removed]")


class RumourEvalReader(Divided):
    """Reads the threads of a folder and the keys in it; the report counts as pheme's does."""

    label_names: tuple[str, ...] = VERACITIES

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the threads' files and of the keys."""
        release = folders.find_release(source, ReadReport())
        keys = read_keys(release.outside, release.start, ReadReport())
        return digest_files([*release.files(), *keys.files], release.start)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the threads by the names of their folders, at any depth."""
        release = folders.find_release(source, report)
        keys = read_keys(release.outside, release.start, report)
        if keys.others:
            report.note(f"not read, being no key: {folders.named(keys.others, release.start)}")
        if not keys.files:
            report.note(
                "no key file was found, so no thread has a veracity and no post a stance: name "
                "the folder that holds the keys as well"
            )
        make = partial(_KeyedThread, keys, release.root)
        yield from read_threads(release, source, report, spread, make)
        _compare(keys, report)


class _KeyedThread(ThreadFiles):
    """Reads a thread of either site; every post has a stance, so those without a parent stay."""

    adopts = True

    def __init__(self, keys: Keys, root: Path, thread: folders.Thread, report: ReadReport) -> None:
        super().__init__(root, thread, report)
        self._keys = keys
        self._of_reddit = False

    def parse(self, value: object) -> Post:
        if not is_reddit(value):
            return parse_tweet(value)
        self._of_reddit = True
        return parse_reddit(value)

    def unread(self) -> Sequence[Path]:
        return [path for path in super().unread() if path.name != _PAGE]

    def label(self) -> str | None:
        label = self._keys.veracity.get(self.thread.place.id)
        self.report.count("threads_with_veracity", int(label is not None))
        self.report.count("threads_of_reddit", int(self._of_reddit))
        return label

    def event(self) -> str:
        return "" if self._of_reddit else super().event()

    def targets(self, posts: Sequence[Post]) -> dict[str, Target]:
        stances = [self._keys.stance.get(post.id) for post in posts]
        given = sum(stance is not None for stance in stances)
        self.report.count("posts_with_stance", given)
        return {STANCE: stances} if given else {}


def _compare(keys: Keys, report: ReadReport) -> None:
    for what, labels, count in (
        ("posts", keys.stance, "posts_with_stance"),
        ("threads", keys.veracity, "threads_with_veracity"),
    ):
        lost = len(labels) - report.counts.get(count, 0)
        if lost:
            report.note(f"{what} with a label in the keys, but in no thread read: {lost:,}")


@dataclass(slots=True)
class Keys:
    """Stance by post, veracity by thread, the key files, and the JSON files that are none."""

    stance: dict[str, str] = field(default_factory=dict)
    veracity: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def read_keys(paths: Iterable[Path], root: Path, report: ReadReport) -> Keys:
    """Read those of some JSON files that are keys, recognised by their content.

    Keys of 2019 have ``subtaskaenglish`` (stance) and ``subtaskbenglish`` (veracity), or another
    language's; a key of 2017 has the labels of one task.
    """
    keys = Keys()
    for path in paths:
        place = readable(str(path.relative_to(root)))
        try:
            value = read_json(path)[0] if path.stat().st_size < _BIGGEST else None
        except (BadJsonError, OSError) as error:
            report.repair("JSON file that cannot be read", f"{place}: {error}")
            keys.others.append(path)
            continue
        parts = _parts(value)
        (keys.files if parts else keys.others).append(path)
        _take_labels(parts.get("a", {}), STANCES, keys.stance, place, report)
        _take_labels(parts.get("b", {}), VERACITIES, keys.veracity, place, report)
    return keys


def holds_keys(source: Path) -> bool:
    """Return whether a folder contains a key."""
    paths = folders.files_outside(source)[:_MOST]
    return bool(read_keys(paths, source.resolve(), ReadReport()).files)


def _parts(value: object) -> dict[str, Mapping[str, Any]]:
    """Return the labels of the two tasks, as far as a file has them, in whatever case."""
    if not isinstance(value, dict) or not value:
        return {}
    parts: dict[str, dict[str, Any]] = {}
    for name, labels in value.items():
        task = name.lower().removeprefix("subtask")[:1] if "subtask" in name.lower() else ""
        if task in ("a", "b") and isinstance(labels, dict):
            parts.setdefault(task, {}).update(labels)
    if parts:
        return dict(parts)
    for task, known in (("a", STANCES), ("b", VERACITIES)):
        if all(_plain(label) in known for label in value.values()):
            return {task: value}
    return {}


def _take_labels(
    labels: Mapping[str, Any], known: tuple[str, ...], into: dict[str, str], place: str,
    report: ReadReport,
) -> None:
    for post, given in labels.items():
        label = _plain(given)
        if label not in known:
            report.repair("label of a key that is unknown", f"{place}: {post}: {str(given)[:40]!r}")
        elif into.setdefault(post, label) != label:
            report.repair("several labels in the keys (the first is kept)", f"{place}: {post}")


def _plain(label: object) -> str:
    return label.strip().lower() if isinstance(label, str) else ""


def is_reddit(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether the content of a JSON file is of Reddit."""
    return isinstance(value, dict) and "kind" in value and isinstance(value.get("data"), dict)


def parse_reddit(value: Mapping[str, Any]) -> Post:
    """Take the post of a JSON file. Raise BadJsonError if it has none, no id or a bad date."""
    kind, data = value["kind"], value["data"]
    if kind == "Listing":
        posts = data.get("children")
        if not isinstance(posts, list) or len(posts) != 1 or not is_reddit(posts[0]):
            raise BadJsonError("a listing of Reddit that does not hold one post")
        kind, data = posts[0]["kind"], posts[0]["data"]
    if kind not in (_SUBMISSION, _COMMENT, _FOLDED):
        raise BadJsonError(f"no post of Reddit: its kind is {shown(kind)}, expected t1 or t3")
    post = data.get("id")
    if not (isinstance(post, str) and _ID.fullmatch(post)):
        raise BadJsonError(f"a post of Reddit without an id: id is {shown(post)}")
    author, date = data.get("author"), None
    if data.get("created_utc") is not None:
        date = int(date_of(data, "created_utc", "a post of Reddit without a date"))
    return Post(
        id=post, parent=_id_in(data.get("parent_id")),
        user=0 if author in _GONE else user_number(author), seconds=date, kind=Kind.REPLY,
        text=_text(kind, data),
    )


def _id_in(name: object) -> str | None:
    """Return the id in a full name as ``t1_dxkluhd``."""
    if not isinstance(name, str):
        return None
    kind, line, post = name.partition("_")
    known = kind in (_SUBMISSION, _COMMENT) and line and _ID.fullmatch(post)
    return post if known else None


def _text(kind: str, data: Mapping[str, Any]) -> str:
    names = ("title", "selftext") if kind == _SUBMISSION else ("body",)
    texts = [data.get(name) for name in names]
    return "\n\n".join(
        text for text in texts if isinstance(text, str) and text.strip() and text not in _GONE
    )


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``rumoureval``."""
    return [
        ReaderSpec(
            name="rumoureval",
            summary="RumourEval 2017 and 2019, Twitter and Reddit: veracity, and stance of posts",
            options=NoOptions,
            reference=Reference(
                authors="Gorrell, Kochkina, Liakata, Aker, Zubiaga, Bontcheva & Derczynski",
                year=2019,
                title="SemEval-2019 Task 7: RumourEval, Determining Rumour Veracity and Support "
                "for Rumours",
                url="https://aclanthology.org/S19-2147/",
            ),
            build=lambda options: RumourEvalReader(),
            recognises=lambda path: folders.holds_threads(path) and holds_keys(path),
            layouts=(
                "EVENT/ID/{source-tweet,replies}/*.json and *-key.json or *subtask*.json",
            ),
        )
    ]
