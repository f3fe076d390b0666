"""Reader of PHEME: threads of Twitter's own JSON about nine breaking-news events.

It takes the three published layouts, however deep, and tells them apart by their folders::

    <event>-all-rnr-threads/{rumours,non-rumours}/<id>/{source-tweets,reactions}/<tweet id>.json
    <event>/{rumours,non-rumours}/<id>/{source-tweet,reactions}/<tweet id>.json
    <event>/<id>/{source-tweet,replies}/<tweet id>.json

The first is of 2018 (nine events, ``annotation.json`` and ``structure.json`` in each thread), the
second of 2016 (five events, neither file; rumours have no veracity), the third is RumourEval 2017
(``structure.json``; threads have no label; with its keys, the reader ``rumoureval`` reads it)::

    dgljoint preprocess pheme all-rnr-annotated-threads -o pheme.h5 -s labels=veracity3

A post's parent is its place in ``structure.json``; where it has none there, or where that file puts
every post below the source, the tweet that it replies to. A post whose parent is not in the thread
is left out with all below it. A post dated before its parent gets its parent's time, so that it is
never asked for its parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from dgljoint.config.options import Options
from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint.errors import DataError
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint_data.readers.common.digest import digest_files, digest_text
from dgljoint_data.readers.common.json_text import BadJsonError
from dgljoint_data.readers.common.thread_files import RefusedError, ThreadFiles
from dgljoint_data.readers.common.thread_folders import (
    LAYOUTS,
    Place,
    Thread,
    find_release,
    holds_threads,
    list_thread,
    named,
)
from dgljoint_data.readers.common.tweet_fields import parse_veracity
from dgljoint_data.readers.rumoureval.keys import holds_keys
from dgljoint_data.workers import Spread

NON_RUMOR = "non-rumor"
LABEL_NAMES = {
    "veracity": ("false", "true", "unverified", NON_RUMOR),
    "rumor": ("rumor", NON_RUMOR),
    "veracity3": ("false", "true", "unverified"),
}


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
        unread = ReadReport()
        release = find_release(source, unread)
        threads = (list_thread(place, unread) for place in release.places)
        paths = (path for thread in threads for path in thread.files)
        content = digest_files(filter(Path.is_file, paths), release.root)
        return digest_text(f"{self._labels} {content}")

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the threads by the names of their folders, however deep they lie.

        Raises:
            DataError: there is no thread that can be read.
        """
        return self.read_in_parts(source, report, map)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the same, the threads' folders read by ``spread``."""
        release = find_release(source, report)
        if release.outside:
            report.count("json_files_outside_threads", len(release.outside))
            outside = named(release.outside, release.start)
            report.note(f"not read, being in no folder of a thread: {outside}")
        # A thread may lie in several places, the first that can be read counts: one part's work.
        places: dict[str, list[Place]] = {}
        for place in release.places:
            report.count(THREADS_MET)
            places.setdefault(place.id, []).append(place)
        read = partial(_read_thread, release.root, self._labels)
        labelled = False
        for cascade, found in spread(read, list(places.values())):
            report.absorb(found)
            if cascade is not None:
                labelled |= cascade.label is not None
                yield cascade
        if "threads" not in report.counts:
            first = next(iter(report.refusals.items()), None)
            why = f": {first[0]} ({first[1].examples[0]})" if first else ""
            raise DataError(f"{source} holds no readable thread{why}")
        if not labelled:
            report.note(
                "no thread has a label: they come from folders named rumours and non-rumours and "
                "from annotation.json"
            )


def _read_thread(
    root: Path, labels: str, places: Sequence[Place]
) -> tuple[Cascade | None, ReadReport]:
    """Read the places of one thread; only the first that can be read gives a cascade."""
    report = ReadReport()
    read: Cascade | None = None
    for place in places:
        files = _PhemeThread(list_thread(place, report), root, report, labels)
        cascade = files.cascade(() if read is None else (place.id,))
        if cascade is not None:
            report.count("threads")
            read = cascade
    return read, report


class _PhemeThread(ThreadFiles):
    """Reads a thread and its annotation."""

    def __init__(self, thread: Thread, root: Path, report: ReadReport, labels: str) -> None:
        super().__init__(thread, root, report)
        self._labels = labels

    def label(self) -> str | None:
        thread = self.thread
        annotation = self._annotation()
        if thread.rumour is None:
            return None
        if self._labels == "rumor":
            return "rumor" if thread.rumour else NON_RUMOR
        if not thread.rumour:
            if self._labels == "veracity3":
                raise RefusedError("non-rumour, which labels=veracity3 leaves out")
            return NON_RUMOR
        try:
            label = parse_veracity(annotation)
        except BadJsonError as error:
            raise RefusedError("annotation without a veracity", self._name(), error) from error
        if label is None:
            self.repair("rumour whose veracity is not said (it gets no label)")
        return label

    def _name(self) -> str:
        return "" if self.thread.annotation is None else self.thread.annotation.name

    def _annotation(self) -> dict[str, object]:
        if self.thread.annotation is None:
            return {}
        try:
            annotation = self.read(self.thread.annotation)
        except BadJsonError as error:
            raise RefusedError("annotation that cannot be read", self._name(), error) from error
        if not isinstance(annotation, dict):
            raise RefusedError("annotation that cannot be read", self._name(), "no object")
        said, rumour = annotation.get("is_rumour"), self.thread.rumour
        if rumour is not None and said in ("rumour", "nonrumour") and rumour != (said == "rumour"):
            self.repair("annotation that contradicts its folder (the folder stands)")
        return annotation


def _recognises(path: Path) -> bool:
    return holds_threads(path) and not holds_keys(path)


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
            layouts=LAYOUTS,
        )
    ]
