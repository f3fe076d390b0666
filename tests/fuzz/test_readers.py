"""Whatever its input, a reader refuses it in words, or reads it and loses nothing.

A few seconds by default, the same mutants each time. More, and others each time, by::

    DGLJOINT_FUZZ=10000 python -m pytest -m fuzz

Hypothesis shrinks a mutant that fails to a small one, and repeats it in the next run.
"""

from __future__ import annotations

import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from dgljoint import Cascade, DataError, ReadReport
from dgljoint.config.options import parse_options
from dgljoint.data.reading import Reader
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_data.build import build_store
from fuzz.mutations import mutants
from small_releases import RELEASES, SmallRelease

pytestmark = pytest.mark.fuzz

EXAMPLES = int(os.environ.get("DGLJOINT_FUZZ", "0"))
SECONDS = 20.0
_UNPRINTABLE = set("\x00\x07\x08\x1b")  # what a terminal obeys


class TooLongError(BaseException):
    """Time is up: nothing that catches an ``Exception`` may swallow it."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail after some seconds, whatever the block catches."""

    def stop(signal_number: int, frame: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    try:
        # Again each second: an exception that is raised inside a finalizer gets lost.
        signal.setitimer(signal.ITIMER_REAL, seconds, 1)
        yield
    except TooLongError:
        raise AssertionError(f"not done after {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check_promise(
    spec: ReaderSpec, release: SmallRelease, folder: Path, *, build: bool = False,
    seconds: float = SECONDS,
) -> int:
    """Read a release and return how many cascades it gave, 0 where it was refused.

    Raises:
        AssertionError: cascades or the report break what every reader promises.
    """
    source, options = release.write(folder / "raw")
    with warnings.catch_warnings(), at_most(seconds):
        warnings.simplefilter("error")
        reader: Reader = spec.build(parse_options(spec.options, options, spec.name))
        report = ReadReport()
        try:
            cascades, labels = read(spec, reader, source, report)
        except DgljointError as refused:
            check_message(refused.message)
            return 0
        assert cascades, "neither cascades nor an error"
        check_cascades(cascades, labels)
        check_account(cascades, report)
        if build:
            check_build(spec, reader, source, folder / "out.h5")
    return len(cascades)


def check_message(message: str) -> None:
    assert len(message.splitlines()) == 1
    assert not set(message) & _UNPRINTABLE


def read(
    spec: ReaderSpec, reader: Reader, source: Path, report: ReadReport
) -> tuple[list[Cascade], tuple[str, ...]]:
    """Do what ``preprocess`` does before it stores anything."""
    if spec.recognises is not None:
        spec.recognises(source)
    if hasattr(reader, "fingerprint"):
        reader.fingerprint(source)
    collect = getattr(reader, "collect_labels", None)
    labels = collect(source) if collect else reader.label_names
    return list(reader.read(source, report)), labels


def check_cascades(cascades: list[Cascade], labels: tuple[str, ...]) -> None:
    names = set(cascades[0].features)
    for cascade in cascades:
        cascade.check()
        assert cascade.label in (None, *labels), "a label that is not declared"
        assert set(cascade.features) == names
        for text in (cascade.id, cascade.event, *cascade.post_id, *cascade.text):
            text.encode()
    assert len({cascade.id for cascade in cascades}) == len(cascades), "a cascade was read twice"


def check_account(cascades: list[Cascade], report: ReadReport) -> None:
    """Check that threads and posts are in cascades or in the report, each once."""
    refused = len(report.quarantine)
    assert report.posts_met == sum(map(len, cascades)) + report.posts_dropped
    assert refused == sum(tally.count for tally in report.refusals.values())
    assert report.threads_met in (None, len(cascades) + refused)
    assert all(number >= 0 for number in report.counts.values())


def check_build(spec: ReaderSpec, reader: Reader, source: Path, output: Path) -> None:
    try:
        summary = build_store(reader, reader_name=spec.name, source=source, output=output)
    except DgljointError:  # such as too few events for folds
        assert not output.exists()
        return
    store = CascadeStore(output)
    assert (len(store), store.posts) == (summary.cascades, summary.posts)


def spec_of(reader: str) -> ReaderSpec:
    return installed_registry().find(ReaderSpec, reader)


@pytest.mark.parametrize("reader", RELEASES)
def test_no_mutant_breaks_a_reader(reader: str) -> None:
    @settings(
        max_examples=EXAMPLES or 50, derandomize=not EXAMPLES, deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(release=mutants(reader), build=st.sampled_from((False,) * 9 + (True,)))
    def check(release: SmallRelease, build: bool) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cascades = check_promise(spec_of(reader), release, Path(folder), build=build)
        event("read" if cascades else "refused")
        outcomes.add(cascades)

    outcomes: set[int] = set()
    check()
    # Damage that changes nothing, or leaves nothing, would test little.
    assert len(outcomes) > 1
    assert max(outcomes) > 1


@pytest.mark.parametrize("reader", RELEASES)
def test_a_whole_release_is_read_without_a_refusal(reader: str, tmp_path: Path) -> None:
    for number, release in enumerate(RELEASES[reader]):
        assert check_promise(spec_of(reader), release, tmp_path / str(number), build=True) > 1


# Readers that break the promise


def cascade(name: str = "c") -> Cascade:
    zero = np.zeros(1)
    return Cascade(
        id=name, event="", label="a", posted_at=0, post_id=["1"], parent=np.array([-1], np.int32),
        user=zero.astype(np.int64), delay_seconds=zero, kind=zero.astype(np.uint8), text=[""],
    )


def crash(report: ReadReport) -> Iterator[Cascade]:
    yield cascade()
    raise KeyError("text")


def never_end(report: ReadReport) -> Iterator[Cascade]:
    yield cascade()
    while True:
        try:
            signal.pause()
        except Exception:  # noqa: BLE001, S112  # what a careless reader does
            continue


def lose_a_post(report: ReadReport) -> Iterator[Cascade]:
    report.count("distinct_posts")
    yield cascade()


def lose_a_thread(report: ReadReport) -> Iterator[Cascade]:
    report.count("threads_met", 2)
    yield cascade()


def read_nothing(report: ReadReport) -> Iterator[Cascade]:
    yield from ()


def read_twice(report: ReadReport) -> Iterator[Cascade]:
    report.count("distinct_posts")
    yield from (cascade(), cascade())


def invent_a_label(report: ReadReport) -> Iterator[Cascade]:
    yield replace(cascade(), label="b")


def give_half_a_letter(report: ReadReport) -> Iterator[Cascade]:
    yield replace(cascade(), text=["\ud800"])


def recurse(report: ReadReport) -> Iterator[Cascade]:
    yield from recurse(report)


def refuse(report: ReadReport) -> Iterator[Cascade]:
    yield cascade()
    raise DataError("too odd")


def outcome_of(read: Callable[[ReadReport], Iterator[Cascade]], folder: Path) -> int:
    class Given:
        label_names = ("a",)

        def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
            report.count("distinct_posts")
            return read(report)

    spec = ReaderSpec(name="x", summary="", build=lambda options: Given())
    return check_promise(spec, SmallRelease({"a": b"1"}), folder, seconds=0.5)


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (crash, KeyError), (never_end, AssertionError), (lose_a_post, AssertionError),
        (lose_a_thread, AssertionError), (read_nothing, AssertionError),
        (read_twice, AssertionError), (invent_a_label, AssertionError),
        (give_half_a_letter, UnicodeError), (recurse, RecursionError),
    ],
)
def test_a_broken_promise_is_found(
    tmp_path: Path, read: Callable[[ReadReport], Iterator[Cascade]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        outcome_of(read, tmp_path)


def test_a_reader_may_read_or_refuse(tmp_path: Path) -> None:
    assert outcome_of(lambda report: iter([cascade()]), tmp_path / "read") == 1
    assert outcome_of(refuse, tmp_path / "refused") == 0
