"""Cascades from either release of Twitter15/16: trees with times, or the words of every post."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import THREADS_MET, ReadReport, first_of
from dgljoint.errors import DataError
from dgljoint_data.readers.common.raw import as_utf8, count_unread, digest_files, digest_text
from dgljoint_data.readers.twitter import releases, rvnn
from dgljoint_data.readers.twitter import tree as trees
from dgljoint_data.readers.twitter.rvnn_join import PublishedWords, digest_text_from
from dgljoint_data.workers import Divided, Spread, read_each

NO_TIMES = (
    "this form carries no times: every delay is 0, no post is later than another, and so the "
    "cascade task has no targets; --text-from joins its words with the times of the tree release"
)
STANCE = (
    "rows have a column after the words, in such copies a stance given by a model; it is not stored"
)
WITHOUT_TREE = "label without a tree"
_UNPACK = (
    f"unpack the whole release: {releases.DATA} and the label file are in one folder or in "
    f"{releases.RESOURCE}/"
)


def count_sizes(sizes: Sequence[int], report: ReadReport) -> None:
    """Count how many posts the threads have in their files."""
    report.counts |= {
        "distinct_posts_per_thread_min": min(sizes),
        "distinct_posts_per_thread_median": statistics.median_low(sizes),
        "distinct_posts_per_thread_mean": round(statistics.fmean(sizes)),
        "distinct_posts_per_thread_max": max(sizes),
    }


class TwitterRvnnReader(Divided):
    """Reads one edition of the release; every row is accounted for in ``counts`` of the report.

    ``rvnn_rows`` are ``distinct_posts`` and the repairs that drop a row; these are the posts stored
    and the ``posts_dropped_*``. A tree without a label is counted and no more.
    """

    label_names: tuple[str, ...] = releases.LABEL_NAMES
    feature_columns: Mapping[str, int] = {rvnn.FEATURE: rvnn.COLUMNS}

    def __init__(self, edition: str, data_file: str = "", label_file: str = "") -> None:
        self._edition = edition
        self._data_file = data_file
        self._label_file = label_file

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the word counts and the label file."""
        data, labels = self._find(source)
        return digest_files([data, labels], data.parent)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the threads of ``source`` that have a label, all read in this process."""
        data, label_file = self._find(source)
        labels, refused = releases.read_classes(label_file, report, tabs=True)
        events = releases.read_events(label_file, report)
        file, trees = rvnn.read_rows(data, report)
        if "rows_with_stance" in report.counts:
            report.note(STANCE)
        report.count("distinct_posts", sum(map(len, trees.values())))
        any_tree = bool(trees)
        sizes, timed = [], False
        for thread, (label, line) in labels.items():
            rows = trees.pop(thread, None)
            if rows is None:
                report.refuse(WITHOUT_TREE, label_file.name, line=line, detail=thread)
                continue
            cascade = rvnn.make_cascade(
                thread, label, rows, file.name, report, event=events.get(thread, ""),
                posted_at=releases.posted_at(int(thread)),
            )
            if cascade is not None:
                yield cascade
                sizes.append(len(rows))
                timed |= bool(cascade.delay_seconds.any())
        if not sizes:
            odd = ({} if any_tree else report.repairs) | report.refusals
            odd.pop(WITHOUT_TREE, None)
            why = first_of(odd, f": no tree of {file.name} is in {label_file.name}")
            raise DataError(f"{data.parent} holds no readable thread{why}")
        if not timed:
            report.note(NO_TIMES)
        posts = {thread: len(rows) for thread, rows in trees.items()}
        rvnn.leave_out(posts, refused, file.name, label_file.name, report)
        _name_others(source or data.parent, data, label_file, report)
        count_sizes(sizes, report)

    def _find(self, source: Path | None) -> tuple[Path, Path]:
        data = releases.find_data(source, self._data_file, self._edition)
        if data is None:
            raise DataError(f"{source} holds no file of RvNN rows", hint=_UNPACK)
        if labels := releases.find_labels(data.parent, self._edition, self._label_file):
            return data, labels
        releases.check_edition(data.parent, self._edition)
        raise DataError(
            f"{data.parent} lacks {releases.event_file(self._edition)}, or any other file of "
            "label, event and thread separated by tabs",
            hint=_UNPACK,
        )


def _name_others(source: Path, data: Path, labels: Path, report: ReadReport) -> None:
    count_unread(releases.other_data(source, data), source, "other files of RvNN rows", report)
    published = {releases.event_file(edition) for edition in releases.EDITIONS}
    others = [
        path for path in releases.label_files(data.parent)
        if path != labels and path.name not in published
    ]
    count_unread(others, source, "other label files", report)


class TwitterTreeReader(Divided):
    """Reads one edition of the tree release; ``counts`` of the report are of the threads kept.

    ``edge_lines`` are ``threads``, ``posts_reachable`` and the repairs that drop an edge;
    ``distinct_posts`` the same with the three ``posts_dropped_*``. ``text_from`` is the RvNN
    release.
    """

    label_names: tuple[str, ...] = releases.LABEL_NAMES

    def __init__(self, edition: str, text_from: Path | None = None, label_file: str = "") -> None:
        self._edition = edition
        self._label_file = label_file
        self._text_from = text_from
        self.feature_columns: Mapping[str, int] = {rvnn.FEATURE: rvnn.COLUMNS} if text_from else {}

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files of the release, or of both, and of no others."""
        release = releases.find_release(source, self._edition)
        events = releases.find_labels(release.folder, self._edition, self._label_file)
        files = [release.labels, *filter(None, (release.texts, events))]
        trees = release.tree_files(ReadReport()).values()
        digest = digest_files([*files, *trees], release.folder)
        if self._text_from is None:
            return digest
        return digest_text(f"{digest} {digest_text_from(self._text_from)}")

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the threads under the folder ``source``, or the only one below with a release."""
        release = releases.find_release(source, self._edition)
        labels, refused = releases.read_classes(release.labels, report, tabs=False)
        texts = releases.read_texts(release.texts, report)
        events = self._events(release, report)
        files = release.tree_files(report)
        words = None if self._text_from is None else PublishedWords(self._text_from, report)
        threads = [
            _Thread(thread, files.get(thread, release.trees / f"{thread}.txt"), label,
                    texts.get(thread), None if events is None else events.get(thread, ""))
            for thread, (label, _) in labels.items()
        ]
        sizes = []
        for read in read_each(spread, partial(_read_thread, release.folder), threads, report):
            sizes.append(read.posts)
            yield words.join(read.cascade, whole=read.whole) if words else read.cascade
        for thread, path in files.items():
            if thread not in labels and thread not in refused:
                report.count(THREADS_MET)
                report.refuse("tree without a label", str(path.relative_to(release.folder)))
        if not sizes:
            why = first_of(report.refusals, ": label.txt names none")
            raise DataError(f"{release.folder} holds no readable thread{why}")
        if words is not None:
            words.close()
        if source is not None:
            others = releases.other_releases(source, release.folder)
            count_unread(others, source, "other releases", report)
        count_sizes(sizes, report)

    def _events(self, release: releases.TreeRelease, report: ReadReport) -> dict[str, str] | None:
        if path := releases.find_labels(release.folder, self._edition, self._label_file):
            return releases.read_events(path, report)
        releases.check_edition(release.folder, self._edition)
        report.note(
            f"{releases.event_file(self._edition)} is not in the folder of label.txt: every thread "
            "counts as an event of its own, so threads about one happening can be on both sides of "
            "a split"
        )
        return None


class _Thread(NamedTuple):
    """What the release has of a thread; no text is ``None``, and so is no file of events."""

    id: str
    file: Path
    label: str
    text: str | None
    event: str | None


class _Read(NamedTuple):
    """A cascade, the number of posts of its file, and whether all its tweets are in the cascade."""

    cascade: Cascade
    posts: int
    whole: bool


def _read_thread(folder: Path, thread: _Thread, report: ReadReport) -> _Read | None:
    name = str(thread.file.relative_to(folder))
    file = _read_tree(thread.file, name, report)
    if file is None:
        return None
    if thread.text is None:
        report.repair("thread without a source text", thread.id)
    if thread.event == "":
        report.repair("thread without an event (it becomes its own)", thread.id)
    tree = trees.choose_tree(file)
    _report(thread.id, name, file, tree, report)
    cascade = _cascade(thread.id, thread.event or "", thread.label, thread.text or "", file, tree)
    whole = len(np.unique(file.tweet)) == len(np.unique(file.tweet[tree.post]))
    return _Read(cascade, len(file.user), whole)


def _read_tree(path: Path, name: str, report: ReadReport) -> trees.TreeFile | None:
    try:
        data = as_utf8(path.read_bytes())
    except FileNotFoundError:
        report.refuse(WITHOUT_TREE, name)
        return None
    except OSError as error:
        report.refuse("tree that cannot be read", name, detail=error.strerror or "")
        return None
    file = trees.parse_tree(data)
    if file is None:
        start = data.lstrip().split(b"\n", 1)[0][:60].decode(errors="replace").rstrip()
        found = f"it begins with {start!r}, expected {trees.ROOT_LINE}" if start else "it is empty"
        report.refuse("tree without a ROOT line", name, detail=found)
    return file


def _report(
    thread: str, name: str, file: trees.TreeFile, tree: trees.Tree, report: ReadReport
) -> None:
    for count_name, number in tree.counts.items():
        report.count(count_name, number)
    other = str(file.tweet[0]) != thread and file.minutes[0] != 0
    report.count("threads_root_is_another_tweet", int(other))
    if file.not_edges:
        report.repair(trees.NOT_AN_EDGE, f"{name}:{file.not_edges[0]}", len(file.not_edges))
    report.repair(trees.ANOTHER_ROOT, name, file.other_roots)
    report.repair(trees.TWO_DELAYS, name, file.two_delays)
    for reason, number in zip(trees.EDGE_REASONS[1:], tree.edges[1:], strict=True):
        report.repair(reason, name, number)


def _cascade(
    thread: str, event: str, label: str, text: str, file: trees.TreeFile, tree: trees.Tree
) -> Cascade:
    tweet = file.tweet[tree.post]
    return Cascade(
        id=thread, event=event, label=label, posted_at=releases.posted_at(int(tweet[0])),
        post_id=list(map(str, tweet.tolist())), parent=tree.parent, user=file.user[tree.post],
        delay_seconds=tree.delay_seconds, kind=_kinds(tweet), text=[text] + [""] * (len(tweet) - 1),
    )


def _kinds(tweet: trees.Ints) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return the kinds of posts from their (N,) tweet ids in time order: a retweet keeps the id."""
    kind = np.full(len(tweet), Kind.RETWEET, np.uint8)
    kind[np.unique(tweet, return_index=True)[1]] = Kind.REPLY
    kind[0] = Kind.SOURCE
    return kind
