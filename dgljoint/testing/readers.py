"""The checks of a reader of raw data."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dgljoint.config.options import parse_options
from dgljoint.data.cascade import Cascade, Kind, RowBlock, SparseBlock
from dgljoint.data.reading import Reader, ReadReport
from dgljoint.errors import DataError
from dgljoint.plugins.specs import ReaderSpec
from dgljoint.testing.findings import Check, Checks, expect, verifying

_DTYPES = {"parent": "int32", "user": "int64", "delay_seconds": "float64", "kind": "uint8"}


def reader_checks(
    spec: ReaderSpec, source: Path | None, options: Mapping[str, object] | None = None
) -> Checks:
    """Check everything the engine relies on in a reader, one property after another.

    Args:
        spec: of the reader.
        source: raw data of at least one cascade; ``None`` for a reader that needs none.
        options: of the spec; those left out have their defaults.

    Raises:
        UsageError: the options are not the spec's.
    """
    parsed = parse_options(spec.options, options or {}, spec.name)
    check = partial(Check, f"reader '{spec.name}'")
    make: Make = partial(spec.build, parsed)
    yield check(
        "reads its source",
        "read(source, report) yields dgljoint.Cascade objects, one at least",
        partial(_reads, make, source), essential=True,
    )
    for name, mend, of in (
        ("yields cascades in order", "time order, every post after its parent, delays from 0, "
         "columns of the dtypes that Cascade names", _in_order),
        ("yields each cascade once", "give every cascade an id of its own", _once),
        ("declares its labels", "list every label in label_names, or yield None", _labels),
        ("gives every cascade the same features", "the same names and widths throughout",
         _features),
        ("accounts for all it met", "count posts met as 'distinct_posts', each dropped as "
         "'posts_dropped_<why>', threads met as 'threads_met', and refuse the rest", _account),
        ("repeats", "sort what the file system lists, and draw nothing unseeded", _repeats),
    ):
        yield check(name, mend, partial(of, make, source))
    if source is None:
        return
    yield check(
        "leaves its source alone", "write nothing into the folder of the raw data",
        partial(_leaves_source, make, source),
    )
    yield check(
        "refuses what is not there",
        "raise dgljoint.DataError with one line for a source that is missing or empty",
        partial(_refuses, make),
    )
    if spec.recognises is not None:
        yield check(
            "recognises its own source", "recognises must not take an empty folder for it",
            partial(_recognises, spec.recognises, source),
        )


Make = Callable[[], Reader]


def _read(make: Make, source: Path | None) -> tuple[list[Cascade], ReadReport]:
    report = ReadReport()
    return list(make().read(source, report)), report


def _reads(make: Make, source: Path | None) -> None:
    found, _ = _read(make, source)
    expect(bool(found), "no cascade was yielded")
    for cascade in found:
        name = type(cascade).__name__
        expect(isinstance(cascade, Cascade), f"a {name} was yielded, expected a Cascade")


def _in_order(make: Make, source: Path | None) -> None:
    for cascade in _read(make, source)[0]:
        cascade.check()
        expect(cascade.kind[0] == Kind.SOURCE, f"cascade {cascade.id}: post 0 is of another kind")
        for name, expected in _DTYPES.items():
            found = str(getattr(cascade, name).dtype)
            expect(found == expected, f"cascade {cascade.id}: {name} is {found}, not {expected}")
        for text in (cascade.id, cascade.event, *cascade.post_id, *cascade.text):
            text.encode()


def _once(make: Make, source: Path | None) -> None:
    seen: set[str] = set()
    for cascade in _read(make, source)[0]:
        expect(bool(cascade.id), "a cascade has no id")
        expect(cascade.id not in seen, f"cascade {cascade.id} was yielded twice")
        seen.add(cascade.id)


def _labels(make: Make, source: Path | None) -> None:
    reader = make()
    collect = getattr(reader, "collect_labels", None)
    names = collect(source) if collect else reader.label_names
    expect(
        isinstance(names, tuple) and len(set(names)) == len(names),
        f"label_names is {names!r}, expected a tuple of different names",
    )
    for cascade in reader.read(source, ReadReport()):
        known = cascade.label is None or cascade.label in names
        expect(known, f"cascade {cascade.id} has the label {cascade.label!r}, which is not in "
               f"{names}")


def _features(make: Make, source: Path | None) -> None:
    shapes: dict[str, object] | None = None
    for cascade in _read(make, source)[0]:
        found: dict[str, object] = {}
        for name, block in cascade.features.items():
            if isinstance(block, SparseBlock):
                found[name], rows = "sparse", len(block.indptr) - 1
            elif isinstance(block, RowBlock):
                found[name], rows = block.rows.shape[1:], len(cascade)
                _places(cascade, name, block)
            else:
                found[name], rows = block.shape[1:], len(block)
            expect(
                rows == len(cascade),
                f"cascade {cascade.id}: '{name}' has {rows} rows for {len(cascade)} posts",
            )
        shapes = found if shapes is None else shapes
        expect(found == shapes, f"cascade {cascade.id} has the features {found}, others {shapes}")


def _places(cascade: Cascade, name: str, block: RowBlock) -> None:
    where = f"cascade {cascade.id}: '{name}'"
    index, rows = block.index.tolist(), len(block.rows)
    expect(rows == len(index), f"{where} has {rows} rows for {len(index)} places")
    expect(
        index == sorted({place for place in index if 0 <= place < len(cascade)}),
        f"{where} has rows in places that do not ascend in its posts",
    )


def _account(make: Make, source: Path | None) -> None:
    """Raise unless every post and thread met is in a cascade or in the report, once."""
    cascades, report = _read(make, source)
    stored = sum(map(len, cascades))
    expect(
        report.posts_met in (None, stored + report.posts_dropped),
        f"{report.posts_met} posts met, {stored} read, {report.posts_dropped} dropped",
    )
    refused = len(report.quarantine)
    expect(
        report.threads_met in (None, len(cascades) + refused),
        f"{report.threads_met} threads met, {len(cascades)} read, {refused} refused",
    )
    negative = {name: number for name, number in report.counts.items() if number < 0}
    expect(not negative, f"counts below nothing: {negative}")


def _repeats(make: Make, source: Path | None) -> None:
    (one, first), (other, second) = (_read(make, source) for _ in range(2))
    ids, again = ([cascade.id for cascade in found] for found in (one, other))
    expect(ids == again, "a second reading gives other cascades, or another order")
    for left, right in zip(map(asdict, one), map(asdict, other), strict=True):
        for name, value in left.items():
            try:
                np.testing.assert_equal(right[name], value)
            except AssertionError:
                expect(False, f"cascade {left['id']}: {name} is another in a second reading")
    expect(first == second, "a second reading fills the report otherwise")


def _leaves_source(make: Make, source: Path) -> None:
    before = _files(source)
    _read(make, source)
    changed = sorted({path for path, *_ in before ^ _files(source)})
    expect(not changed, f"reading changed {', '.join(changed)}")


def _files(source: Path) -> set[tuple[str, int, int]]:
    """Name every file with its size and time of change."""
    found = [source] if source.is_file() else source.rglob("*")
    stats = {str(path): path.stat() for path in found if path.is_file()}
    return {(path, one.st_size, one.st_mtime_ns) for path, one in stats.items()}


def _refuses(make: Make) -> None:
    with TemporaryDirectory(prefix="dgljoint-") as folder:
        for what, place in (("missing", Path(folder) / "missing"), ("empty", Path(folder))):
            try:
                found, _ = _read(make, place)
            except DataError as error:
                lines = len(error.message.splitlines())
                expect(lines == 1, f"the message for a source that is {what} has {lines} lines")
            else:
                expect(False, f"a source that is {what} gave {len(found)} cascades and no error")


def _recognises(recognises: Callable[[Path], bool], source: Path) -> None:
    expect(recognises(source), f"{source} is not recognised")
    with TemporaryDirectory(prefix="dgljoint-") as folder:
        expect(not recognises(Path(folder)), "an empty folder is recognised")


check_reader = verifying(reader_checks)
