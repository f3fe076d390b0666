"""Each fault that a reader can have is found by the check that is for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgljoint import Cascade, DataError, ReaderSpec, ReadReport
from dgljoint.testing import ConformanceError, check_reader, toy_cascade, word_block

ORDER = "yields cascades in order"
ONCE = "yields each cascade once"
LABELS = "declares its labels"
FEATURES = "gives every cascade the same features"
ACCOUNT = "accounts for all it met"
REPEATS = "repeats"


class Good:
    label_names: tuple[str, ...] = ("false", "true")

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        files = sorted(source.glob("*.txt")) if source and source.is_dir() else []
        if not files:
            raise DataError(f"{source}: no thread is there")
        for file in files:
            cascade = self.cascade(file)
            report.count("threads_met")
            report.count("distinct_posts", len(cascade))
            yield cascade

    def cascade(self, file: Path) -> Cascade:
        made = toy_cascade(file.stem, [-1, 0, 0, 1])
        words = word_block(made, np.random.default_rng(len(file.stem)))
        return replace(made, features={"words": words})


class ChildBeforeItsParent(Good):
    def cascade(self, file: Path) -> Cascade:
        return replace(super().cascade(file), parent=np.array([-1, 3, 0, 0], np.int32))


class TimesFall(Good):
    def cascade(self, file: Path) -> Cascade:
        return replace(super().cascade(file), delay_seconds=np.array([0.0, 9, 8, 7]))


class WrongDtype(Good):
    def cascade(self, file: Path) -> Cascade:
        made = super().cascade(file)
        return replace(made, parent=made.parent.astype(np.int64))


class NoSource(Good):
    def cascade(self, file: Path) -> Cascade:
        made = super().cascade(file)
        return replace(made, kind=np.ones_like(made.kind))


class HalfALetter(Good):
    def cascade(self, file: Path) -> Cascade:
        return replace(super().cascade(file), text=["\ud800", "", "", ""])


class Twice(Good):
    def cascade(self, file: Path) -> Cascade:
        return replace(super().cascade(file), id="the same")


class UnknownLabel(Good):
    def cascade(self, file: Path) -> Cascade:
        return replace(super().cascade(file), label="maybe")


class DoubleLabel(Good):
    label_names = ("true", "true")


class OtherFeatures(Good):
    def cascade(self, file: Path) -> Cascade:
        made = super().cascade(file)
        return made if file.stem == "a" else replace(made, features={})


class RowsMissing(Good):
    def cascade(self, file: Path) -> Cascade:
        return replace(super().cascade(file), features={"x": np.zeros((3, 2), np.float32)})


class LosesAPost(Good):
    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        yield from super().read(source, report)
        report.count("distinct_posts")


class LosesAThread(Good):
    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        yield from super().read(source, report)
        report.count("threads_met")


class Draws(Good):
    def cascade(self, file: Path) -> Cascade:
        made = super().cascade(file)
        return replace(made, user=np.random.default_rng().integers(1, 2**40, len(made)))


class Shuffles(Good):
    turn = 0

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        cascades = list(super().read(source, report))
        Shuffles.turn += 1
        yield from cascades[:: -1 if Shuffles.turn % 2 else 1]


class WritesACache(Good):
    def cascade(self, file: Path) -> Cascade:
        file.with_suffix(".cache").write_text("x")
        return super().cascade(file)


class Nothing(Good):
    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        return iter(())


class NothingIsFine(Good):
    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        if source and source.is_dir() and any(source.iterdir()):
            yield from super().read(source, report)


class Crashes(Good):
    def cascade(self, file: Path) -> Cascade:
        raise KeyError("text")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("a", "bb", "ccc"):
        (tmp_path / f"{name}.txt").touch()
    return tmp_path


def failed(
    reader: type[Good], source: Path, recognises: Callable[[Path], bool] | None = None
) -> set[str]:
    spec = ReaderSpec(
        name="x", summary="", build=lambda options: reader(), recognises=recognises
    )
    try:
        check_reader(spec, source)
    except ConformanceError as error:
        return {failure.check for failure in error.failures}
    return set()


def test_a_good_reader_passes(source: Path) -> None:
    assert failed(Good, source, lambda folder: any(folder.glob("*.txt"))) == set()


@pytest.mark.parametrize(
    ("reader", "checks"),
    [
        (ChildBeforeItsParent, {ORDER}),
        (TimesFall, {ORDER}),
        (WrongDtype, {ORDER}),
        (NoSource, {ORDER}),
        (HalfALetter, {ORDER}),
        (Twice, {ONCE}),
        (UnknownLabel, {LABELS}),
        (DoubleLabel, {LABELS}),
        (OtherFeatures, {FEATURES}),
        (RowsMissing, {FEATURES}),
        (LosesAPost, {ACCOUNT}),
        (LosesAThread, {ACCOUNT}),
        (Draws, {REPEATS}),
        (Shuffles, {REPEATS}),
        (WritesACache, {"leaves its source alone"}),
        (Nothing, {"reads its source"}),
        (NothingIsFine, {"refuses what is not there"}),
        (Crashes, {"reads its source"}),
    ],
)
def test_a_fault_is_found(reader: type[Good], checks: set[str], source: Path) -> None:
    assert failed(reader, source) == checks


@pytest.mark.parametrize("answer", [True, False])
def test_recognition_tells_its_source_from_an_empty_folder(answer: bool, source: Path) -> None:
    assert failed(Good, source, lambda folder: answer) == {"recognises its own source"}
