"""Where the files of a PHEME release are, in each of its layouts and however deep."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint_data.readers.common.raw import given_folder, readable

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
_NEAR = 5  # the same, for the question whether a folder contains a release at all
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
class Place:
    """A thread's folder and its event's; ``rumour`` is ``None`` where they are not kept apart."""

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


@dataclass(slots=True)
class Thread:
    """The files of one thread, ``parts`` by name; ``replies`` is ``None`` without their folder."""

    place: Place
    sources: list[Path] = field(default_factory=list)
    replies: list[Path] | None = None
    parts: dict[str, Path] = field(default_factory=dict)
    unread: list[Path] = field(default_factory=list)

    @property
    def tweets(self) -> list[Path]:
        """All files that contain a tweet."""
        return self.sources + (self.replies or [])


@dataclass(frozen=True, slots=True)
class Release:
    """The threads below a folder, the folder of all events, and other JSON files."""

    places: list[Place]
    root: Path
    start: Path
    outside: list[Path]

    def files(self) -> list[Path]:
        """List all files of the threads that are read."""
        threads = [list_thread(place, ReadReport()) for place in self.places]
        return [
            path for thread in threads for path in (*thread.tweets, *thread.parts.values())
            if path.is_file()
        ]


def find_release(source: Path | None, report: ReadReport) -> Release:
    """Find the threads in ``source``. Raise DataError if there are none, or of several releases."""
    source = given_folder(source, HINT)
    walk = _Walk(report, _DEEPEST)
    places = list(walk.threads(source))
    if not places:
        found = [named(walk.unread, source.resolve())] if walk.unread else []
        found += [f"{reason} ({tally.examples[0]})" for reason, tally in report.repairs.items()]
        what = f"; found: {'; '.join(found)}" if found else ""
        raise DataError(f"{source} holds no thread of PHEME{what}", hint=HINT)
    _check_events(source, places)
    homes = {str(Path(place.home).parent) for place in places}
    return Release(places, Path(os.path.commonpath(homes)), source.resolve(), walk.unread)


def holds_threads(source: Path) -> bool:
    """Return whether a folder contains a thread with a source tweet, not too deep."""
    threads = _Walk(ReadReport(), _NEAR).threads(source) if source.is_dir() else ()
    return any(
        entry.name.lower() in _SOURCES
        for place in threads for entry in _list(place.path, ReadReport())
    )


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


def _check_events(source: Path, places: list[Place]) -> None:
    around = {Path(place.home).name for place in places}
    around |= {Path(place.path).parent.name for place in places}
    classes = [name for name in sorted(around) if _plain(name) in _CLASSES]
    if classes:
        raise DataError(
            f"{source} holds threads in folders of classes, not of events: "
            f"{', '.join(f'{name}/' for name in classes)}; they show neither the event of a "
            "thread nor its class for certain",
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
    """Goes through folders, once through each, wherever links lead; counts what it skips."""

    report: ReadReport
    deepest: int
    unread: list[Path] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def threads(self, source: Path) -> Iterator[Place]:
        start = source.resolve()  # the name of "." may be that of an event
        home, rumour = start.parent, _CATEGORIES.get(_plain(start.parent.name))
        home = home if rumour is None else home.parent
        yield from self._below(str(start), str(home), rumour, 0)

    def _below(self, folder: str, home: str, rumour: bool | None, depth: int) -> Iterator[Place]:
        if not self._is_new(folder):
            return
        listed = ReadReport()
        entries = _list(folder, listed)
        if _is_thread(folder, entries, rumour):  # list_thread counts what is in it
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
    """Return whether a folder is a thread's: it has a source's folder, or an id for a name."""
    names = {entry.name.lower() for entry in entries}
    if names.intersection(_SOURCES):
        return True
    name = os.path.basename(folder)  # noqa: PTH119
    if not (name.isascii() and name.isdigit() and len(name) < 20):
        return False
    parts = {STRUCTURE, ANNOTATION, *_REPLIES}
    # A number with other folders in it may be a year.
    return rumour is not None or bool(names & parts) or not any(map(_is_folder, entries))


def list_thread(place: Place, report: ReadReport) -> Thread:
    """List the files of a thread."""
    thread = Thread(place)
    for entry in _list(place.path, report):
        name = entry.name.lower().removesuffix(".gz")
        if name in _SOURCES:
            thread.sources += _json_files(entry.path, report)
        elif name in _REPLIES:
            thread.replies = (thread.replies or []) + _json_files(entry.path, report)
        elif name in (STRUCTURE, ANNOTATION) and name not in thread.parts:
            thread.parts[name] = Path(entry.path)
        elif _is_folder(entry):
            thread.unread += _json_files(entry.path, ReadReport())
        elif _is_json(entry.name):
            thread.unread.append(Path(entry.path))
    return thread


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
    visible = [entry for entry in found if not entry.name.startswith(".")]
    if len(visible) < len(found):
        report.count("hidden_files_skipped", len(found) - len(visible))
    return visible
