"""From a reader's cascades to a cascade file: featurise, write, split, and account for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from pathlib import Path

from dgljoint.data.cascade import Block, Cascade
from dgljoint.data.reading import Reader, ReadReport
from dgljoint.data.store import CascadeStore, StoreWriter, create_store
from dgljoint.errors import DataError, PluginError, RunFailedError
from dgljoint_data.audit.overlap import in_store
from dgljoint_data.build_summary import BuildSummary, Shared, Written
from dgljoint_data.features.catalogue import Choice, FeatureMaker
from dgljoint_data.readers.common.optional import feature_columns, label_names, raw_digest
from dgljoint_data.readers.twitter.published_folds import PublishedFolds, choose_split, read_folds
from dgljoint_data.splits import make_splits
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
        watch: is called as it proceeds.

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
    maker = FeatureMaker(features, feature_columns(reader))
    report, written, watch = ReadReport(), Written(), watch or Watch()
    with (
        create_store(output, name=name, reader=reader_name, label_names=labels) as writer,
        working(jobs) as spread,
    ):
        digest = raw_digest(reader, source)
        writer.set_raw_digest(digest)
        cascades = _cascades(reader, source, report, spread, watch)
        _write(writer, written, maker.each(cascades), watch)
        watch.finish()
        _balance(report, written, reader_name)
        maker.describe(writer)
        for note in maker.notes():
            report.note(note)
        splits, refused = _write_splits(writer, written, report, seed, published)
        if jobs > 1 and not hasattr(reader, "read_in_parts"):
            report.note("read by one process: this reader does not divide its work")
        writer.set_counts(report.counts)
        summary = BuildSummary(
            **written.holdings(labels),
            path=output, name=name, reader=reader_name, raw_digest=digest,
            features=maker.summary(), splits=splits, splits_refused=refused, report=report,
            shared=[Shared(o.path, o.name, in_store(written.sources, o)) for o in against],
            digest="", size_bytes=0, seconds=time.perf_counter() - started,
        )
        if strict and (report.repairs or report.refusals):
            raise StrictError(summary)
    # Not read again: what it holds was checked, cascade by cascade, when it was added.
    return replace(
        summary, digest=writer.digest, size_bytes=output.stat().st_size,
        seconds=time.perf_counter() - started,
    )


def _check_place(output: Path) -> None:
    if not output.parent.is_dir():
        raise RunFailedError(
            f"cannot write {output}: its folder does not exist",
            hint="make the folder first or choose another place",
        )
    if output.is_dir():
        raise RunFailedError(f"cannot write {output}: it is a folder", hint="name a file")


def _cascades(
    reader: Reader, source: Path | None, report: ReadReport, spread: Spread, watch: Watch
) -> Iterator[Cascade]:
    if not hasattr(reader, "read_in_parts"):
        watch.begin(None)
        yield from reader.read(source, report)
        return

    def watched(
        function: Callable[[ItemT], ResultT], items: Iterable[ItemT]
    ) -> Iterator[ResultT]:
        watch.begin(len(items) if isinstance(items, Sized) else None)
        for result in spread(function, items):
            yield result
            watch.part()

    yield from reader.read_in_parts(source, report, watched)


def _write(
    writer: StoreWriter, written: Written, cascades: Iterable[tuple[Cascade, dict[str, Block]]],
    watch: Watch,
) -> None:
    for cascade, blocks in cascades:
        if cascade.id in written.ids:
            raise DataError(f"cascade {cascade.id} was read twice; ids must be unique")
        writer.add(cascade, blocks)
        written.add(cascade)
        watch.cascade(len(cascade))
    if not written.ids:
        raise DataError("no cascade could be read")


def _write_splits(
    writer: StoreWriter, written: Written, report: ReadReport, seed: int,
    published: Sequence[PublishedFolds],
) -> tuple[dict[str, int], dict[str, str]]:
    splits, refused = make_splits(written.sources, seed)
    if published:
        splits.append(choose_split(published, written.sources.ids, report))
    for split in splits:
        writer.set_split(
            split.name, split.fold, grouped_by=split.grouped_by, group=split.group,
            ordered_by=split.ordered_by,
        )
    for name, why in refused.items():
        writer.refuse_split(name, why)
    return {split.name: split.folds for split in splits}, refused


def _balance(report: ReadReport, written: Written, reader: str) -> None:
    """Check that every post met is stored or counted as dropped, every thread or refused."""
    posts, threads, refused = written.posts, len(written.ids), len(report.quarantine)
    if report.posts_met is None:
        report.note(f"the reader does not say how many posts it met; {posts:,} are stored")
    accounts = {
        "posts": (report.posts_met, posts, report.posts_dropped),
        "threads": (report.threads_met, threads, refused),
    }
    for what, (met, stored, left_out) in accounts.items():
        if met is not None and met != stored + left_out:
            raise PluginError(
                f"reader '{reader}' lost count: {met:,} {what} met, but {stored:,} stored and "
                f"{left_out:,} left out",
                hint="nothing was stored; this is a fault of the reader: report it to its author",
            )
