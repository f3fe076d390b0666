"""Reader of RumourEval 2017 and 2019: threads of Twitter and Reddit with stance and veracity.

::

    <any folders>/<event>/<id>/{source-tweet,replies}/<tweet id>.json        Twitter
    <any folders>/<id>/{source-tweet,replies}/<post id>.json                 Reddit
    <anywhere>/{train,dev}-key.json, rumoureval-subtaskA-train.json, ...     the keys

Threads lie as in PHEME's third layout and are read by the same rules; Reddit's files hold its own
JSON. A thread's label is its veracity by the keys (none where they do not say); the stance of a
post towards the rumor is stored as the target ``stance``, one per post, for tasks to come::

    dgljoint preprocess rumoureval rumoureval-2019-training-data -o rumoureval.h5

Comments that Reddit folded away are posts without text, author and date: they get their parent's
time and are never asked for their parent. A thread of Reddit is an event of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from dgljoint.config.options import NoOptions, Options
from dgljoint.data.cascade import Cascade, Target
from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint.errors import DataError
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint_data.readers.common.digest import digest_files
from dgljoint_data.readers.common.thread_files import ThreadFiles
from dgljoint_data.readers.common.thread_folders import (
    Place,
    Thread,
    find_release,
    holds_threads,
    list_thread,
    named,
)
from dgljoint_data.readers.common.tweets import Tweet, parse_tweet
from dgljoint_data.readers.rumoureval.keys import VERACITIES, Keys, holds_keys, read_keys
from dgljoint_data.readers.rumoureval.reddit import is_reddit, parse_reddit
from dgljoint_data.workers import Spread

STANCE = "stance"

# What Reddit's threads keep beside their posts: the page that those were cut from.
_PAGE = "raw.json"


class RumourEvalReader:
    """Reads the threads of a folder and the keys in it.

    ``counts`` of the report account for every post file, as those of the reader ``pheme`` do;
    ``posts_with_stance`` and ``threads_with_veracity`` count what the keys gave.
    """

    label_names: tuple[str, ...] = VERACITIES

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the threads' files and of the keys.

        Raises:
            DataError: there is no thread or a file cannot be read.
        """
        unread = ReadReport()
        release = find_release(source, unread)
        paths = [path for place in release.places for path in list_thread(place, unread).files]
        keys = read_keys(release.outside, release.start, unread).files
        return digest_files(filter(Path.is_file, [*paths, *keys]), release.start)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the threads by the names of their folders.

        Raises:
            DataError: there is no thread that can be read.
        """
        return self.read_in_parts(source, report, map)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the same, the threads' folders read by ``spread``."""
        release = find_release(source, report)
        keys = read_keys(release.outside, release.start, report)
        if keys.others:
            report.note(f"not read, being no key: {named(keys.others, release.start)}")
        if not keys.files:
            report.note(
                "no key file was found, so no thread has a veracity and no post a stance: name "
                "the folder that holds the keys as well"
            )
        places: dict[str, list[Place]] = {}
        for place in release.places:
            report.count(THREADS_MET)
            places.setdefault(place.id, []).append(place)
        read = partial(_read_thread, release.root, keys)
        for cascade, found in spread(read, list(places.values())):
            report.absorb(found)
            if cascade is not None:
                yield cascade
        _check_any(source, report)
        _compare(keys, report)


def _read_thread(
    root: Path, keys: Keys, places: Sequence[Place]
) -> tuple[Cascade | None, ReadReport]:
    """Read the places of one thread; only the first that can be read gives a cascade."""
    report = ReadReport()
    read: Cascade | None = None
    for place in places:
        files = _KeyedThread(list_thread(place, report), root, report, keys)
        cascade = files.cascade(() if read is None else (place.id,))
        if cascade is not None:
            report.count("threads")
            read = cascade
    return read, report


class _KeyedThread(ThreadFiles):
    """Reads a thread of either site, its labels those of the keys.

    Each of its posts has a stance, so none is left out because what it answers was not collected.
    """

    adopts = True

    def __init__(self, thread: Thread, root: Path, report: ReadReport, keys: Keys) -> None:
        super().__init__(thread, root, report)
        self._keys = keys
        self._of_reddit = False

    def parse(self, value: object) -> Tweet:
        if not is_reddit(value):
            return parse_tweet(value)
        self._of_reddit = True
        return parse_reddit(value)

    def unread(self) -> Sequence[Path]:
        return [path for path in super().unread() if path.name != _PAGE]

    def label(self) -> str | None:
        label = self._keys.veracity.get(self.thread.id)
        self.report.count("threads_with_veracity", int(label is not None))
        self.report.count("threads_of_reddit", int(self._of_reddit))
        return label

    def event(self) -> str:
        return "" if self._of_reddit else super().event()

    def targets(self, posts: Sequence[Tweet]) -> dict[str, Target]:
        stances = [self._keys.stance.get(post.id) for post in posts]
        given = sum(stance is not None for stance in stances)
        self.report.count("posts_with_stance", given)
        return {STANCE: stances} if given else {}


def _check_any(source: Path | None, report: ReadReport) -> None:
    if "threads" not in report.counts:
        first = next(iter(report.refusals.items()), None)
        why = f": {first[0]} ({first[1].examples[0]})" if first else ""
        raise DataError(f"{source} holds no readable thread{why}")


def _compare(keys: Keys, report: ReadReport) -> None:
    """Note what the keys label and no thread holds."""
    for what, labels, count in (
        ("posts", keys.stance, "posts_with_stance"),
        ("threads", keys.veracity, "threads_with_veracity"),
    ):
        lost = len(labels) - report.counts.get(count, 0)
        if lost:
            one = lost == 1
            report.note(
                f"the keys label {lost:,} {what.removesuffix('s') if one else what} that "
                f"{'is' if one else 'are'} in no thread read"
            )


def _recognises(path: Path) -> bool:
    return holds_threads(path) and holds_keys(path)


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
            build=_build,
            recognises=_recognises,
            layouts=(
                "EVENT/ID/{source-tweet,replies}/*.json and *-key.json or *subtask*.json",
            ),
        )
    ]


def _build(options: Options) -> RumourEvalReader:
    return RumourEvalReader()
