"""Reader of our own format, the bridge for any data: JSON Lines, one cascade per line.

``docs/readers/jsonl.md`` describes it, ``cascade.schema.json`` in this package is its JSON schema.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, field_validator

from dgljoint.config.options import Options
from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import THREADS_MET, ReadReport, first_of
from dgljoint.errors import DataError
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_data.readers.common.raw import count_unread, digest_files, digest_text
from dgljoint_data.readers.common.values import MENDED, ODD_DATE, BadJsonError, is_odd, parse_json
from dgljoint_data.readers.jsonl import parts, schema
from dgljoint_data.workers import Divided, Spread


class _Read(NamedTuple):
    """The results of a part's lines, with their numbers from 1 and the characters mended."""

    path: Path
    first: bool
    lines: int
    made: Sequence[tuple[int, Cascade | schema.BadLineError, int]]


class _Survey(NamedTuple):
    """What all lines together have: classes, keys of further numbers, and such keys left out."""

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    left_out: tuple[str, ...]


class JsonlOptions(Options):
    """Which classes and further numbers there are."""

    labels: str = Field(
        "",
        description="the classes in their order, separated by commas; those of the data, sorted, "
        "when empty",
    )

    columns: str = Field(
        "", description="keys of numbers of posts that are the feature extra, in their order, "
        "separated by commas; all that the posts have, sorted, but ids and dates, when empty",
    )

    @field_validator("labels", "columns")
    @classmethod
    def _check_names(cls, value: str) -> str:
        names = _names(value)
        if len(set(names)) < len(names) or not all(names):
            raise ValueError("expected names that differ, separated by commas")
        return value


def _names(labels: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in labels.split(",")) if labels else ()


class JsonlReader(Divided):
    """Reads JSON Lines files; ``label_names`` are empty when they are those of the data.

    ``counts`` of the report: ``lines`` are the cascades stored and the refusals but those of files,
    ``distinct_posts`` the posts stored and ``posts_dropped_with_line``.
    """

    label_names: tuple[str, ...]

    def __init__(self, options: JsonlOptions) -> None:
        self._options = options
        self.label_names = _names(options.labels)
        self._columns = _names(options.columns)
        self._surveyed: tuple[object, _Survey] | None = None

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files and of the options."""
        files = parts.find_files(source)
        options = self._options
        asked = f"{options.labels} {options.columns}" if options.columns else options.labels
        return digest_text(f"{asked} {digest_files(files, files[0].parent)}")

    def collect_labels(self, source: Path | None) -> tuple[str, ...]:
        """Return the classes: those of the options, or of the lines that are read."""
        return self.label_names or self._survey(parts.find_files(source)).labels

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the cascades in the order of the files and lines."""
        files = parts.find_files(source)
        read = partial(_read_part, self.label_names, self._columns or self._extra(files, report))
        seen: set[str] = set()
        before = 0
        for found in spread(read, parts.cut(files)):
            if isinstance(found, parts.Unread):
                report.count(THREADS_MET)
                report.refuse(found.reason, found.path.name, detail=found.detail)
                continue
            before = 0 if found.first else before
            for number, result, mended in found.made:
                line = before + number
                report.count(THREADS_MET)
                report.count("lines")
                if isinstance(result, Cascade) and result.id not in seen:
                    seen.add(result.id)
                    where = f"{found.path.name}:{line}"
                    odd = result.posted_at != 0 and is_odd(result.posted_at)
                    report.count("distinct_posts", len(result))
                    report.repair(MENDED, where, mended)
                    report.repair(ODD_DATE, f"{where}: posted_at", int(odd))
                    yield result
                else:
                    _refuse(result, found.path.name, line, report)
            before += found.lines
        if not seen:
            why = first_of(report.refusals, ": it is empty")
            raise DataError(f"{source} holds no readable cascade{why}", hint=parts.HINT)
        if source is not None and source.is_dir():
            others = parts.other_files(source, files)
            count_unread(others, source, "other files of JSON Lines", report)

    def _extra(self, files: Sequence[Path], report: ReadReport) -> tuple[str, ...]:
        survey = self._survey(files)
        if survey.columns:
            report.note(
                f"further numbers of posts are the feature {schema.FEATURE!r}, 0 where a post has "
                f"none: {', '.join(survey.columns)}"
            )
        if survey.left_out:
            report.note(
                f"numbers of posts that seem to be ids or dates are no features: "
                f"{', '.join(survey.left_out)} (columns=NAME,... names those that are)"
            )
        return survey.columns

    def _survey(self, files: Sequence[Path]) -> _Survey:
        """Go through all lines once for what must be known before the first cascade."""
        state = [(path, stat.st_size, stat.st_mtime_ns) for path in files for stat in [path.stat()]]
        if self._surveyed is None or self._surveyed[0] != state:
            self._surveyed = state, _survey(files, with_labels=not self.label_names)
        return self._surveyed[1]


def _survey(files: Sequence[Path], *, with_labels: bool) -> _Survey:
    labels: set[str | None] = set()
    keys: set[str] = set()
    blocks = (part for part in parts.cut(files) if not isinstance(part, parts.Unread))
    for line in chain.from_iterable(block.lines() for block in blocks):
        try:
            value, _ = parse_json(line)
            if with_labels:
                labels.add(schema.make_cascade(line, (), ())[0].label)
        except (schema.BadLineError, BadJsonError):  # refused, with its reason, when it is read
            continue
        posts = value.get("posts") if isinstance(value, dict) else None
        keys |= schema.keys_of(posts) if isinstance(posts, list) else set()
    # An id or a date in a model's reach would be learned by heart.
    columns = tuple(sorted(key for key in keys if not schema.NEVER.search(key)))
    known = tuple(sorted(label for label in labels if label is not None))
    return _Survey(known, columns, tuple(sorted(keys - set(columns))))


def _read_part(
    labels: Sequence[str], columns: Sequence[str], part: parts.Part
) -> _Read | parts.Unread:
    if isinstance(part, parts.Unread):
        return part
    made: list[tuple[int, Cascade | schema.BadLineError, int]] = []
    lines = part.lines()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                made.append((number, *schema.make_cascade(line, labels, columns)))
            except schema.BadLineError as error:
                error.posts = schema.count_posts(line)
                made.append((number, error, 0))
    return _Read(part.path, part.first, len(lines), made)


def _refuse(
    result: Cascade | schema.BadLineError, name: str, line: int, report: ReadReport
) -> None:
    if isinstance(result, Cascade):
        posts, reason, where = len(result), "cascade that occurs twice", f"id: {result.id!r}"
    else:
        posts, reason, where = result.posts, result.reason, result.where
    report.count("distinct_posts", posts)
    report.count("posts_dropped_with_line", posts)
    report.refuse(reason, name, line=line, detail=where)


def _recognises(path: Path) -> bool:
    if path.is_dir():
        return any(map(parts.is_ours, path.iterdir()))
    # The refusal of an array explains how it becomes JSON Lines.
    return parts.is_ours(path) or parts.holds_array(path)


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``jsonl``."""
    return [
        ReaderSpec(
            name="jsonl",
            summary="any data as JSON Lines, one cascade per line; see its JSON schema",
            options=JsonlOptions, build=JsonlReader, recognises=_recognises,
            layouts=("NAME.jsonl or NAME.ndjson, also .gz, one cascade per line",),
        )
    ]
