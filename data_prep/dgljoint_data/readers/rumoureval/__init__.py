"""Reader of RumourEval 2017 and 2019: threads of Twitter and Reddit with stance and veracity.

::

    <any folders>/<event>/<id>/{source-tweet,replies}/<tweet id>.json        Twitter
    <any folders>/<id>/{source-tweet,replies}/<post id>.json                 Reddit
    <anywhere>/{train,dev}-key.json, rumoureval-subtaskA-train.json, ...     the keys

Threads have PHEME's third layout and are read by the same rules; Reddit's files are in its own
JSON. A thread's label is its veracity by the keys (none where they have none); the stance of a
post towards the rumor is stored as the target ``stance``, one per post, for other tasks::

    dgljoint preprocess rumoureval rumoureval-2019-training-data -o rumoureval.h5

Comments that Reddit folded away are posts without text, author and date: they get their parent's
time and are no targets of link prediction. A thread of Reddit is an event of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from dgljoint.config.options import NoOptions, Options
from dgljoint.data.cascade import Cascade, Target
from dgljoint.data.reading import ReadReport
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint_data.readers.common.posts import Post
from dgljoint_data.readers.common.raw import digest_files
from dgljoint_data.readers.common.thread_files import ThreadFiles, read_threads
from dgljoint_data.readers.common.thread_folders import (
    Thread,
    find_release,
    holds_threads,
    named,
)
from dgljoint_data.readers.common.tweets import parse_tweet
from dgljoint_data.readers.rumoureval.keys import VERACITIES, Keys, holds_keys, read_keys
from dgljoint_data.readers.rumoureval.reddit import is_reddit, parse_reddit
from dgljoint_data.workers import Divided, Spread

STANCE = "stance"

# What Reddit's threads keep next to their posts: the page that those were cut from.
_PAGE = "raw.json"


class RumourEvalReader(Divided):
    """Reads the threads of a folder and the keys in it.

    ``counts`` of the report account for every post file, as those of the reader ``pheme`` do;
    ``posts_with_stance`` and ``threads_with_veracity`` count what the keys gave.
    """

    label_names: tuple[str, ...] = VERACITIES

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the threads' files and of the keys."""
        release = find_release(source, ReadReport())
        keys = read_keys(release.outside, release.start, ReadReport())
        return digest_files([*release.files(), *keys.files], release.start)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the threads by the names of their folders, at any depth."""
        release = find_release(source, report)
        keys = read_keys(release.outside, release.start, report)
        if keys.others:
            report.note(f"not read, being no key: {named(keys.others, release.start)}")
        if not keys.files:
            report.note(
                "no key file was found, so no thread has a veracity and no post a stance: name "
                "the folder that holds the keys as well"
            )
        make = partial(_KeyedThread, keys, release.root)
        yield from read_threads(release, source, report, spread, make)
        _compare(keys, report)


class _KeyedThread(ThreadFiles):
    """Reads a thread of either site, its labels those of the keys.

    Each of its posts has a stance, so none is left out because what it answers was not collected.
    """

    adopts = True

    def __init__(self, keys: Keys, root: Path, thread: Thread, report: ReadReport) -> None:
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
    """Note what the keys label and no thread contains."""
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
