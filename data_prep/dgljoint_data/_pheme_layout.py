"""Where the files of a PHEME release lie, in each of its three layouts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dgljoint.errors import DataError
from dgljoint.reading import ReadReport

RUMOURS = {"rumours": True, "non-rumours": False}
STRUCTURE = "structure.json"
ANNOTATION = "annotation.json"

_SOURCES = ("source-tweets", "source-tweet")
_REPLIES = ("reactions", "replies")
_EVENT_SUFFIX = "-all-rnr-threads"
_DEEPEST = 3  # folders from the one that is named to an event: those of the archive
_UNPACK = (
    "unpack the whole release: a folder an event, in it a folder a thread, or rumours/ and "
    "non-rumours/ that hold them"
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
        others: names of all that stands in the folder.
    """

    id: str
    event: str
    rumour: bool | None
    path: Path
    sources: tuple[Path, ...]
    replies: tuple[Path, ...] | None
    others: frozenset[str]

    @property
    def tweets(self) -> tuple[Path, ...]:
        """All files that hold a tweet."""
        return self.sources + (self.replies or ())

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that say something about the thread."""
        beside = (name for name in (STRUCTURE, ANNOTATION) if name in self.others)
        return *self.tweets, *(self.path / name for name in beside)


def find_events(source: Path | None) -> list[Path]:
    """Return the folders of the events in ``source``, at most three folders deep.

    Raises:
        DataError: there are none, or they are those of several releases.
    """
    if source is None:
        raise DataError("this reader needs the folder of the release", hint=_UNPACK)
    if not source.is_dir():
        what = "is no folder" if source.exists() else "does not exist"
        raise DataError(f"{source} {what}; expected the folder of the release", hint=_UNPACK)
    level = [source]
    try:
        for _ in range(_DEEPEST + 1):
            events = [folder for folder in level if _is_event(folder)]
            above = sorted({str(event.parent) for event in events})
            if len(above) > 1:
                raise DataError(
                    f"{source} holds several releases: {', '.join(above)}", hint="name one of them"
                )
            if events:
                return events
            level = [folder for parent in level for folder in _folders(parent)]
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
    raise DataError(f"{source} holds no thread of PHEME", hint=_UNPACK)


def _folders(folder: Path) -> list[Path]:
    return sorted(
        child for child in folder.iterdir() if child.is_dir() and not child.name.startswith(".")
    )


def _is_event(folder: Path) -> bool:
    return any(
        child.name in RUMOURS
        or (_is_thread_name(child.name) and any((child / name).is_dir() for name in _SOURCES))
        for child in _folders(folder)
    )


def _is_thread_name(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread lies.

    Attributes:
        path: of its folder, whose name is the thread's id.
        event: the event's name.
        rumour: as in :class:`Thread`.
    """

    path: str
    event: str
    rumour: bool | None

    @property
    def id(self) -> str:
        """The thread's id."""
        return os.path.basename(self.path)  # noqa: PTH119  # a Path takes ten times as long


def find_places(events: list[Path], report: ReadReport) -> Iterator[Place]:
    """Yield where the threads of the events lie, in the order of their names."""
    for event in events:
        name = readable(event.name.removesuffix(_EVENT_SUFFIX))
        for entry in _list(str(event), report):
            if entry.name in RUMOURS and _is_folder(entry):
                for inner in _list(entry.path, report):
                    yield from _place(inner, name, RUMOURS[entry.name], report)
            else:
                yield from _place(entry, name, None, report)


def _place(
    entry: os.DirEntry[str], event: str, rumour: bool | None, report: ReadReport
) -> Iterator[Place]:
    if _is_thread_name(entry.name) and _is_folder(entry):
        yield Place(entry.path, event, rumour)
    else:
        report.count("other_files_skipped")


def list_thread(place: Place, report: ReadReport) -> Thread:
    """List the files of a thread."""
    inside = {inner.name: inner.path for inner in _list(place.path, report)}
    sources = [inside[name] for name in _SOURCES if name in inside]
    replies = [inside[name] for name in _REPLIES if name in inside]
    return Thread(
        id=place.id,
        event=place.event,
        rumour=place.rumour,
        path=Path(place.path),
        sources=_tweets(sources, report),
        replies=_tweets(replies, report) if replies else None,
        others=frozenset(inside),
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _tweets(folders: list[str], report: ReadReport) -> tuple[Path, ...]:
    found = []
    for folder in folders:
        for entry in _list(folder, report):
            if entry.name.endswith(".json"):
                found.append(Path(entry.path))
            else:
                report.count("other_files_skipped")
    return tuple(found)


def _list(folder: str, report: ReadReport) -> list[os.DirEntry[str]]:
    """List a folder by name, without what macOS leaves in it (``._*``, ``.DS_Store``)."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        report.repair("folder that cannot be read", f"{readable(folder)}: {error.strerror}")
        return []
    shown = [entry for entry in found if not entry.name.startswith(".")]
    if len(shown) < len(found):
        report.count("hidden_files_skipped", len(found) - len(shown))
    return shown


def readable(name: str) -> str:
    """Return a file name that can be stored and printed: bytes that are no UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", errors="replace")
