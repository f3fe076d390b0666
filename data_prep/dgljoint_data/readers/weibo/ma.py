"""Cascades from the Weibo threads of Ma et al. (2016): a list, and one file per thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import THREADS_MET, ReadReport
from dgljoint_data.readers.common.digest import digest_files
from dgljoint_data.readers.common.json_text import MENDED, BadJsonError, read_json
from dgljoint_data.readers.weibo.release import Listed, MaRelease, listed_posts, read_list
from dgljoint_data.readers.weibo.thread import make_cascade, parse_thread
from dgljoint_data.workers import Spread


@dataclass(frozen=True, slots=True)
class _Thread:
    id: str
    place: Listed
    file: Path | None


class MaReader:
    """Reads one release; see :class:`dgljoint_data.readers.weibo.WeiboReader`."""

    def __init__(self, release: MaRelease) -> None:
        self._release = release
        self.folder = release.index.parent

    def fingerprint(self) -> str:
        """Return a digest of the list and of the threads' files."""
        files = self._release.thread_files().values()
        return digest_files([self._release.index, *files], self.folder)

    def read_in_parts(self, report: ReadReport, spread: Spread) -> Iterator[Cascade]:
        """Yield the threads in the order of the list, their files read by ``spread``."""
        release = self._release
        threads = read_list(release.index, report)
        files = release.thread_files(report)
        listed = [_Thread(thread, at, files.get(thread)) for thread, at in threads.listed.items()]
        for cascade, found in spread(partial(_read_thread, release), listed):
            report.absorb(found)
            if cascade is not None:
                yield cascade
        for thread, path in files.items():
            if thread in threads.refused:
                _drop_thread(release, thread, path, report)
            elif thread not in threads.listed:
                report.count(THREADS_MET)
                report.refuse("thread without a label", release.name(thread, path))
                _drop_thread(release, thread, path, report)


def _read_thread(release: MaRelease, thread: _Thread) -> tuple[Cascade | None, ReadReport]:
    """Return the cascade of a thread, if it has one, and what was odd."""
    report = ReadReport()
    name = release.name(thread.id, thread.file)
    try:
        value, mended = read_json(thread.file or release.threads / f"{thread.id}.json")
        report.repair(MENDED, name, mended)
        read = parse_thread(value, name, report)
        without = sum(post.profile is None for post in read.posts.values())
        report.count("posts_without_profile", without)
    except BadJsonError as error:
        where = f"{release.index.name}:{thread.place.line}"
        report.refuse("thread that cannot be read", name, detail=f"{error} (listed at {where})")
        return None, report
    if read.source is None:
        report.count("posts_dropped_with_thread", len(read.posts))
        report.refuse("thread without a source post", name)
        return None, report
    listed = listed_posts(release.index, thread.place)
    label = thread.place.label
    return make_cascade(thread.id, label, read, name, report, listed=listed), report


def _drop_thread(release: MaRelease, thread: str, file: Path, report: ReadReport) -> None:
    """Count the posts of a thread that is refused, as far as they can be known."""
    try:
        value, _ = read_json(file)
        read = parse_thread(value, release.name(thread, file), report)
    except BadJsonError:
        return
    report.count("posts_dropped_with_thread", len(read.posts))
