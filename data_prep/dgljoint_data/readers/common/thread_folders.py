"""Where the files of a PHEME release lie, in each of its layouts and however deep."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError

UNREADABLE = "folder that cannot be read"
STRUCTURE = "structure.json"
ANNOTATION = "annotation.json"

_SOURCES = ("source-tweets", "source-tweet")
_REPLIES = ("reactions", "replies")
# Folders of a category, by their names without hyphens and underscores, in both spellings.
_CATEGORIES = {"rumours": True, "rumors": True, "nonrumours": False, "nonrumors": False}
_CLASSES = frozenset((
    "true", "false", "unverified", "verified", "real", "fake", "rumor", "rumour", "nonrumor",
    "nonrumour", "falserumor", "falserumour", "truerumor", "truerumour", "fakenews", "realnews",
    "hoax", "mixed", "unlabelled", "unlabeled",
))
_EVENT_SUFFIX = "-all-rnr-threads"
_DEEPEST = 8  # folders between the one that is named and a thread's
_NEAR = 5  # the same, for the question whether a folder holds a release at all
_EXAMPLES = 3
LAYOUTS = (
    "EVENT/{rumours,non-rumours}/ID/{source-tweets,reactions}/*.json",
    "EVENT/ID/{source-tweet,replies}/*.json",
)
HINT = (
    f"known layouts: {' and '.join(LAYOUTS)}, unpacked; write any other data as JSON Lines, for "
    "the reader 'jsonl'"
)


@dataclass(frozen=True, slots=True)
class Thread:
    """The files of one thread.

    Attributes:
        id: the folder's name, which is the source's tweet id.
        event: the event's name.
        rumour: whether it lies among the rumours; ``None`` where they are not told apart.
        path: of its folder.
        sources: files that hold a source tweet.
        replies: files that hold a reply; ``None`` when there is no folder for them.
        structure: who answers whom; ``None`` when there is none.
        annotation: what was found out about it; ``None`` when there is none.
        unread: its other JSON files.
    """

    id: str
    event: str
    rumour: bool | None
    path: Path
    sources: tuple[Path, ...]
    replies: tuple[Path, ...] | None
    structure: Path | None
    annotation: Path | None
    unread: tuple[Path, ...]

    @property
    def tweets(self) -> tuple[Path, ...]:
        """All files that hold a tweet."""
        return self.sources + (self.replies or ())

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that say something about the thread."""
        return *self.tweets, *filter(None, (self.structure, self.annotation))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread lies.

    Attributes:
        path: of its folder, whose name is the thread's id.
        home: folder of its event.
        rumour: as in :class:`Thread`.
    """

    path: str
    home: str
    rumour: bool | None

    @property
    def id(self) -> str:
        """The thread's id."""
        return os.path.basename(self.path)  # noqa: PTH119  # a Path takes ten times as long

    @property
    def event(self) -> str:
        """The event's name."""
        return readable(Path(self.home).name.removesuffix(_EVENT_SUFFIX))


@dataclass(frozen=True, slots=True)
class Release:
    """What a folder holds.

    Attributes:
        places: of the threads, by the names of their folders.
        root: the folder that holds those of all events.
        start: the folder that was searched.
        outside: JSON files that are in no thread.
    """

    places: list[Place]
    root: Path
    start: Path
    outside: list[Path]


def find_release(source: Path | None, report: ReadReport) -> Release:
    """Find the threads in ``source``.

    Raises:
        DataError: there are none, they lie in folders of classes and not of events, or they are
            those of several releases.
    """
    if source is None:
        raise DataError("this reader needs the folder of the release", hint=HINT)
    if not source.is_dir():
        what = "is no folder" if source.exists() else "does not exist"
        raise DataError(f"{source} {what}; expected the folder of the release", hint=HINT)
    walk = _Walk(report, _DEEPEST)
    places = list(walk.threads(source))
    if not places:
        found = _what(source, walk, report)
        raise DataError(f"{source} holds no thread of PHEME{found}", hint=HINT)
    _check_events(source, places)
    homes = {str(Path(place.home).parent) for place in places}
    return Release(places, Path(os.path.commonpath(homes)), source.resolve(), walk.unread)


def holds_threads(source: Path) -> bool:
    """Say whether a folder holds a thread with a source tweet, not too deep."""
    walk = _Walk(ReadReport(), _NEAR)
    return source.is_dir() and any(_has(place.path, _SOURCES) for place in walk.threads(source))


def files_outside(source: Path) -> list[Path]:
    """List the JSON files of a folder that are in no thread, not too deep."""
    walk = _Walk(ReadReport(), _NEAR)
    if source.is_dir():
        for _ in walk.threads(source):
            continue
    return walk.unread


def named(paths: Sequence[Path], start: Path) -> str:
    """Return how many JSON files there are, and the first of them by their places in ``start``."""
    more = f" and {len(paths) - _EXAMPLES} more" if len(paths) > _EXAMPLES else ""
    count = f"{len(paths):,} JSON file" + ("s" if len(paths) > 1 else "")
    first = ", ".join(readable(str(path.relative_to(start))) for path in paths[:_EXAMPLES])
    return f"{count} ({first}{more})"


def _what(start: Path, walk: _Walk, report: ReadReport) -> str:
    found = [named(walk.unread, start.resolve())] if walk.unread else []
    found += [
        f"{reason} ({tally.examples[0]})" for reason, tally in report.repairs.items()
    ]
    return f"; found: {'; '.join(found)}" if found else ""


def _check_events(source: Path, places: list[Place]) -> None:
    around = {Path(place.home).name for place in places}
    around |= {Path(place.path).parent.name for place in places}
    classes = [name for name in sorted(around) if _plain(name) in _CLASSES]
    if classes:
        raise DataError(
            f"{source} holds threads in folders of classes, not of events: "
            f"{', '.join(f'{name}/' for name in classes)}; the event of a thread and its "
            "class are not to be told from those",
            hint=HINT,
        )
    above: dict[str, set[str]] = {}
    for place in places:
        above.setdefault(str(Path(place.home).parent), set()).add(place.id)
    times = Counter(thread for threads in above.values() for thread in threads)
    repeated = [
        folder for folder, threads in above.items()
        if 2 * sum(times[thread] > 1 for thread in threads) > len(threads)
    ]
    if len(repeated) > 1:
        raise DataError(
            f"{source} holds several releases, with the same threads: "
            f"{', '.join(map(readable, sorted(repeated)))}",
            hint="name one of them",
        )


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


@dataclass(slots=True)
class _Walk:
    """Goes through folders, once through each, wherever links lead.

    Attributes:
        report: counts what is skipped.
        deepest: how many folders down it goes.
        unread: JSON files in no folder of a thread.
    """

    report: ReadReport
    deepest: int
    unread: list[Path] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def threads(self, source: Path) -> Iterator[Place]:
        """Yield where the threads lie, in the order of their names."""
        start = source.resolve()  # the name of "." may be that of an event
        home, rumour = start.parent, _CATEGORIES.get(_plain(start.parent.name))
        home = home if rumour is None else home.parent
        yield from self._below(str(start), str(home), rumour, 0)

    def _below(
        self, folder: str, home: str, rumour: bool | None, depth: int
    ) -> Iterator[Place]:
        if not self._is_new(folder):
            return
        listed = ReadReport()
        entries = _list(folder, listed)
        if _is_thread(folder, entries, rumour):  # which counts what is in it
            yield Place(folder, home, rumour)
            return
        self.report.absorb(listed)
        name = _plain(os.path.basename(folder))  # noqa: PTH119
        if name in _CATEGORIES:
            rumour = _CATEGORIES[name]
        elif rumour is None:
            home = folder
        for entry in entries:
            if _is_folder(entry):
                if depth < self.deepest:
                    yield from self._below(entry.path, home, rumour, depth + 1)
                else:
                    self.report.repair("folder too deep (not read)", readable(entry.path))
            elif _is_json(entry.name):
                self.unread.append(Path(entry.path))
            else:
                self.report.count("other_files_skipped")

    def _is_new(self, folder: str) -> bool:
        try:
            status = os.stat(folder)  # noqa: PTH116
        except OSError as error:
            self.report.repair(UNREADABLE, f"{readable(folder)}: {error.strerror}")
            return False
        key = (status.st_dev, status.st_ino)
        new = key not in self._seen
        self._seen.add(key)
        return new


def _is_thread(folder: str, entries: list[os.DirEntry[str]], rumour: bool | None) -> bool:
    """Say whether a folder is a thread's: it has a source's folder, or the name and no other."""
    names = {entry.name.lower() for entry in entries}
    if names.intersection(_SOURCES):
        return True
    name = os.path.basename(folder)  # noqa: PTH119
    if not (name.isascii() and name.isdigit() and len(name) < 20):
        return False
    parts = {STRUCTURE, ANNOTATION, *_REPLIES}
    # Of a number for a name, with folders of other names in it: a year, say.
    return rumour is not None or bool(names & parts) or not any(map(_is_folder, entries))


def _has(folder: str, names: tuple[str, ...]) -> bool:
    return any(entry.name.lower() in names for entry in _list(folder, ReadReport()))


def list_thread(place: Place, report: ReadReport) -> Thread:
    """List the files of a thread."""
    sources: list[Path] = []
    replies: list[Path] | None = None
    parts: dict[str, Path] = {}
    unread: list[Path] = []
    for entry in _list(place.path, report):
        name = entry.name.lower().removesuffix(".gz")
        if name in _SOURCES:
            sources += _json_files(entry.path, report)
        elif name in _REPLIES:
            replies = (replies or []) + _json_files(entry.path, report)
        elif name in (STRUCTURE, ANNOTATION) and name not in parts:
            parts[name] = Path(entry.path)
        elif _is_folder(entry):
            unread += _json_files(entry.path, ReadReport())
        elif _is_json(entry.name):
            unread.append(Path(entry.path))
    return Thread(
        id=place.id,
        event=place.event,
        rumour=place.rumour,
        path=Path(place.path),
        sources=tuple(sources),
        replies=None if replies is None else tuple(replies),
        structure=parts.get(STRUCTURE),
        annotation=parts.get(ANNOTATION),
        unread=tuple(unread),
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_json(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(".json")


def _json_files(folder: str, report: ReadReport) -> list[Path]:
    """List the JSON files in a folder and in those in it; a link in it may lead back up."""
    found: list[Path] = []
    for entry in _list(folder, report):
        if entry.is_dir(follow_symlinks=False):
            found += _json_files(entry.path, report)
        elif _is_json(entry.name):
            found.append(Path(entry.path))
        else:
            report.count("other_files_skipped")
    return found


def _list(folder: str, report: ReadReport) -> list[os.DirEntry[str]]:
    """List a folder by name, without what macOS leaves in it (``._*``, ``.DS_Store``)."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        report.repair(UNREADABLE, f"{readable(folder)}: {error.strerror}")
        return []
    shown = [entry for entry in found if not entry.name.startswith(".")]
    if len(shown) < len(found):
        report.count("hidden_files_skipped", len(found) - len(shown))
    return shown


def readable(name: str) -> str:
    """Return a file name that can be stored and printed: bytes that are no UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", errors="replace")
