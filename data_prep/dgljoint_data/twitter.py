"""Readers of Twitter15 and Twitter16, in either of their releases or both.

The **tree release** (Ma, Gao & Wong 2017) has every post with its time, the text of source posts
only, and no events::

    label.txt                    unverified:731166399389962242
    source_tweets.txt            731166399389962242<TAB>text, lower-cased, links as URL
    tree/<tweet id>.txt          ['user', 'tweet', 'minutes']->['user', 'tweet', 'minutes']
    Twitter15_label_All.txt      of the other release: names the events, if it lies here

The **RvNN release** (Ma, Gao & Wong 2018; also BiGCN's) has the word counts of source posts and
replies, the events, and no times, users or retweets; see :mod:`dgljoint_data._rvnn` for a row::

    data.TD_RvNN.vol_5000.txt    id<TAB>None<TAB>1<TAB>2<TAB>9<TAB>1:1 3:1 164:1
    Twitter15_label_All.txt      unverified<TAB>event<TAB>731166399389962242<TAB>...

both in one folder or in ``resource/`` of it. A file of words may hold both editions: the label
file says which trees are meant, and lines of either may end in CRLF.

The folder, or for trees its only subfolder, tells which of the two it is::

    dgljoint preprocess twitter15 raw/twitter15 -o twitter15.h5
    dgljoint preprocess twitter15 raw/rvnn -o words.h5
    dgljoint preprocess twitter15 raw/twitter15 --text-from raw/rvnn -o both.h5

The words are a feature, ``published_words``, of at least 5,000 columns. Of both releases, structure
and times are those of the trees, and a reply gets words only where it is certain which row is its
own (:mod:`dgljoint_data._rvnn_match`): few do, and the report says how many.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

from dgljoint.cascade import Cascade, Kind
from dgljoint.errors import DataError
from dgljoint.options import Options
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint.reading import THREADS_MET, ReadReport
from dgljoint_data._digest import digest_files, digest_text
from dgljoint_data._release import (
    EDITIONS,
    LABEL_NAMES,
    LABELS,
    TEXTS,
    TREES,
    editions_named,
    event_file,
    find_release,
    posted_at,
    read_events,
    read_labels,
    read_texts,
)
from dgljoint_data._rvnn import COLUMNS, FEATURE, find_data
from dgljoint_data._rvnn_reader import TwitterRvnnReader
from dgljoint_data._rvnn_words import PublishedWords, digest_text_from
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


class TwitterTreeReader:
    """Reads one edition of the tree release.

    Threads come in the order of ``label.txt``. What ``counts`` of the report mean is said at
    :func:`dgljoint_data._tree._count`; ``threads_root_is_another_tweet`` are those whose source
    is not the tweet the file is named after, at a delay other than 0. All are of the threads that
    were kept, and::

        edge_lines     = threads + posts_reachable + the repairs that drop an edge
        distinct_posts = threads + posts_reachable + the three posts_dropped_* counts

    Args:
        edition: ``"15"`` or ``"16"``: which file names the events.
        text_from: the RvNN release, for the words of posts; ``None`` for none.
    """

    label_names: tuple[str, ...] = LABEL_NAMES

    def __init__(self, edition: str, text_from: Path | None = None) -> None:
        self._edition = edition
        self._event_file = event_file(edition)
        self._text_from = text_from
        self.feature_columns: Mapping[str, int] = {FEATURE: COLUMNS} if text_from else {}

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files of the release, or of both, and of no others beside them.

        Raises:
            DataError: the release is not complete or cannot be read.
        """
        folder = find_release(source)
        beside = (LABELS, TEXTS, self._event_file)
        paths = [folder / name for name in beside if (folder / name).is_file()]
        trees = (folder / TREES).glob("*.txt")
        digest = digest_files([*paths, *filter(Path.is_file, trees)], folder)
        if self._text_from is None:
            return digest
        return digest_text(f"{digest} {digest_text_from(self._text_from)}")

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
        words = None if self._text_from is None else PublishedWords(self._text_from, report)
        report.count(THREADS_MET, len(labels) + len(report.quarantine))
        threads = [
            _Thread(thread, label, texts.get(thread), None if events is None else
                    events.get(thread, ""))
            for thread, label in labels.items()
        ]
        sizes = []
        for read in spread(partial(_read_thread, folder), threads):
            report.absorb(read.report)
            if read.cascade is None:
                continue
            if words is None:
                yield read.cascade
            else:
                yield words.join(read.cascade, whole=read.whole)
            sizes.append(read.posts)
        _refuse_unlabelled(folder, labels, report)
        if not sizes:
            first = next(iter(report.refusals.items()), None)
            why = f": {first[0]} ({first[1].examples[0]})" if first else ": label.txt names none"
            raise DataError(f"{folder} holds no readable thread{why}")
        if words is not None:
            words.close()
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
        for edition in editions_named(folder):
            raise DataError(
                f"{folder} is Twitter{edition}, expected Twitter{self._edition}: "
                f"it holds {event_file(edition)}",
                hint=f"use the reader twitter{edition}",
            )
        report.note(
            f"{own} does not lie beside label.txt: every thread counts as an event of its own, "
            "so threads about one happening can stand on both sides of a split"
        )
        return None


@dataclass(frozen=True, slots=True)
class _Thread:
    """What lies beside a tree of its thread; no text is ``None``, and so is no file of events."""

    id: str
    label: str
    text: str | None
    event: str | None


@dataclass(frozen=True, slots=True)
class _Read:
    """What came of a thread.

    Attributes:
        report: what was odd about it.
        cascade: ``None`` when it was refused.
        posts: that its file names.
        whole: whether every tweet of its file is in the cascade.
    """

    report: ReadReport
    cascade: Cascade | None = None
    posts: int = 0
    whole: bool = False


def _read_thread(folder: Path, thread: _Thread) -> _Read:
    report = ReadReport()
    file = _read_tree(folder, thread.id, report)
    if file is None:
        return _Read(report)
    if thread.text is None:
        report.repair("thread without a source text", thread.id)
    if thread.event == "":
        report.repair("thread without an event (it becomes its own)", thread.id)
    tree = choose_tree(file)
    _tell(thread.id, file, tree, report)
    cascade = _cascade(
        thread.id, thread.event or "", thread.label, thread.text or "", file, tree
    )
    whole = len(np.unique(file.tweet)) == len(np.unique(file.tweet[tree.post]))
    return _Read(report, cascade, len(file.user), whole)


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
        posted_at=posted_at(int(tweet[0])),
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


def _refuse_unlabelled(folder: Path, labels: dict[str, str], report: ReadReport) -> None:
    for path in sorted((folder / TREES).glob("*.txt")):
        if path.stem.isdecimal() and path.stem not in labels:
            report.count(THREADS_MET)
            report.refuse("tree without a label", f"{TREES}/{path.name}")


class TwitterOptions(Options):
    """Where the words of posts come from."""

    text_from: str = Field(
        "",
        description="folder of the RvNN release, whose word counts are joined to the posts of the "
        "trees where they can be matched; none when empty",
    )


class TwitterReader:
    """Reads whichever release the source is.

    Args:
        edition: ``"15"`` or ``"16"``.
        options: of the reader.
    """

    label_names: tuple[str, ...] = LABEL_NAMES
    feature_columns: Mapping[str, int] = {FEATURE: COLUMNS}

    def __init__(self, edition: str, options: TwitterOptions) -> None:
        self._edition = edition
        self._text_from = Path(options.text_from) if options.text_from else None

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files of the releases read.

        Raises:
            DataError: a release is not complete or cannot be read.
        """
        return self._choose(source).fingerprint(source)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the threads of ``source``.

        Raises:
            DataError: a release is incomplete, of the other edition, or has no readable thread.
        """
        return self._choose(source).read(source, report)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the same, the files of trees read by ``spread``; word counts are one file."""
        chosen = self._choose(source)
        if isinstance(chosen, TwitterTreeReader):
            return chosen.read_in_parts(source, report, spread)
        return chosen.read(source, report)

    def _choose(self, source: Path | None) -> TwitterTreeReader | TwitterRvnnReader:
        if find_data(source) is None or _is_tree_release(source):
            return TwitterTreeReader(self._edition, self._text_from)
        if self._text_from is not None:
            raise DataError(
                f"{source} is the RvNN release, which has its own words; expected the tree "
                "release to join words to",
                hint=f"leave out --text-from, or name the folder of trees instead of {source}",
            )
        return TwitterRvnnReader(self._edition)


def _is_tree_release(path: Path | None) -> bool:
    try:
        find_release(path)
    except DataError:
        return False
    return True


def _recognises(edition: str, path: Path) -> bool:
    """Say whether ``path`` holds a release whose event file, if there is one, is of ``edition``.

    The RvNN release always has one.
    """
    if _is_tree_release(path):
        return edition in (editions_named(find_release(path)) or EDITIONS)
    folder = find_data(path)
    return folder is not None and edition in editions_named(folder)


def _spec(edition: str) -> ReaderSpec:
    def build(options: TwitterOptions) -> TwitterReader:
        return TwitterReader(edition, options)

    return ReaderSpec(
        name=f"twitter{edition}",
        summary=f"Twitter{edition} as trees with times, as RvNN word counts, or both joined",
        options=TwitterOptions,
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
