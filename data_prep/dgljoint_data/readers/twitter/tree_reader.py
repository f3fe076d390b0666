"""Cascades from the tree release of Twitter15/16: posts with times, the text of sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import THREADS_MET, ReadReport, first_of
from dgljoint.errors import DataError
from dgljoint_data.readers.common.raw import as_utf8, count_unread, digest_files, digest_text
from dgljoint_data.readers.twitter import layout
from dgljoint_data.readers.twitter import tree as trees
from dgljoint_data.readers.twitter.rvnn import COLUMNS, FEATURE
from dgljoint_data.readers.twitter.rvnn_join import PublishedWords, digest_text_from
from dgljoint_data.readers.twitter.rvnn_reader import WITHOUT_TREE, count_sizes
from dgljoint_data.workers import Divided, Spread, read_each


class TwitterTreeReader(Divided):
    """Reads one edition of the tree release.

    Threads are in the order of ``label.txt``. ``tree._count`` explains the ``counts`` of the
    report; ``threads_root_is_another_tweet`` are those whose source is not the tweet the file is
    named after, at a delay other than 0. All are of the threads that were kept, and::

        edge_lines     = threads + posts_reachable + the repairs that drop an edge
        distinct_posts = threads + posts_reachable + the three posts_dropped_* counts

    Args:
        edition: ``"15"`` or ``"16"``: which file names the events.
        text_from: the RvNN release, for the words of posts; ``None`` for none.
        label_file: name of the file of events, where it cannot be told from others.
    """

    label_names: tuple[str, ...] = layout.LABEL_NAMES

    def __init__(
        self, edition: str, text_from: Path | None = None, label_file: str = ""
    ) -> None:
        self._edition = edition
        self._label_file = label_file
        self._text_from = text_from
        self.feature_columns: Mapping[str, int] = {FEATURE: COLUMNS} if text_from else {}

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files of the release, or of both, and of no others."""
        release = layout.find_release(source, self._edition)
        events = layout.find_labels(release.folder, self._edition, self._label_file)
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
        release = layout.find_release(source, self._edition)
        labels, refused = layout.read_classes(release.labels, report, tabs=False)
        texts = layout.read_texts(release.texts, report)
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
            others = layout.other_releases(source, release.folder)
            count_unread(others, source, "other releases", report)
        count_sizes(sizes, report)

    def _events(self, release: layout.TreeRelease, report: ReadReport) -> dict[str, str] | None:
        if path := layout.find_labels(release.folder, self._edition, self._label_file):
            return layout.read_events(path, report)
        layout.check_edition(release.folder, self._edition)
        report.note(
            f"{layout.event_file(self._edition)} is not in the folder of label.txt: every thread "
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
    cascade = _cascade(
        thread.id, thread.event or "", thread.label, thread.text or "", file, tree
    )
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
    """Report one thread's counts and repairs."""
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
        id=thread,
        event=event,
        label=label,
        posted_at=layout.posted_at(int(tweet[0])),
        post_id=list(map(str, tweet.tolist())),
        parent=tree.parent,
        user=file.user[tree.post],
        delay_seconds=tree.delay_seconds,
        kind=_kinds(tweet),
        text=[text] + [""] * (len(tweet) - 1),
    )


def _kinds(tweet: trees.Ints) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return the kinds of posts from their (N,) tweet ids in time order: a retweet keeps the id."""
    kind = np.full(len(tweet), Kind.RETWEET, np.uint8)
    kind[np.unique(tweet, return_index=True)[1]] = Kind.REPLY
    kind[0] = Kind.SOURCE
    return kind
