"""Cascades from the Weibo threads of Ma et al. (2016): a list, and one file per thread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint_data.readers.common import raw
from dgljoint_data.readers.common.values import MENDED, BadJsonError, read_json
from dgljoint_data.readers.weibo.thread import BAD_THREAD, arrange_thread, parse_thread
from dgljoint_data.workers import Spread, read_each

LIST = "Weibo.txt"
THREADS = "Weibo"

_CLASSES = {"0": "non-rumor", "1": "rumor"}
_LINE = re.compile(r"\s*eid\s*:\s*([0-9]{1,19})\s+label\s*:\s*(\S+)\s*", re.IGNORECASE)
_FILE = re.compile(r"([0-9]{1,19})\.json(?:\.gz)?", re.IGNORECASE)


class _Thread(NamedTuple):
    """A thread of the list: its class, line and the ids of its posts, and its file."""

    id: str
    label: str
    line: int
    listed: str
    file: Path | None


class MaReader:
    """Reads the release of a list and a folder of threads."""

    def __init__(self, index: Path, threads: Path) -> None:
        self.folder = index.parent
        self._index = index
        self._threads = threads

    @staticmethod
    def find(folder: Path) -> MaReader | None:
        """Return the reader of a release in a folder; copies of it write the names in any case."""
        # The published spelling goes first where there are two.
        found = sorted(raw.entries(folder), key=lambda path: path.name not in (LIST, THREADS))
        index = [path for path in found if path.name.lower() == LIST.lower() and path.is_file()]
        threads = [path for path in found if path.name.lower() == THREADS.lower() and path.is_dir()]
        return MaReader(index[0], threads[0]) if index and threads else None

    def fingerprint(self) -> str:
        """Return a digest of the list and of the threads' files."""
        files = self._files(ReadReport()).values()
        return raw.digest_files([self._index, *files], self.folder)

    def read_in_parts(self, report: ReadReport, spread: Spread) -> Iterator[Cascade]:
        """Yield the threads in the order of the list, their files read by ``spread``."""
        labels, refused = raw.read_labels(
            self._index, _split, _CLASSES, report, bad="not a line of a thread",
            again="thread listed twice (the first line is kept)",
        )
        files = self._files(report)
        lines = raw.read_lines(self._index)
        listed = [
            _Thread(thread, label, line, _LINE.sub("", lines[line - 1], count=1), files.get(thread))
            for thread, (label, line) in labels.items()
        ]
        del lines
        yield from read_each(spread, self._read_thread, listed, report)
        for thread, path in files.items():
            if thread in labels:
                continue
            name = self._name(thread, path)
            if thread not in refused:
                report.count(THREADS_MET)
                report.refuse("thread without a label", name)
            try:
                posts = parse_thread(read_json(path)[0], name, report)
            except BadJsonError:  # its posts are not known
                continue
            report.count("posts_dropped_with_thread", len(posts))

    def _name(self, thread: str, file: Path | None) -> str:
        """Name the file of a thread, from the release's folder on, whether it is there or not."""
        return f"{self._threads.name}/{file.name if file else f'{thread}.json'}"

    def _files(self, report: ReadReport) -> dict[str, Path]:
        """Return the threads' files by thread, by their names; other files are reported."""
        found: dict[str, Path] = {}
        other = []
        for path in raw.entries(self._threads):
            named = _FILE.fullmatch(path.name)
            if named and named[1] not in found and not path.is_dir():
                found[named[1]] = path
            else:
                other += (path.is_dir() and raw.entries(path)) or [path]
        raw.count_unread(other, self.folder, "other files among the threads", report)
        return found

    def _read_thread(self, thread: _Thread, report: ReadReport) -> Cascade | None:
        name = self._name(thread.id, thread.file)
        try:
            value, mended = read_json(thread.file or self._threads / f"{thread.id}.json")
            report.repair(MENDED, name, mended)
            posts = parse_thread(value, name, report)
        except BadJsonError as error:
            where = f"{self._index.name}:{thread.line}"
            report.refuse(BAD_THREAD, name, detail=f"{error} (listed at {where})")
            return None
        without = sum(post.profile is None for post in posts.values())
        report.count("posts_without_profile", without)
        source = next((post.id for post in posts.values() if post.parent is None), None)
        if source is None:
            report.count("posts_dropped_with_thread", len(posts))
            report.refuse("thread without a source post", name)
            return None
        cascade = arrange_thread(
            thread.id, thread.label, posts, source, name, report, profiles=True
        )
        if listed := set(thread.listed.split()):
            report.repair("id in the list without a post", name, len(listed - posts.keys()))
            report.repair("post that is not in the list", name, len(posts.keys() - listed))
        return cascade


def _split(line: str) -> tuple[str, str]:
    match = _LINE.match(line)
    return (match[2], match[1]) if match else ("", "")
