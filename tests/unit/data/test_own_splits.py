"""Splits of one's own: as the build makes them, with other settings, and from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgljoint import DataError, UsageError
from dgljoint.data.store import CascadeStore
from dgljoint_data import build_store
from dgljoint_data.audit.overlap import Sources
from dgljoint_data.describe import describe_split
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader
from dgljoint_data.splits import check_name, make_split, read_split
from toys import LABELS, random_cascade, toy_cascade, toy_store, write_store


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    """Build a store of a few events as a user does."""
    path = tmp_path_factory.mktemp("own") / "a.h5"
    reader = SyntheticReader(SyntheticOptions(cascades=60, events=12))
    build_store(reader, reader_name="synthetic", source=None, output=path, seed=3)
    return CascadeStore(path)


@pytest.mark.parametrize("name", ["event", "random", "leave-one-event-out", "time"])
def test_the_same_settings_make_the_split_of_the_build(built: CascadeStore, name: str) -> None:
    stored = built.split(name)
    made = make_split(name, Sources.of(built), name=name, seed=3)
    np.testing.assert_array_equal(made.fold, stored.fold)
    assert (made.grouped_by, made.ordered_by) == (stored.grouped_by, stored.ordered_by)
    if name == "event":
        np.testing.assert_array_equal(made.group, stored.group)


@pytest.mark.parametrize("kind", ["event", "random", "time"])
def test_the_number_of_folds_and_the_seed_decide(built: CascadeStore, kind: str) -> None:
    sources = Sources.of(built)
    made = make_split(kind, sources, name="mine", folds=4, seed=0)
    assert (made.name, made.folds) == ("mine", 4)
    other = make_split(kind, sources, name="mine", folds=4, seed=1)
    assert np.array_equal(made.fold, other.fold) == (kind == "time")


def sources(count: int, events: int, **others: list) -> Sources:
    named = [f"event {number % events}" for number in range(count)]
    given = {"posted_at": [0] * count, "texts": [""] * count, "labels": ["a"] * count, **others}
    return Sources(events=named, **given)


@pytest.mark.parametrize(
    ("kind", "given", "folds", "why"),
    [
        ("event", sources(90, 9), 10, "9 events cannot be divided into 10"),
        ("event", sources(90, 2), None, "2 events, at least 3 are needed"),
        ("random", sources(9, 9), 10, "9 cascades cannot be divided into 10"),
        ("leave-one-event-out", sources(90, 21), None, "21 events, more than 20"),
        ("leave-one-event-out", sources(90, 2), None, "2 events, at least 3 are needed"),
        ("time", sources(90, 9), None, "90 of 90 cascades have no date"),
        (
            "time", sources(9, 9, posted_at=[7] * 9, labels=["a"] * 6 + ["b"] * 3), 4,
            "class 'b' would be missing from a fold: 3 cascades for 4",
        ),
    ],
)
def test_what_the_data_do_not_allow_is_refused_with_the_reason(
    kind: str, given: Sources, folds: int | None, why: str
) -> None:
    with pytest.raises(DataError, match=why) as refused:
        make_split(kind, given, name="mine", folds=folds)
    assert refused.value.hint


def test_a_summary_says_the_classes_of_each_fold_and_divided_events(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    made = [
        random_cascade(f"c{n}", rng, 3, label=LABELS[n % 2], event=f"e{n // 4}") for n in range(12)
    ]
    store = CascadeStore(write_store(tmp_path / "a.h5", [*made, toy_cascade("x", [-1], label=None)],
                                     folds=3))
    event = describe_split(store, "event")
    assert event.folds == [5, 4, 4]
    assert event.labels[:2] == [
        {"false": 2, "true": 2, "none": 1}, {"false": 2, "true": 2, "none": 0},
    ]
    assert (event.divided_events, describe_split(store, "random").divided_events) == (0, 3)


@pytest.mark.parametrize(
    "text",
    [
        "cascade,fold\nc0,0\nc1,0\n\nc2,1\nc3,1\nc9,-1\n",
        "c0\t0\nc1\t0\nc2\t1\nc3\t1\r\nc9\t-1",
        '\ufeffid,fold\n"c0", 0\nc1,0\nc2,1\nc3,1\nc9,-1\n',
    ],
)
def test_folds_are_read_from_a_table(tmp_path: Path, text: str) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=10)
    file = tmp_path / "folds"
    file.write_text(text, encoding="utf-8", newline="")
    given = read_split(store, "mine", file, skip_unknown=False)
    assert given.split.fold.tolist() == [0, 0, 1, 1] + [-1] * 6
    assert (given.missing, given.unknown) == (5, [])
    assert given.split.grouped_by == "event"  # the toys' events are pairs


def test_a_file_that_divides_an_event_keeps_nothing_together(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=10)
    file = tmp_path / "folds"
    file.write_text("c0,0\nc1,1\nc2,1\n")
    assert read_split(store, "mine", file, skip_unknown=False).split.grouped_by == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c0,0\nc1,1\nc0,1\n", "folds:3: cascade 'c0' is on line 1 already"),
        ("c0,0\nc1,1\nx,1\ny,0\nz,0\nu,0\n", "has no cascade 'x', 'y', 'z' and 1 more"),
        ("c0,0\nc1,two\n", r"folds:2: expected a cascade's id and a fold of -1 to 126, found 'c1"),
        ("id,fold\nc1,1,5\n", "folds:2: expected"),
        ("c1,400\nc2,0\n", "folds:1: expected"),
        ("c1,-3\nc2,0\n", "folds:1: expected"),
        ("c0,1\nc1,2\n", "no cascade of the store is in fold 0, but some are in 2"),
        ("c0,0\nc1,0\n", "in 1 folds, expected two or more"),
        ("", "in 0 folds"),
        ('"c0,0\nc1,1\n', "folds:"),
        ("c0,\udcff", "no UTF-8"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=10)
    file = tmp_path / "folds"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=message):
        read_split(store, "mine", file, skip_unknown=False)
    with pytest.raises(DataError, match="cannot be read"):
        read_split(store, "mine", tmp_path, skip_unknown=False)


def test_unknown_ids_are_passed_over_and_counted_when_asked_for(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=4)
    file = tmp_path / "folds"
    file.write_text("c0,0\nx,5\nc1,1\n")
    given = read_split(store, "mine", file, skip_unknown=True)
    assert (given.missing, given.unknown) == (2, ["x"])


@pytest.mark.parametrize(
    ("name", "kind", "good"),
    [
        ("mine-2.b", None, True), ("event", "event", True), ("published", None, True),
        ("event", "random", False), ("time", None, False), ("a/b", "event", False),
        ("", "event", False), ("-x", None, False), ("x" * 65, None, False),
    ],
)
def test_a_name_can_be_stored_and_says_no_other_kind(
    name: str, kind: str | None, good: bool
) -> None:
    if good:
        check_name(name, kind)
    else:
        with pytest.raises(UsageError):
            check_name(name, kind)


def test_events_of_unknown_name_are_each_their_own(tmp_path: Path) -> None:
    made = [replace(toy_cascade(f"c{n}", [-1]), event="x" * (n % 2)) for n in range(4)]
    store = CascadeStore(write_store(tmp_path / "a.h5", made))
    assert Sources.of(store).events == ["cascade c0", "x", "cascade c2", "x"]
