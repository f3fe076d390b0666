"""Reader of PHEME: threads of Twitter's own JSON about nine breaking-news events.

It recognises the published layouts at any depth: see ``docs/readers/pheme.md``. A post's parent is
its place in ``structure.json``; where it has none there, or that file puts every post below the
source, the tweet that it replies to.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from dgljoint.config.options import Options
from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint_data.readers.common import thread_folders as folders
from dgljoint_data.readers.common.raw import digest_files, digest_text
from dgljoint_data.readers.common.thread_files import RefusedError, ThreadFiles, read_threads
from dgljoint_data.readers.common.values import BadJsonError, shown
from dgljoint_data.readers.rumoureval import holds_keys
from dgljoint_data.workers import Divided, Spread

NON_RUMOR = "non-rumor"
LABEL_NAMES = {
    "veracity": ("false", "true", "unverified", NON_RUMOR),
    "rumor": ("rumor", NON_RUMOR),
    "veracity3": ("false", "true", "unverified"),
}
# The two marks of an annotation: misinformation, true.
_VERACITY = {
    (0, 1): "true", (1, 0): "false", (0, 0): "unverified",
    (0, None): "unverified", (1, None): "false",
}


class PhemeOptions(Options):
    """Which labels the threads get."""

    labels: Literal["veracity", "rumor", "veracity3"] = Field(
        "veracity",
        description="veracity: true, false, unverified, non-rumor; rumor: rumor, non-rumor; "
        "veracity3: true, false, unverified, and non-rumours are left out",
    )


class PhemeReader(Divided):
    """Reads a release in any of the layouts; every tweet file is in ``counts`` of the report.

    ``tweet_files`` are ``distinct_posts`` and ``duplicate_tweet_files``; ``distinct_posts`` are the
    posts stored and ``posts_dropped_*``.
    """

    label_names: tuple[str, ...]

    def __init__(self, options: PhemeOptions) -> None:
        self._labels = options.labels
        self.label_names = LABEL_NAMES[options.labels]

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the threads' files and of the options."""
        release = folders.find_release(source, ReadReport())
        return digest_text(f"{self._labels} {digest_files(release.files(), release.root)}")

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the threads by the names of their folders, at any depth."""
        release = folders.find_release(source, report)
        if release.outside:
            report.count("json_files_outside_threads", len(release.outside))
            outside = folders.named(release.outside, release.start)
            report.note(f"not read, being in no folder of a thread: {outside}")
        labelled = False
        make = partial(_PhemeThread, self._labels, release.root)
        for cascade in read_threads(release, source, report, spread, make):
            labelled |= cascade.label is not None
            yield cascade
        if not labelled:
            report.note(
                "no thread has a label: they come from folders named rumours and non-rumours and "
                "from annotation.json"
            )


class _PhemeThread(ThreadFiles):
    def __init__(self, labels: str, root: Path, thread: folders.Thread, report: ReadReport) -> None:
        super().__init__(root, thread, report)
        self._labels = labels

    def label(self) -> str | None:
        rumour = self.thread.place.rumour
        annotation = self._annotation()
        if rumour is None:
            return None
        if self._labels == "rumor":
            return "rumor" if rumour else NON_RUMOR
        if not rumour:
            if self._labels == "veracity3":
                raise RefusedError("non-rumour, which labels=veracity3 leaves out")
            return NON_RUMOR
        try:
            label = _veracity(annotation)
        except BadJsonError as error:
            name = self.thread.parts[folders.ANNOTATION].name
            raise RefusedError("annotation without a veracity", name, error) from error
        if label is None:
            self.repair("rumour whose veracity is not given (it gets no label)")
        return label

    def _annotation(self) -> dict[str, object]:
        path, rumour = self.thread.parts.get(folders.ANNOTATION), self.thread.place.rumour
        if path is None:
            return {}
        try:
            annotation = self.read(path)
        except BadJsonError as error:
            raise RefusedError("annotation that cannot be read", path.name, error) from error
        if not isinstance(annotation, dict):
            raise RefusedError("annotation that cannot be read", path.name, "no object")
        contrary = "nonrumour" if rumour else "rumour"
        if rumour is not None and annotation.get("is_rumour") == contrary:
            self.repair("annotation that contradicts its folder (the folder counts)")
        return annotation


def _veracity(annotation: dict[str, object]) -> str | None:
    """Return the veracity; ``None`` when there is none. Raise BadJsonError if marks are bad."""
    marks = _mark(annotation, "misinformation"), _mark(annotation, "true")
    if marks[0] is None:
        return None
    if marks not in _VERACITY:
        raise BadJsonError("misinformation and true are both 1")
    return _VERACITY[marks]


def _mark(annotation: dict[str, object], name: str) -> int | None:
    value = annotation.get(name)
    if value is None:
        return None
    # Published files mix numbers and text.
    if type(value) not in (int, str) or value not in (0, 1, "0", "1"):
        raise BadJsonError(f"{name} is {shown(value)}, expected 0 or 1")
    return int(str(value))


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``pheme``."""
    return [
        ReaderSpec(
            name="pheme", summary="PHEME of 2016 and 2018 and RumourEval 2017: texts of all posts",
            options=PhemeOptions,
            reference=Reference(
                authors="Kochkina, Liakata & Zubiaga", year=2018,
                title="All-in-one: Multi-task Learning for Rumour Verification",
                url="https://aclanthology.org/C18-1288/",
            ),
            build=PhemeReader, layouts=folders.LAYOUTS,
            recognises=lambda path: folders.holds_threads(path) and not holds_keys(path),
        )
    ]
