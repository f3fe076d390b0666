"""Reader of the Weibo threads of Ma et al. (2016).

The release is one folder with a list of threads and a folder of files, one a thread (the names
may be written in any case)::

    Weibo.txt           eid:4010312877<TAB>label:1<TAB>3495745049431351 3495745389631353 ...
    Weibo/<eid>.json    [{"mid": "3495745049431351", "parent": null, "uid": 1700000001,
                          "t": 1348480000, "text": "...", ...}, ...]

``label`` is 1 for a rumor and 0 for a non-rumor. ``parent`` is the ``mid`` of the post that a post
reposts or answers, null for the source; ``t`` is in Unix seconds::

    dgljoint preprocess weibo rumdect -o weibo.h5

A post that only reposts (its text is empty or the site's own "转发微博") is a retweet without a
text; any other below the source is a quote, since the files do not tell reposts with words from
comments. A post whose parent is not in the thread is left out with all below it; a post dated
before its parent gets its parent's time, so that it is never asked for its parent. The release
names no happening that threads share: each is an event of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from dgljoint.cascade import Cascade
from dgljoint.errors import DataError
from dgljoint.options import NoOptions, Options
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint.reading import THREADS_MET, ReadReport
from dgljoint_data._digest import digest_files
from dgljoint_data._json import MENDED, BadJsonError, read_json
from dgljoint_data._weibo_release import (
    Listed,
    Release,
    find_release,
    listed_posts,
    read_list,
)
from dgljoint_data._weibo_thread import make_cascade, parse_thread
from dgljoint_data.workers import Spread

LABEL_NAMES = ("rumor", "non-rumor")


class WeiboReader:
    """Reads the release.

    Threads come in the order of the list. ``counts`` of the report account for every thread and
    post, those of refused threads and of files that the list does not name included::

        threads_met    = cascades stored + the refusals
        posts_in_files = distinct_posts + duplicate_posts
        distinct_posts = posts stored + the posts_dropped_* counts

    The posts of a file that cannot be read at all are not known, so they count nowhere.
    """

    label_names: tuple[str, ...] = LABEL_NAMES

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the list and of the threads' files.

        Raises:
            DataError: the release is not complete or cannot be read.
        """
        release = find_release(source)
        return digest_files([release.index, *release.thread_files()], release.index.parent)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the threads under the folder ``source``, or its only subfolder with a release.

        Raises:
            DataError: the release is incomplete or holds no thread that can be read.
        """
        return self.read_in_parts(source, report, map)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the same, the threads' files read by ``spread``."""
        release = find_release(source)
        threads = read_list(release.index, report)
        stored = 0
        for cascade, found in spread(partial(_read_thread, release), [*threads.listed.items()]):
            report.absorb(found)
            if cascade is not None:
                stored += 1
                yield cascade
        for path in release.thread_files(report):
            if path.stem in threads.refused:
                _drop_thread(release, path.stem, report)
            elif path.stem not in threads.listed:
                report.count(THREADS_MET)
                report.refuse("thread without a label", release.name(path.stem))
                _drop_thread(release, path.stem, report)
        if not stored:
            first = next(iter(report.refusals.items()), None)
            why = f"{first[0]} ({first[1].examples[0]})" if first else "the list names none"
            raise DataError(f"{release.index.parent} holds no readable thread: {why}")
        report.note(
            "the release names no events: every thread counts as an event of its own, so threads "
            "about one happening can stand on both sides of a split"
        )


def _read_thread(
    release: Release, listed: tuple[str, Listed]
) -> tuple[Cascade | None, ReadReport]:
    """Return the cascade of a thread, if it has one, and what was odd."""
    report = ReadReport()
    thread, place = listed
    name = release.name(thread)
    try:
        value, mended = read_json(release.file(thread))
        report.repair(MENDED, name, mended)
        read = parse_thread(value, name, report)
    except BadJsonError as error:
        where = f"{release.index.name}:{place.line}"
        report.refuse("thread that cannot be read", name, detail=f"{error} (listed at {where})")
        return None, report
    if read.source is None:
        report.count("posts_dropped_with_thread", len(read.posts))
        report.refuse("thread without a source post", name)
        return None, report
    posts = listed_posts(release.index, place)
    return make_cascade(thread, place.label, read, posts, name, report), report


def _drop_thread(release: Release, thread: str, report: ReadReport) -> None:
    """Count the posts of a thread that is refused, as far as they can be told."""
    name = release.name(thread)
    try:
        value, _ = read_json(release.file(thread))
        read = parse_thread(value, name, report)
    except BadJsonError:
        return
    report.count("posts_dropped_with_thread", len(read.posts))


def _recognises(path: Path) -> bool:
    try:
        find_release(path)
    except DataError:
        return False
    return True


def _build(options: Options) -> WeiboReader:
    return WeiboReader()


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``weibo``."""
    return [
        ReaderSpec(
            name="weibo",
            summary="Weibo threads of 2016: rumor or not, texts of all posts",
            options=NoOptions,
            reference=Reference(
                authors="Ma, Gao, Mitra, Kwon, Jansen, Wong & Cha",
                year=2016,
                title="Detecting Rumors from Microblogs with Recurrent Neural Networks",
                url="https://www.ijcai.org/Proceedings/16/Papers/537.pdf",
            ),
            build=_build,
            recognises=_recognises,
            layouts=("Weibo.txt and Weibo/<event id>.json",),
        )
    ]
