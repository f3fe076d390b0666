"""Readers of the Twitter15 and Twitter16 tree release.

The release is one folder with ``label.txt``, ``source_tweets.txt`` and ``tree/<tweet id>.txt``::

    dgljoint preprocess twitter15 raw/twitter15 -o twitter15.h5

Only the text of source posts is published. Which event a thread belongs to is not part of this
release: it stands in ``Twitter15_label_All.txt`` of the RvNN release, which is read when it lies
beside ``label.txt``.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from dgljoint.cascade import Cascade, Kind
from dgljoint.errors import DataError
from dgljoint.options import Options
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint.reading import THREADS_MET, ReadReport
from dgljoint_data._digest import digest_files
from dgljoint_data._release import (
    LABELS,
    TEXTS,
    TREES,
    find_release,
    read_events,
    read_labels,
    read_texts,
)
from dgljoint_data._tree import (
    ANOTHER_ROOT,
    EDGE_REASONS,
    NOT_AN_EDGE,
    TWO_DELAYS,
    Ints,
    Tree,
    TreeFile,
    choose_tree,
    parse_tree,
)
from dgljoint_data.workers import Spread

LABEL_NAMES = ("false", "true", "unverified", "non-rumor")
EDITIONS = ("15", "16")

_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_FIRST_SNOWFLAKE = 30_000_000_000  # ids were running numbers until November 2010


class TwitterTreeReader:
    """Reads one edition of the release.

    Threads come in the order of ``label.txt``. What ``counts`` of the report mean is said at
    :func:`dgljoint_data._tree._count`; ``threads_root_is_another_tweet`` are those whose source
    is not the tweet the file is named after, at a delay other than 0. All are of the threads that
    were kept, and::

        edge_lines     = threads + posts_reachable + the repairs that drop an edge
        distinct_posts = threads + posts_reachable + the three posts_dropped_* counts

    Args:
        edition: ``"15"`` or ``"16"``: which file names the events.
    """

    label_names: tuple[str, ...] = LABEL_NAMES

    def __init__(self, edition: str) -> None:
        self._edition = edition
        self._event_file = _event_file(edition)

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files of the release and of no others beside them.

        Raises:
            DataError: the release is not complete or cannot be read.
        """
        folder = find_release(source)
        beside = (LABELS, TEXTS, self._event_file)
        paths = [folder / name for name in beside if (folder / name).is_file()]
        trees = (folder / TREES).glob("*.txt")
        return digest_files([*paths, *filter(Path.is_file, trees)], folder)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the threads under the folder ``source``, or its only subfolder with a release.

        Raises:
            DataError: the release is incomplete, of the other edition, or has no readable thread.
        """
        return self.read_in_parts(source, report, map)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the same, the tree files read by ``spread``."""
        folder = find_release(source)
        labels = read_labels(folder, self.label_names, report)
        texts = read_texts(folder, report)
        events = self._events(folder, report)
        report.count(THREADS_MET, len(labels) + len(report.quarantine))
        threads = [
            _Thread(thread, label, texts.get(thread), None if events is None else
                    events.get(thread, ""))
            for thread, label in labels.items()
        ]
        sizes = []
        for size, cascade, found in spread(partial(_read_thread, folder), threads):
            report.absorb(found)
            if cascade is not None:
                yield cascade
                sizes.append(size)
        _refuse_unlabelled(folder, labels, report)
        if not sizes:
            first = next(iter(report.refusals.items()), None)
            why = f": {first[0]} ({first[1].examples[0]})" if first else ": label.txt names none"
            raise DataError(f"{folder} holds no readable thread{why}")
        report.counts |= {
            "distinct_posts_per_thread_min": min(sizes),
            "distinct_posts_per_thread_median": statistics.median_low(sizes),
            "distinct_posts_per_thread_mean": round(statistics.fmean(sizes)),
            "distinct_posts_per_thread_max": max(sizes),
        }

    def _events(self, folder: Path, report: ReadReport) -> dict[str, str] | None:
        own = self._event_file
        if (folder / own).is_file():
            return read_events(folder / own, report)
        for edition in EDITIONS:
            if (folder / _event_file(edition)).is_file():
                raise DataError(
                    f"{folder} is Twitter{edition}, expected Twitter{self._edition}: "
                    f"it holds {_event_file(edition)}",
                    hint=f"use the reader twitter{edition}",
                )
        report.note(
            f"{own} does not lie beside label.txt: every thread counts as an event of its own, "
            "so threads about one happening can stand on both sides of a split"
        )
        return None


def _event_file(edition: str) -> str:
    return f"Twitter{edition}_label_All.txt"


@dataclass(frozen=True, slots=True)
class _Thread:
    """What lies beside a tree of its thread; no text is ``None``, and so is no file of events."""

    id: str
    label: str
    text: str | None
    event: str | None


def _read_thread(folder: Path, thread: _Thread) -> tuple[int, Cascade | None, ReadReport]:
    """Return how many posts a tree names, its cascade, if it has one, and what was odd."""
    report = ReadReport()
    file = _read_tree(folder, thread.id, report)
    if file is None:
        return 0, None, report
    if thread.text is None:
        report.repair("thread without a source text", thread.id)
    if thread.event == "":
        report.repair("thread without an event (it becomes its own)", thread.id)
    tree = choose_tree(file)
    _tell(thread.id, file, tree, report)
    cascade = _cascade(
        thread.id, thread.event or "", thread.label, thread.text or "", file, tree
    )
    return len(file.user), cascade, report


def _read_tree(folder: Path, thread: str, report: ReadReport) -> TreeFile | None:
    name = f"{TREES}/{thread}.txt"
    try:
        data = (folder / name).read_bytes()
    except FileNotFoundError:
        report.refuse("label without a tree", name)
        return None
    except OSError as error:
        report.refuse("tree that cannot be read", name, detail=error.strerror or "")
        return None
    file = parse_tree(data)
    if file is None:
        report.refuse("tree without a ROOT line", name)
    return file


def _tell(thread: str, file: TreeFile, tree: Tree, report: ReadReport) -> None:
    """Put one thread's counts and repairs into the report."""
    name = f"{TREES}/{thread}.txt"
    for count_name, number in tree.counts.items():
        report.count(count_name, number)
    other = str(file.tweet[0]) != thread and file.minutes[0] != 0
    report.count("threads_root_is_another_tweet", int(other))
    if file.not_edges:
        report.repair(NOT_AN_EDGE, f"{name}:{file.not_edges[0]}", len(file.not_edges))
    report.repair(ANOTHER_ROOT, name, file.other_roots)
    report.repair(TWO_DELAYS, name, file.two_delays)
    for reason, number in zip(EDGE_REASONS[1:], tree.edges[1:], strict=True):
        report.repair(reason, name, number)


def _cascade(
    thread: str, event: str, label: str, text: str, file: TreeFile, tree: Tree
) -> Cascade:
    tweet = file.tweet[tree.post]
    return Cascade(
        id=thread,
        event=event,
        label=label,
        posted_at=_posted_at(int(tweet[0])),
        post_id=list(map(str, tweet.tolist())),
        parent=tree.parent,
        user=file.user[tree.post],
        delay_seconds=tree.delay_seconds,
        kind=_kinds(tweet),
        text=[text] + [""] * (len(tweet) - 1),
    )


def _kinds(tweet: Ints) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Say how each post entered, from (N,) tweet ids in time order.

    A retweet keeps the tweet id, so a tweet id that was there before is a retweet; the parent
    plays no part.
    """
    kind = np.full(len(tweet), Kind.RETWEET, np.uint8)
    kind[np.unique(tweet, return_index=True)[1]] = Kind.REPLY
    kind[0] = Kind.SOURCE
    return kind


def _posted_at(tweet: int) -> int:
    """Return the Unix second a tweet id encodes; 0 for an id from before ids encoded the time."""
    return ((tweet >> 22) + _SNOWFLAKE_EPOCH_MS) // 1000 if tweet >= _FIRST_SNOWFLAKE else 0


def _refuse_unlabelled(folder: Path, labels: dict[str, str], report: ReadReport) -> None:
    for path in sorted((folder / TREES).glob("*.txt")):
        if path.stem.isdecimal() and path.stem not in labels:
            report.count(THREADS_MET)
            report.refuse("tree without a label", f"{TREES}/{path.name}")


def _recognises(edition: str, path: Path) -> bool:
    """Say whether ``path`` holds a release whose event file, if there is one, is of ``edition``."""
    try:
        folder = find_release(path)
    except DataError:
        return False
    named = [other for other in EDITIONS if (folder / _event_file(other)).is_file()]
    return edition in (named or EDITIONS)


def _spec(edition: str) -> ReaderSpec:
    def build(options: Options) -> TwitterTreeReader:
        return TwitterTreeReader(edition)

    return ReaderSpec(
        name=f"twitter{edition}",
        summary=f"Twitter{edition} in its tree form: four classes, texts of source posts only",
        reference=Reference(
            authors="Ma, Gao & Wong",
            year=2017,
            title="Detect Rumors in Microblog Posts Using Propagation Structure via Kernel "
            "Learning",
            url="https://aclanthology.org/P17-1066/",
        ),
        build=build,
        recognises=partial(_recognises, edition),
    )


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the readers ``twitter15`` and ``twitter16``."""
    return [_spec(edition) for edition in EDITIONS]
