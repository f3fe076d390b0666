"""From a reader's cascades to a cascade file: featurise, write, split, and account for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Cascade, per_post
from dgljoint.data.reading import Reader, ReadReport
from dgljoint.data.store import CascadeStore, StoreWriter, create_store
from dgljoint.errors import DataError, PluginError, RunFailedError
from dgljoint_data.audit.near_duplicates import compare_texts, words_of
from dgljoint_data.audit.outcome import Finding
from dgljoint_data.audit.overlap import Sources, in_store
from dgljoint_data.describe import Holdings, TargetInfo, spread
from dgljoint_data.features.catalogue import Choice, FeatureMaker
from dgljoint_data.readers.common.raw import digest_source, digest_text
from dgljoint_data.readers.twitter.published_folds import PublishedFolds, choose_split, read_folds
from dgljoint_data.splits import make_splits
from dgljoint_data.workers import ItemT, ResultT, Spread, Watch, working

_SILENT = Watch()


@dataclass(frozen=True, slots=True)
class Repeated:
    """Number of texts that are the source of several cascades, and of those cascades."""

    groups: int
    cascades: int


@dataclass(frozen=True, slots=True)
class Shared:
    """What another data set, by its file and name, holds as well, as the audit finds it."""

    path: Path
    name: str
    findings: Sequence[Finding]


@dataclass(frozen=True, kw_only=True)
class BuildSummary(Holdings):
    """What a build read, wrote and left out; ``digest`` and ``size_bytes`` of a file that was kept.

    ``shape`` has least, median, mean and largest number of posts, depth, hours, and
    ``median_hours`` until half of a cascade's posts are there. ``equal_texts`` (of the same words)
    and ``similar_texts`` (near-duplicates) are ``None`` where no source has words. ``splits`` has
    the numbers of folds.
    """

    raw_digest: str
    edges: int
    shape: Mapping[str, Mapping[str, float]]
    equal_texts: Repeated | None
    similar_texts: Repeated | None
    shared: Sequence[Shared]
    splits: Mapping[str, int]
    seconds: float
    report: ReadReport

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold."""
        shared = [
            {"path": str(other.path), "name": other.name,
             "findings": [finding.to_dict() for finding in other.findings]}
            for other in self.shared
        ]
        return super().to_dict() | {"shared": shared}


class StrictError(DataError):
    """A strict build met something to repair or to refuse; ``summary`` is of what it read."""

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
    reader: Reader, *, reader_name: str, source: Path | None, output: Path,
    name: str | None = None, seed: int = 0, folds: Path | None = None,
    features: Sequence[Choice] | None = None, jobs: int = 1, strict: bool = False,
    against: Sequence[CascadeStore] = (), watch: Watch = _SILENT,
) -> BuildSummary:
    """Read raw data and write a cascade file, which appears only when all went well.

    Args: reader: reads the raw format. reader_name: its name. source: the raw folder or file, if
    the reader needs one. output: the file to make; an existing one is replaced. name: of the data
    set; the reader's name by default. seed: of the splits; one that the cascades do not allow is
    left out, with the reason. folds: folder of the published RvNN folds, to store as the split
    ``published``. features: to store; by default the usual ones and what the reader carries. jobs:
    processes that read; the file is the same to the byte. strict: raise StrictError if anything is
    repaired or refused. against: other data sets, to count what they hold as well. watch: is called
    as the build proceeds.

    Raises:
        DataError: the source or the published folds cannot be read or do not fit one another.
        PluginError: the reader does not account for what it met.
        RunFailedError: the file cannot be written.
        UsageError: a feature is chosen that there is not.
    """
    started = time.perf_counter()
    _check_place(output)
    name = name or reader_name
    # What a reader may have beyond `read`: classes that the data define, least columns, a digest.
    labels: tuple[str, ...] = (
        reader.collect_labels(source) if hasattr(reader, "collect_labels") else reader.label_names
    )
    published = [] if folds is None else read_folds(folds)
    maker = FeatureMaker(features, getattr(reader, "feature_columns", {}))
    report, written = ReadReport(), _Written()
    with (
        create_store(output, name=name, reader=reader_name, label_names=labels) as writer,
        working(jobs) as spread,
    ):
        raw = _raw_digest(reader, source)
        cascades = _cascades(reader, source, report, spread, watch)
        _write(writer, written, maker, cascades, watch)
        _account(report, written, reader, reader_name, maker, jobs)
        splits, refused = _write_splits(writer, written, report, seed, published)
        writer.describe(raw_digest=raw, counts=report.counts, splits_refused=refused)
        summary = BuildSummary(
            **written.holdings(labels, against), path=output, name=name, reader=reader_name,
            raw_digest=raw, features=maker.summary(), splits=splits, splits_refused=refused,
            report=report, digest="", size_bytes=0, seconds=time.perf_counter() - started,
        )
        if strict and (report.repairs or report.refusals):
            raise StrictError(summary)
    # Not read again: what it holds was checked, cascade by cascade, when it was added.
    return replace(
        summary, digest=writer.digest, size_bytes=output.stat().st_size,
        seconds=time.perf_counter() - started,
    )


def _raw_digest(reader: Reader, source: Path | None) -> str:
    if hasattr(reader, "fingerprint"):
        return str(reader.fingerprint(source))
    return digest_text(type(reader).__qualname__) if source is None else digest_source(source)


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

    def watched(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
        watch.begin(len(items) if isinstance(items, Sized) else None)
        for result in spread(function, items):
            yield result
            watch.part()

    yield from reader.read_in_parts(source, report, watched)


def _write(
    writer: StoreWriter, written: _Written, maker: FeatureMaker, cascades: Iterable[Cascade],
    watch: Watch,
) -> None:
    for cascade, blocks in maker.each(cascades):
        if cascade.id in written.ids:
            raise DataError(f"cascade {cascade.id} was read twice; ids must be unique")
        writer.add(cascade, blocks)
        written.add(cascade)
        watch.cascade(len(cascade))
    if not written.ids:
        raise DataError("no cascade could be read")
    watch.finish()
    maker.describe(writer)


def _write_splits(
    writer: StoreWriter, written: _Written, report: ReadReport, seed: int,
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
    return {split.name: split.folds for split in splits}, refused


def _account(
    report: ReadReport, written: _Written, reader: Reader, name: str, maker: FeatureMaker,
    jobs: int,
) -> None:
    """Check that every post met is stored or counted as dropped, every thread or refused."""
    posts, threads, refused = written.posts, len(written.ids), len(report.quarantine)
    if report.posts_met is None:
        report.note(f"the reader does not count the posts that it met; {posts:,} are stored")
    accounts = {
        "posts": (report.posts_met, posts, report.posts_dropped),
        "threads": (report.threads_met, threads, refused),
    }
    for what, (met, stored, left_out) in accounts.items():
        if met is not None and met != stored + left_out:
            raise PluginError(
                f"reader '{name}' lost count: {met:,} {what} met, but {stored:,} stored and "
                f"{left_out:,} left out",
                hint="nothing was stored; this is a fault of the reader: report it to its author",
            )
    for note in maker.notes():
        report.note(note)
    if jobs > 1 and not hasattr(reader, "read_in_parts"):
        report.note("read by one process: this reader does not divide its work")


class _Written:
    """What is remembered of the cascades that are in the file: a few bytes of each."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.sources = Sources([], [], [], [])
        self.posts = 0
        self._with_text = 0
        self._shape: dict[str, list[float]] = {
            "posts": [], "depth": [], "hours": [], "median_hours": []
        }
        self._targets: dict[tuple[str, str], Counter[str]] = {}

    def add(self, cascade: Cascade) -> None:
        self.ids.add(cascade.id)
        self.sources.ids.append(cascade.id)
        self.sources.labels.append(cascade.label)
        # As in the store: a cascade of no known event counts as one of its own.
        self.sources.events.append(cascade.event or f"cascade {cascade.id}")
        self.sources.posted_at.append(cascade.posted_at)
        self.sources.texts.append(cascade.text[0])
        self.posts += len(cascade)
        self._with_text += sum(map(bool, cascade.text))
        delay = cascade.delay_seconds
        self._shape["posts"].append(len(cascade))
        self._shape["depth"].append(_depth(cascade.parent))
        self._shape["hours"].append(delay[-1] / 3600)
        self._shape["median_hours"].append(delay[(len(delay) - 1) // 2] / 3600)
        for name, value in cascade.targets.items():
            if value is not None:
                labels = value if per_post(value) else [value]
                per = "post" if per_post(value) else "cascade"
                held = self._targets.setdefault((name, per), Counter())
                held.update(label for label in labels if isinstance(label, str))

    def holdings(
        self, label_names: Sequence[str], against: Sequence[CascadeStore]
    ) -> dict[str, Any]:
        """Return what a :class:`BuildSummary` contains of the cascades, by attribute."""
        sources, cascades = self.sources, len(self.ids)
        equal, similar = _repeated_texts(sources.texts)
        return {
            "cascades": cascades,
            "posts": self.posts,
            "edges": self.posts - cascades,
            "events": len(set(sources.events)),
            "labels": {label: sources.labels.count(label) for label in label_names},
            "unlabelled": sources.labels.count(None),
            "posts_with_text": self._with_text,
            "shape": {key: spread(np.array(held)) for key, held in self._shape.items()},
            "shared": [Shared(one.path, one.name, in_store(sources, one)) for one in against],
            "equal_texts": equal,
            "similar_texts": similar,
            "targets": {
                name: TargetInfo(
                    per, dict(sorted(held.items())),
                    (self.posts if per == "post" else cascades) - held.total(),
                )
                for (name, per), held in self._targets.items()
            },
        }


def _depth(parent: NDArray[np.int32]) -> int:
    # A post is after its parent: one pass, whatever the depth.
    depth: list[int] = []
    for above in parent.tolist():
        depth.append(depth[above] + 1 if above >= 0 else 0)
    return max(depth)


def _repeated_texts(texts: Sequence[str]) -> tuple[Repeated, Repeated] | tuple[None, None]:
    """Count the texts of the same words, and the near-duplicates, where any text has words."""
    if not any(map(words_of, texts)):
        return None, None
    equal, near = compare_texts(texts)
    return _repeated(equal), _repeated(near)


def _repeated(group: NDArray[np.int64]) -> Repeated:
    sizes = np.bincount(group)
    several = sizes[sizes > 1]
    return Repeated(len(several), int(several.sum()))
