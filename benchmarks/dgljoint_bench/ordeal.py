"""What a reader must do with any input: refuse it, or read it and lose nothing.

:func:`undergo` puts one mutant through a reader: detection, fingerprint, classes, cascades, and
for some a whole build. It says what came of it, or what was wrong::

    outcome = undergo(spec, mutant, folder, build=True)
    if outcome.failure:
        print(outcome.failure)
"""

from __future__ import annotations

import signal
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dgljoint.config.options import parse_options
from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import Reader, ReadReport
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DgljointError
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_bench.damage import RAW, Mutant, write_release
from dgljoint_data.build import build_store

SECONDS = 5.0

# Names under which readers count all threads, kept or refused.
_UNPRINTABLE = set("\x00\x07\x08\x1b")  # line ends aside: what a terminal obeys


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one mutant.

    Attributes:
        cascades: read; 0 for a source that was refused as a whole.
        built: whether a store was made of them.
        seconds: it took.
        failure: what was wrong, a traceback as a rule; ``""`` when nothing was.
    """

    cascades: int
    built: bool
    seconds: float
    failure: str


class _TooLongError(BaseException):
    """Time is up: nothing that catches an ``Exception`` may swallow it."""


class BrokenPromiseError(Exception):
    """A reader did not keep what every reader promises; the text says what."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop the block after some seconds, with an exception that passes every handler."""

    def stop(signal_number: int, frame: object) -> None:
        raise _TooLongError(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    try:
        # Again each second: an exception that is raised inside a finalizer gets lost.
        signal.setitimer(signal.ITIMER_REAL, seconds, 1)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def undergo(
    spec: ReaderSpec, mutant: Mutant, folder: Path, *, build: bool, seconds: float = SECONDS
) -> Outcome:
    """Write a mutant, read it and check what holds for every input.

    Args:
        spec: of the reader.
        mutant: the damaged release.
        folder: an empty one.
        build: whether to make a store of it too.
        seconds: it may take, the writing of the files not counted.
    """
    source = write_release(mutant.files, folder / "raw")
    started = time.perf_counter()
    cascades, built, failure = 0, False, ""
    try:
        with warnings.catch_warnings(), at_most(seconds):
            warnings.simplefilter("error")
            options = {
                name: value.replace(RAW, str(source)) for name, value in mutant.options.items()
            }
            reader = spec.build(parse_options(spec.options, options, spec.name))
            cascades = _read(spec, reader, source)
            if build and cascades:
                built = _build(spec, reader, source, folder / "out.h5")
    except (Exception, _TooLongError):  # noqa: BLE001  # whatever it raises is the finding
        failure = traceback.format_exc()
    return Outcome(cascades, built, time.perf_counter() - started, failure)


def _read(spec: ReaderSpec, reader: Reader, source: Path) -> int:
    """Read a source; return how many cascades it gave, 0 when it was refused."""
    if spec.recognises is not None:
        spec.recognises(source)
    report = ReadReport()
    cascades: list[Cascade] = []
    try:
        if hasattr(reader, "fingerprint"):
            reader.fingerprint(source)
        collect = getattr(reader, "collect_labels", None)
        labels = collect(source) if collect else reader.label_names
        cascades.extend(reader.read(source, report))
    except DgljointError as error:
        if len(error.message.splitlines()) != 1 or set(error.message) & _UNPRINTABLE:
            raise BrokenPromiseError(f"a message of no one line: {error.message!r}") from error
        return 0
    if not cascades:
        raise BrokenPromiseError("neither cascades nor an error")
    _check_cascades(cascades, labels)
    _check_account(cascades, report)
    return len(cascades)


def _check_cascades(cascades: list[Cascade], labels: tuple[str, ...]) -> None:
    names = set(cascades[0].features)
    for cascade in cascades:
        cascade.check()
        if cascade.label not in (None, *labels):
            raise BrokenPromiseError(f"{cascade.id}: label {cascade.label!r} is not declared")
        if set(cascade.features) != names:
            raise BrokenPromiseError(f"{cascade.id}: other features than the first cascade")
        for text in (cascade.id, cascade.event, *cascade.post_id, *cascade.text):
            text.encode()
    if len({cascade.id for cascade in cascades}) < len(cascades):
        raise BrokenPromiseError("a cascade was read twice")


def _check_account(cascades: list[Cascade], report: ReadReport) -> None:
    """Check that threads and posts are in cascades or in the report, each once."""
    stored = sum(map(len, cascades))
    if report.posts_met != stored + report.posts_dropped:
        raise BrokenPromiseError(
            f"{report.posts_met} posts met, {stored} read, {report.posts_dropped} dropped"
        )
    refused = len(report.quarantine)
    if refused != sum(tally.count for tally in report.refusals.values()):
        raise BrokenPromiseError("the quarantine and the refusals are not the same threads")
    if report.threads_met not in (None, len(cascades) + refused):
        raise BrokenPromiseError(
            f"{report.threads_met} threads met, {len(cascades)} read, {refused} refused"
        )
    if any(number < 0 for number in report.counts.values()):
        raise BrokenPromiseError(f"a count below nothing: {report.counts}")


def _build(spec: ReaderSpec, reader: Reader, source: Path, output: Path) -> bool:
    """Make a store of a source; say whether there were events enough for folds."""
    try:
        summary = build_store(reader, reader_name=spec.name, source=source, output=output)
    except DgljointError:
        if output.exists():
            raise
        return False
    store = CascadeStore(output)
    if (len(store), store.posts) != (summary.cascades, summary.posts):
        raise BrokenPromiseError("the store does not hold what the build says")
    return True
