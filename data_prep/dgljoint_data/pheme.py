"""Reader of PHEME: threads of Twitter's own JSON about nine breaking-news events.

It takes the three published layouts and tells them apart by their folders::

    <event>-all-rnr-threads/{rumours,non-rumours}/<id>/{source-tweets,reactions}/<tweet id>.json
    <event>/{rumours,non-rumours}/<id>/{source-tweet,reactions}/<tweet id>.json
    <event>/<id>/{source-tweet,replies}/<tweet id>.json

The first is of 2018 (nine events, ``annotation.json`` and ``structure.json`` in each thread), the
second of 2016 (five events, neither file; rumours have no veracity), the third is RumourEval 2017
(``structure.json``; threads have no label)::

    dgljoint preprocess pheme all-rnr-annotated-threads -o pheme.h5 -s labels=veracity3

A post's parent is its place in ``structure.json``; where it has none there, the tweet that it
replies to. A post whose parent is not in the thread is left out with all below it. A post dated
before its parent gets its parent's time, so that it is never asked for its parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from dgljoint.cascade import Cascade
from dgljoint.errors import DataError
from dgljoint.options import Options
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint.reading import THREADS_MET, ReadReport
from dgljoint_data._digest import digest_files, digest_text
from dgljoint_data._pheme_layout import Place, find_events, find_places, list_thread
from dgljoint_data._pheme_thread import LABEL_NAMES, ThreadFiles
from dgljoint_data.workers import Spread


class PhemeOptions(Options):
    """Which labels the threads get."""

    labels: Literal["veracity", "rumor", "veracity3"] = Field(
        "veracity",
        description="veracity: true, false, unverified, non-rumor; rumor: rumor, non-rumor; "
        "veracity3: true, false, unverified, and non-rumours are left out",
    )


class PhemeReader:
    """Reads a release in any of the layouts.

    ``counts`` of the report account for every tweet file, those of refused threads included::

        tweet_files    = distinct_posts + duplicate_tweet_files
        distinct_posts = posts stored + the posts_dropped_* counts

    Args:
        options: which labels.
    """

    label_names: tuple[str, ...]

    def __init__(self, options: PhemeOptions) -> None:
        self._labels = options.labels
        self.label_names = LABEL_NAMES[options.labels]

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the threads' files and of the options.

        Raises:
            DataError: there is no thread or a file cannot be read.
        """
        events = find_events(source)
        unread = ReadReport()
        threads = (list_thread(place, unread) for place in find_places(events, unread))
        paths = (path for thread in threads for path in thread.files)
        content = digest_files(filter(Path.is_file, paths), events[0].parent)
        return digest_text(f"{self._labels} {content}")

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the threads by event, category and id; events may lie three folders deep.

        Raises:
            DataError: there is no thread that can be read.
        """
        return self.read_in_parts(source, report, map)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the same, the threads' folders read by ``spread``."""
        events = find_events(source)
        # A thread may lie in several places, the first that can be read counts: one part's work.
        places: dict[str, list[Place]] = {}
        for place in find_places(events, report):
            report.count(THREADS_MET)
            places.setdefault(place.id, []).append(place)
        read = partial(_read_thread, events[0].parent, self._labels)
        for cascade, found in spread(read, list(places.values())):
            report.absorb(found)
            if cascade is not None:
                yield cascade
        if "threads" not in report.counts:
            first = next(iter(report.refusals.items()), None)
            why = f": {first[0]} ({first[1].examples[0]})" if first else ""
            raise DataError(f"{source} holds no readable thread{why}")


def _read_thread(
    root: Path, labels: str, places: Sequence[Place]
) -> tuple[Cascade | None, ReadReport]:
    """Read the places of one thread; only the first that can be read gives a cascade."""
    report = ReadReport()
    read: Cascade | None = None
    for place in places:
        files = ThreadFiles(list_thread(place, report), root, report)
        cascade = files.cascade(labels, () if read is None else (place.id,))
        if cascade is not None:
            report.count("threads")
            read = cascade
    return read, report


def _recognises(path: Path) -> bool:
    try:
        return bool(find_events(path))
    except DataError:
        return False


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``pheme``."""
    return [
        ReaderSpec(
            name="pheme",
            summary="PHEME of 2016 and 2018 and RumourEval 2017: texts of all posts",
            options=PhemeOptions,
            reference=Reference(
                authors="Kochkina, Liakata & Zubiaga",
                year=2018,
                title="All-in-one: Multi-task Learning for Rumour Verification",
                url="https://aclanthology.org/C18-1288/",
            ),
            build=PhemeReader,
            recognises=_recognises,
        )
    ]
