"""From a reader's cascades to a cascade file: featurise, write, split, and account for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import Reader, ReadReport
from dgljoint.data.store import CascadeStore, StoreWriter, create_store
from dgljoint.errors import DataError, PluginError, RunFailedError
from dgljoint_data.audit.overlap import Threads, in_store
from dgljoint_data.build_summary import BuildSummary, Shapes, Shared, TargetCounts, repeated_texts
from dgljoint_data.features.catalogue import Choice, FeatureMaker
from dgljoint_data.readers.common.optional import feature_columns, label_names, raw_digest
from dgljoint_data.readers.twitter.published_folds import PublishedFolds, choose_split, read_folds
from dgljoint_data.splits import Sources, Split, make_splits
from dgljoint_data.watch import Watch
from dgljoint_data.workers import ItemT, ResultT, Spread, working


class StrictError(DataError):
    """A build that was to be strict met something to repair or to refuse.

    Attributes:
        summary: of what would have been stored.
    """

    def __init__(self, summary: BuildSummary) -> None:
        report = summary.report
        counted = {
            name: sum(tally.count for tally in tallies.values())
            for name, tallies in (("repairs", report.repairs), ("refusals", report.refusals))
        }
        reason, tally = next(iter((report.repairs | report.refusals).items()))
        super().__init__(
            f"{counted['repairs']:,} repairs and {counted['refusals']:,} refusals, "
            f"so {summary.path} was not written; the first: {reason} ({tally.examples[0]})",
            hint="mend the raw data, or build without strict",
        )
        self.summary = summary


@dataclass(slots=True)
class _Written:
    """What is remembered of the cascades that are in the file."""

    # A dictionary for its order and its look-up.
    ids: dict[str, None] = field(default_factory=dict)
    sources: Sources = field(default_factory=lambda: Sources([], [], [], []))
    shapes: Shapes = field(default_factory=Shapes)
    targets: TargetCounts = field(default_factory=TargetCounts)

    def add(self, cascade: Cascade) -> None:
        self.ids[cascade.id] = None
        self.shapes.add(cascade)
        self.targets.add(cascade)
        self.sources.labels.append(cascade.label)
        # As in the store: a cascade of no known event counts as one of its own.
        self.sources.events.append(cascade.event or f"cascade {cascade.id}")
        self.sources.posted_at.append(cascade.posted_at)
        self.sources.texts.append(cascade.text[0])


def build_store(
    reader: Reader,
    *,
    reader_name: str,
    source: Path | None,
    output: Path,
    name: str | None = None,
    seed: int = 0,
    folds: Path | None = None,
    features: Sequence[Choice] | None = None,
    jobs: int = 1,
    strict: bool = False,
    against: Sequence[CascadeStore] = (),
    watch: Watch | None = None,
) -> BuildSummary:
    """Read raw data and write a cascade file, which appears only when all went well.

    Args:
        reader: reads the raw format.
        reader_name: its name.
        source: the raw folder or file; ``None`` for a reader that needs none.
        output: the file to make; an existing one is replaced.
        name: of the data set; the reader's name when ``None``.
        seed: of the folds.
        folds: folder of the published RvNN folds, to store as the split ``published``.
        features: to store; the default ones and what the reader carries when ``None``.
        jobs: processes that read, if the reader has ``read_in_parts`` (see
            :mod:`dgljoint_data.workers`); the file is the same to the byte.
        strict: whether anything repaired or refused makes the build fail.
        against: other data sets, to count what they hold as well.
        watch: is told how it goes on.

    A split that the cascades do not allow is left out, with the reason in the file and the summary.

    Raises:
        DataError: the source or the published folds cannot be read or do not fit one another.
        StrictError: something was repaired or refused in a strict build.
        PluginError: the reader does not account for what it met.
        RunFailedError: the file cannot be written.
        UsageError: a feature is chosen that there is not.
    """
    started = time.perf_counter()
    _check_place(output)
    name = name or reader_name
    labels = label_names(reader, source)
    published = [] if folds is None else read_folds(folds)
    raw = _Raw(reader, reader_name, source)
    maker = FeatureMaker(features, feature_columns(reader))
    with (
        create_store(output, name=name, reader=reader_name, label_names=labels) as writer,
        working(jobs) as spread,
    ):
        made = _fill(writer, spread, raw, maker, watch or Watch())
        splits, refused = _write_splits(writer, made, seed, published)
        if jobs > 1 and not hasattr(reader, "read_in_parts"):
            made.report.note("read by one process: this reader does not divide its work")
        writer.set_counts(made.report.counts)
        summary = replace(
            _sum_up(made, labels, against), path=output, name=name, reader=reader_name,
            splits={split.name: split.folds for split in splits}, splits_refused=refused,
        )
        if strict and (made.report.repairs or made.report.refusals):
            raise StrictError(replace(summary, seconds=time.perf_counter() - started))
    # Not read again: what it holds was checked, cascade by cascade, when it was added.
    return replace(
        summary, digest=writer.digest, size_bytes=output.stat().st_size,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True, slots=True)
class _Raw:
    """What is to be read, and by whom."""

    reader: Reader
    reader_name: str
    source: Path | None


@dataclass(frozen=True, slots=True)
class _Made:
    """What stands in a file that is not put together yet, and what it was made from."""

    written: _Written
    report: ReadReport
    raw_digest: str
    features: Mapping[str, str]


def _fill(
    writer: StoreWriter, spread: Spread, raw: _Raw, maker: FeatureMaker, watch: Watch
) -> _Made:
    report = ReadReport()
    digest = raw_digest(raw.reader, raw.source)
    cascades = _cascades(raw, report, spread, watch)
    written = _write_cascades(writer, cascades, maker, watch)
    watch.finish()
    _balance(report, written, raw.reader_name)
    writer.set_raw_digest(digest)
    maker.describe(writer)
    for note in maker.notes():
        report.note(note)
    return _Made(written, report, digest, maker.summary())


def _check_place(output: Path) -> None:
    if not output.parent.is_dir():
        raise RunFailedError(
            f"cannot write {output}: its folder does not exist",
            hint="make the folder first or choose another place",
        )
    if output.is_dir():
        raise RunFailedError(f"cannot write {output}: it is a folder", hint="name a file")


def _cascades(
    raw: _Raw, report: ReadReport, spread: Spread, watch: Watch
) -> Iterator[Cascade]:
    if not hasattr(raw.reader, "read_in_parts"):
        watch.begin(None)
        yield from raw.reader.read(raw.source, report)
        return

    def watched(
        function: Callable[[ItemT], ResultT], items: Iterable[ItemT]
    ) -> Iterator[ResultT]:
        watch.begin(len(items) if isinstance(items, Sized) else None)
        for result in spread(function, items):
            yield result
            watch.part()

    yield from raw.reader.read_in_parts(raw.source, report, watched)


def _write_cascades(
    writer: StoreWriter,
    cascades: Iterable[Cascade],
    maker: FeatureMaker,
    watch: Watch,
) -> _Written:
    written = _Written()
    for cascade, blocks in maker.each(cascades):
        if cascade.id in written.ids:
            raise DataError(f"cascade {cascade.id} was read twice; ids must be unique")
        writer.add(cascade, blocks)
        written.add(cascade)
        watch.cascade(len(cascade))
    if not written.ids:
        raise DataError("no cascade could be read")
    return written


def _write_splits(
    writer: StoreWriter, made: _Made, seed: int, published: Sequence[PublishedFolds]
) -> tuple[list[Split], dict[str, str]]:
    splits, refused = make_splits(made.written.sources, seed)
    if published:
        splits.append(choose_split(published, list(made.written.ids), made.report))
    for split in splits:
        writer.set_split(
            split.name, split.fold, grouped_by=split.grouped_by, group=split.group,
            ordered_by=split.ordered_by,
        )
    for name, why in refused.items():
        writer.refuse_split(name, why)
    return splits, refused


def _balance(report: ReadReport, written: _Written, reader: str) -> None:
    """Check that every post met is stored or counted as dropped, every thread or refused."""
    posts, threads = written.shapes.posts, len(written.ids)
    if report.posts_met is None:
        report.note(f"the reader does not say how many posts it met; {posts:,} are stored")
    elif report.posts_met != posts + report.posts_dropped:
        raise _unbalanced(reader, "posts", report.posts_met, posts, report.posts_dropped)
    refused = len(report.quarantine)
    if report.threads_met is not None and report.threads_met != threads + refused:
        raise _unbalanced(reader, "threads", report.threads_met, threads, refused)


def _unbalanced(reader: str, what: str, met: int, stored: int, left_out: int) -> PluginError:
    return PluginError(
        f"reader '{reader}' lost count: {met:,} {what} met, but {stored:,} stored and "
        f"{left_out:,} left out",
        hint="nothing was stored; this is a fault of the reader: report it to its author",
    )


def _sum_up(
    made: _Made, label_names: Sequence[str], against: Sequence[CascadeStore]
) -> BuildSummary:
    """Sum up what was read; what the file is, its caller knows."""
    sources, shapes = made.written.sources, made.written.shapes
    ids = list(made.written.ids)
    threads = Threads(ids, sources.labels, sources.posted_at, sources.texts)
    equal, similar = repeated_texts(sources.texts)
    return BuildSummary(
        path=Path(),
        name="",
        reader="",
        digest="",
        raw_digest=made.raw_digest,
        cascades=len(ids),
        posts=shapes.posts,
        edges=shapes.posts - len(ids),
        events=len(set(sources.events)),
        labels={label: sources.labels.count(label) for label in label_names},
        unlabelled=sources.labels.count(None),
        posts_with_text=shapes.posts_with_text,
        shape=shapes.shape(),
        equal_texts=equal,
        similar_texts=similar,
        shared=[Shared(other.path, other.name, in_store(threads, other)) for other in against],
        features=made.features,
        targets=made.written.targets.totals(len(ids), shapes.posts),
        splits={},
        splits_refused={},
        size_bytes=0,
        seconds=0.0,
        report=made.report,
    )
