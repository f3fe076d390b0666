"""Cascades from the RvNN release of Twitter15/16 alone: the words of every post."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport, first_of
from dgljoint.errors import DataError
from dgljoint_data.readers.common.raw import count_unread, digest_files
from dgljoint_data.readers.twitter import layout, rvnn
from dgljoint_data.workers import Divided, Spread

NO_TIMES = (
    "this form carries no times: every delay is 0, no post is later than another, and so the "
    "cascade task has no targets; --text-from joins its words with the times of the tree release"
)
STANCE = (
    "rows have a column after the words, in such copies a stance given by a model; it is not stored"
)
WITHOUT_TREE = "label without a tree"
_UNPACK = (
    f"unpack the whole release: {layout.DATA} and the label file are in one folder or in "
    f"{layout.RESOURCE}/"
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
    """Reads one edition of the release.

    Threads are in the order of the label file, the posts of one in the order of their time, depth
    and index. Every row is accounted for in ``counts`` of the report::

        rvnn_rows      = distinct_posts + the repairs that drop a row
        distinct_posts = posts stored + the posts_dropped_* counts

    A tree without a label is counted and no more: the published file has both editions.

    Args:
        edition: ``"15"`` or ``"16"``: which label file is read.
        data_file: name of the file of rows, where it cannot be told from others.
        label_file: name of the label file, likewise.
    """

    label_names: tuple[str, ...] = layout.LABEL_NAMES
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
        labels, refused = layout.read_classes(label_file, report, tabs=True)
        events = layout.read_events(label_file, report)
        file, trees = rvnn.read_rows(data, report)
        if "rows_with_stance" in report.counts:
            report.note(STANCE)
        report.count("distinct_posts", sum(map(len, trees.values())))
        any_tree = bool(trees)
        sizes = []
        for thread, (label, line) in labels.items():
            rows = trees.pop(thread, None)
            if rows is None:
                report.refuse(WITHOUT_TREE, label_file.name, line=line, detail=thread)
                continue
            cascade = rvnn.make_cascade(
                thread, label, rows, file.name, report, event=events.get(thread, ""),
                posted_at=layout.posted_at(int(thread)),
            )
            if cascade is not None:
                yield cascade
                sizes.append(len(rows))
        if not sizes:
            odd = ({} if any_tree else report.repairs) | report.refusals
            odd.pop(WITHOUT_TREE, None)
            why = first_of(odd, f": no tree of {file.name} is in {label_file.name}")
            raise DataError(f"{data.parent} holds no readable thread{why}")
        if not report.counts["posts_with_delay"]:
            report.note(NO_TIMES)
        posts = {thread: len(rows) for thread, rows in trees.items()}
        rvnn.leave_out(posts, refused, file.name, label_file.name, report)
        _name_others(source or data.parent, data, label_file, report)
        count_sizes(sizes, report)

    def _find(self, source: Path | None) -> tuple[Path, Path]:
        """Return the file of rows and the label file."""
        data = layout.find_data(source, self._data_file, self._edition)
        if data is None:
            raise DataError(f"{source} holds no file of RvNN rows", hint=_UNPACK)
        if labels := layout.find_labels(data.parent, self._edition, self._label_file):
            return data, labels
        layout.check_edition(data.parent, self._edition)
        raise DataError(
            f"{data.parent} lacks {layout.event_file(self._edition)}, or any other file of label, "
            "event and thread separated by tabs",
            hint=_UNPACK,
        )


def _name_others(source: Path, data: Path, labels: Path, report: ReadReport) -> None:
    """Count and name the files of this form that are not read."""
    count_unread(layout.other_data(source, data), source, "other files of RvNN rows", report)
    published = {layout.event_file(edition) for edition in layout.EDITIONS}
    others = [
        path for path in layout.label_files(data.parent)
        if path != labels and path.name not in published
    ]
    count_unread(others, source, "other label files", report)
