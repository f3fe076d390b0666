"""Reader of our own format, the bridge for any data: JSON Lines, one cascade a line.

::

    {"id": "c1", "event": "storm", "label": "false", "posted_at": 1407891610, "posts": [
        {"id": "p1", "parent": null, "delay_seconds": 0, "user": 7, "text": "The dam broke!"},
        {"id": "p2", "parent": "p1", "delay_seconds": 12.5, "kind": "reply", "text": "Source?"}]}

(on one line). ``id`` and ``posts`` must be there, and each post's ``id``, ``parent`` and
``delay_seconds``; everything else may be left out. ``cascade.schema.json`` in this package is the
JSON schema of a line. Nothing is repaired: a line that breaks a rule is refused, with its number
and the place in it. Posts that share an id, as a retweet may with what it retweets, need
different users, and ``parent`` is then the parent's place in ``posts``, from 0::

    dgljoint preprocess jsonl cascades.jsonl -o cascades.h5 -s labels=false,true

Several files, in a folder, are read in the order of their names. ``dgljoint data export`` writes
the format from a cascade file (:mod:`dgljoint_data.export`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field, field_validator

from dgljoint.cascade import Cascade
from dgljoint.errors import DataError
from dgljoint.options import Options
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec
from dgljoint.reading import THREADS_MET, ReadReport
from dgljoint_data._digest import digest_files, digest_text
from dgljoint_data._jsonl_schema import (
    BadLineError,
    arrange_posts,
    count_posts,
    kind_of,
    parse_line,
    targets_of,
)
from dgljoint_data.workers import Spread

SUFFIX = ".jsonl"

_HINT = "give a .jsonl file or a folder of them, one cascade a line"
_STRETCH = 1 << 18  # bytes: some hundred cascades, so that a part's work outweighs handing it over
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The bytes of a file in which some of its lines start."""

    path: Path
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Refused:
    """A line that is refused: why, where in it, and how many posts it holds."""

    reason: str
    where: str
    posts: int


@dataclass(frozen=True, slots=True)
class _Part:
    """What the lines of a stretch hold, by number from its first, and how many there are."""

    made: Sequence[tuple[int, Cascade | _Refused]]
    lines: int


class JsonlOptions(Options):
    """Which classes there are."""

    labels: str = Field(
        "",
        description="the classes in their order, separated by commas; those of the data, sorted, "
        "when empty",
    )

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, value: str) -> str:
        names = _names(value)
        if len(set(names)) < len(names) or not all(names):
            raise ValueError("labels must be names that differ, separated by commas")
        return value


def _names(labels: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in labels.split(",")) if labels else ()


class JsonlReader:
    """Reads JSON Lines files.

    Every line and post is accounted for in ``counts`` of the report::

        lines          = cascades stored + the refusals
        distinct_posts = posts stored + posts_dropped_with_line

    A line that is no JSON, or has no list of posts, counts as one without posts.

    Args:
        options: the classes.

    Attributes:
        label_names: those of the options; empty when the data say them.
    """

    label_names: tuple[str, ...]

    def __init__(self, options: JsonlOptions) -> None:
        self._options = options
        self.label_names = _names(options.labels)

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files and of the options.

        Raises:
            DataError: there is no file or one cannot be read.
        """
        files = _files(source)
        return digest_text(f"{self._options.labels} {digest_files(files, files[0].parent)}")

    def collect_labels(self, source: Path | None) -> tuple[str, ...]:
        """Return the classes: those of the options, or the labels of the lines that hold.

        Raises:
            DataError: there is no file or one cannot be read.
        """
        if self.label_names:
            return self.label_names
        found = set()
        for stretch in _stretches(_files(source)):
            for _, line in _lines(stretch):
                try:
                    found.add(self._cascade(line).label)
                except BadLineError:  # refused, with its reason, when it is read
                    continue
        return tuple(sorted(label for label in found if label is not None))

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the cascades in the order of the files and lines.

        Raises:
            DataError: there is no file, one cannot be read, or no line holds a cascade.
        """
        return self.read_in_parts(source, report, map)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the same, stretches of the files read by ``spread``."""
        seen: set[str] = set()
        stretches = list(_stretches(_files(source)))
        before = 0
        for stretch, part in zip(stretches, spread(self._read, stretches), strict=True):
            before = 0 if stretch.start == 0 else before
            for number, made in part.made:
                report.count(THREADS_MET)
                report.count("lines")
                if isinstance(made, Cascade) and made.id in seen:
                    made = _Refused("cascade that stands twice", f"id: {made.id!r}", len(made))
                report.count("distinct_posts", made.posts if isinstance(made, _Refused) else
                             len(made))
                if isinstance(made, _Refused):
                    report.count("posts_dropped_with_line", made.posts)
                    report.refuse(
                        made.reason, stretch.path.name, line=before + number, detail=made.where
                    )
                    continue
                seen.add(made.id)
                yield made
            before += part.lines
        if not seen:
            first = next(iter(report.refusals.items()), None)
            why = f": {first[0]} ({first[1].examples[0]})" if first else ""
            raise DataError(f"{source} holds no readable cascade{why}", hint=_HINT)

    def _read(self, stretch: _Stretch) -> _Part:
        made: list[tuple[int, Cascade | _Refused]] = []
        lines = 0
        for lines, line in _lines(stretch):
            if not line.strip():
                continue
            try:
                made.append((lines, self._cascade(line)))
            except BadLineError as error:
                made.append((lines, _Refused(error.reason, str(error), count_posts(line))))
        return _Part(made, lines)

    def _cascade(self, line: bytes) -> Cascade:
        made = parse_line(line)
        if self.label_names and made.label not in (None, *self.label_names):
            known = ", ".join(self.label_names)
            raise BadLineError("unknown label", f"label: {made.label!r}; known: {known}")
        arranged = arrange_posts(made.posts)
        posts = [made.posts[place] for place in arranged.post]
        return Cascade(
            id=made.id,
            event=made.event,
            label=made.label,
            posted_at=made.posted_at,
            post_id=[post.id for post in posts],
            parent=arranged.parent,
            user=np.array([post.user for post in posts], np.int64),
            delay_seconds=arranged.seconds,
            kind=np.array([kind_of(post) for post in posts], np.uint8),
            text=[post.text for post in posts],
            targets=targets_of(made, posts),
        )


def _files(source: Path | None) -> list[Path]:
    if source is None:
        raise DataError("this reader needs a file or a folder", hint=_HINT)
    if not source.is_dir():
        if source.exists():
            return [source]
        raise DataError(f"{source} does not exist", hint=_HINT)
    try:
        found = sorted(path for path in source.iterdir() if _is_ours(path))
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
    if not found:
        raise DataError(f"{source} holds no {SUFFIX} file", hint=_HINT)
    return found


def _is_ours(path: Path) -> bool:
    return path.suffix == SUFFIX and not path.name.startswith(".") and path.is_file()


def _stretches(files: Sequence[Path]) -> Iterator[_Stretch]:
    for path in files:
        try:
            size = path.stat().st_size
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        for start in range(0, size, _STRETCH):
            yield _Stretch(path, start, min(start + _STRETCH, size))


def _lines(stretch: _Stretch) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that start in a stretch, with their numbers from its first, 1."""
    start = stretch.start
    try:
        with stretch.path.open("rb") as file:
            if start:
                file.seek(start - 1)
                start += len(file.readline()) - 1  # the rest of a line that starts before
            number = 0
            while start < stretch.end and (line := file.readline()):
                number += 1
                yield number, line if start else line.removeprefix(_BYTE_ORDER_MARK)
                start += len(line)
    except OSError as error:
        raise DataError(f"{stretch.path} cannot be read: {error.strerror}") from error


def _recognises(path: Path) -> bool:
    return any(map(_is_ours, path.iterdir() if path.is_dir() else [path]))


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``jsonl``."""
    return [
        ReaderSpec(
            name="jsonl",
            summary="any data as JSON Lines, one cascade a line; see its JSON schema",
            options=JsonlOptions,
            build=JsonlReader,
            recognises=_recognises,
            layouts=("<any name>.jsonl, one cascade per line",),
        )
    ]
