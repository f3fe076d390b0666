"""From a reader's cascades to a cascade file: featurise, write, split, and account for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from dgljoint.errors import DataError, RunFailedError
from dgljoint.reading import Reader, ReadReport
from dgljoint.store import CascadeStore, StoreWriter, create_store
from dgljoint_data._digest import digest_files, digest_text
from dgljoint_data.features.catalogue import Choice
from dgljoint_data.features.make import FeatureMaker
from dgljoint_data.splits import Sources, Split, make_splits


class Fingerprinted(Protocol):
    """A reader that says itself what its raw input is.

    For any other reader it is all files under the source.
    """

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest that changes when the cascades read from ``source`` may.

        Raises:
            DataError: the source cannot be read.
        """
        ...


class Labelled(Protocol):
    """A reader whose classes are those of the data, so that they are not known before."""

    def collect_labels(self, source: Path | None) -> tuple[str, ...]:
        """Return the classes in their order.

        Raises:
            DataError: the source cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSummary:
    """What a build read, wrote and left out.

    Attributes:
        path: the cascade file.
        name: of the data set.
        reader: name of the reader.
        digest: of the file's content; two builds of the same input have the same.
        raw_digest: of the raw input.
        cascades: stored.
        posts: stored, sources included.
        edges: stored, one a post but the sources.
        events: distinct ones among the cascades.
        labels: number of cascades of each class, in the order of the classes.
        unlabelled: number of cascades without a label.
        features: by name, what each holds.
        splits: number of folds of each split.
        splits_refused: splits that could not be made, each with the reason.
        size_bytes: of the file.
        seconds: the build took, without the start of the interpreter.
        report: what the reader counted, repaired and refused.
    """

    path: Path
    name: str
    reader: str
    digest: str
    raw_digest: str
    cascades: int
    posts: int
    edges: int
    events: int
    labels: Mapping[str, int]
    unlabelled: int
    features: Mapping[str, str]
    splits: Mapping[str, int]
    splits_refused: Mapping[str, str]
    size_bytes: int
    seconds: float
    report: ReadReport

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold."""
        return asdict(self) | {"path": str(self.path)}


def build_store(
    reader: Reader,
    *,
    reader_name: str,
    source: Path | None,
    output: Path,
    name: str | None = None,
    seed: int = 0,
    features: Sequence[Choice] | None = None,
    on_cascade: Callable[[int], None] | None = None,
) -> BuildSummary:
    """Read raw data and write a cascade file, which appears only when all went well.

    Args:
        reader: reads the raw format.
        reader_name: its name.
        source: the raw folder or file; ``None`` for a reader that needs none.
        output: the file to make; an existing one is replaced.
        name: of the data set; the reader's name when ``None``.
        seed: of the folds.
        features: to store; the default ones and what the reader carries when ``None``.
        on_cascade: called after each cascade with the number stored so far.

    Raises:
        DataError: the source cannot be read, or holds too few events to divide into folds.
        RunFailedError: the file cannot be written.
        UsageError: a feature is chosen that there is not.
    """
    started = time.perf_counter()
    _check_place(output)
    raw_digest = _raw_digest(reader, source)
    label_names = _label_names(reader, source)
    report = ReadReport()
    maker = FeatureMaker(features)
    with create_store(
        output,
        name=name or reader_name,
        reader=reader_name,
        label_names=label_names,
        raw_digest=raw_digest,
    ) as writer:
        written, posts = _write_cascades(writer, reader, source, report, maker, on_cascade)
        _balance_posts(report, posts)
        maker.describe(writer)
        for note in maker.notes():
            report.note(note)
        splits, refused = _write_splits(writer, written, seed)
        writer.set_counts(report.counts)
    labels = written.labels
    return BuildSummary(
        path=output,
        name=name or reader_name,
        reader=reader_name,
        digest=CascadeStore(output).digest,
        raw_digest=raw_digest,
        cascades=len(labels),
        posts=posts,
        edges=posts - len(labels),
        events=len(set(written.events)),
        labels={label: labels.count(label) for label in label_names},
        unlabelled=labels.count(None),
        features=maker.summary(),
        splits={split.name: split.folds for split in splits},
        splits_refused=refused,
        size_bytes=output.stat().st_size,
        seconds=time.perf_counter() - started,
        report=report,
    )


def _check_place(output: Path) -> None:
    if not output.parent.is_dir():
        raise RunFailedError(
            f"cannot write {output}: its folder does not exist",
            hint="make the folder first or choose another place",
        )
    if output.is_dir():
        raise RunFailedError(f"cannot write {output}: it is a folder", hint="name a file")


def _write_cascades(
    writer: StoreWriter,
    reader: Reader,
    source: Path | None,
    report: ReadReport,
    maker: FeatureMaker,
    on_cascade: Callable[[int], None] | None,
) -> tuple[Sources, int]:
    written = Sources([], [], [], [])
    posts = 0
    seen: set[str] = set()
    for cascade, blocks in maker.each(reader.read(source, report)):
        if cascade.id in seen:
            raise DataError(f"cascade {cascade.id} was read twice; ids must be unique")
        seen.add(cascade.id)
        writer.add(cascade, blocks)
        written.labels.append(cascade.label)
        # As in the store: a cascade of no known event counts as one of its own.
        written.events.append(cascade.event or f"cascade {cascade.id}")
        written.posted_at.append(cascade.posted_at)
        written.texts.append(cascade.text[0])
        posts += len(cascade)
        if on_cascade is not None:
            on_cascade(len(seen))
    if not seen:
        raise DataError(f"no cascade could be read from {source or 'the reader'}")
    return written, posts


def _write_splits(
    writer: StoreWriter, sources: Sources, seed: int
) -> tuple[list[Split], dict[str, str]]:
    splits, refused = make_splits(sources, seed)
    for split in splits:
        writer.set_split(
            split.name, split.fold, grouped_by=split.grouped_by, group=split.group,
            ordered_by=split.ordered_by,
        )
    return splits, refused


def _balance_posts(report: ReadReport, stored: int) -> None:
    """Check that every post met is stored or stands under a count of those dropped."""
    if report.posts_met is None:
        report.note(f"the reader does not say how many posts it met; {stored:,} are stored")
    elif report.posts_met != stored + report.posts_dropped:
        raise AssertionError(
            f"{report.posts_met} posts read, {stored} stored, {report.posts_dropped} dropped"
        )


# In both: isinstance with a protocol does not see, since Python 3.12, what a wrapper passes on.
def _label_names(reader: Reader, source: Path | None) -> tuple[str, ...]:
    if hasattr(reader, "collect_labels"):
        return cast(Labelled, reader).collect_labels(source)
    return reader.label_names


def _raw_digest(reader: Reader, source: Path | None) -> str:
    if hasattr(reader, "fingerprint"):
        return cast(Fingerprinted, reader).fingerprint(source)
    if source is None:
        return digest_text(type(reader).__qualname__)
    if source.is_dir():
        return digest_files(filter(Path.is_file, source.rglob("*")), source)
    return digest_files([source], source.parent)
