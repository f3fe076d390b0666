"""The rows without a model see what they say, are tested on the fold and trained beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgljoint.data.cascade import Cascade, SparseBlock
from dgljoint.data.store import create_store
from dgljoint.errors import DataError, UsageError
from dgljoint.runs.many.job import Job
from dgljoint.runs.records import Key
from dgljoint.training.parts import part_under_test, training_parts
from dgljoint_bench.suites import classifiers
from dgljoint_bench.suites.classifiers import (
    BOTH,
    DATE,
    SENTENCES,
    STRUCTURE,
    TEXT,
    WORDS,
    classifier_metrics,
)
from toys import LABELS, random_cascade, toy_cascade, toy_store

FOLDS = 4
PERFECT = {"accuracy": 1.0, "macro_f1": 1.0, "auroc": 1.0}


def metrics_of(
    data: Path, split: str, fold: int, share: float, *, test_on: Path | None = None,
    deadlines: str = "", labels: tuple[str, ...] = (),
    merge: dict[str, tuple[str, ...]] | None = None,
) -> dict[str, dict[str, float]]:
    return classifier_metrics(Job(
        key=Key("s", "t", "", fold, 0), folder=data.parent, trials=(), data=data, split=split,
        fold=fold, observed_share=share, test_on=test_on, deadlines=deadlines, labels=labels,
        merge=merge or {},
    ))


def made(count: int = 32, start: int = 0) -> list[Cascade]:
    """Make cascades of which nothing tells the classes apart: no text, no date, one shape."""
    return [
        replace(toy_cascade(f"c{n}", [-1, 0, 0, 0], label=LABELS[n % 2]), text=["", "", "", ""])
        for n in range(start, start + count)
    ]


def write(
    path: Path, cascades: Sequence[Cascade], *, reader: str = "toys",
    labels: Sequence[str] = LABELS, words: Sequence[str] | None = None,
    counts: Sequence[Sequence[int]] | None = None, feature: str = "published_words",
    vectors: bool = False,
) -> Path:
    """Write cascades with a split ``mine`` in which both classes stand in every fold.

    Args:
        words: names of the columns of ``counts``; without them they have none.
        counts: by cascade, how often each word stands in its source.
        vectors: whether posts have sentence vectors; those of sources tell the class.
    """
    with create_store(
        path, name=path.stem, reader=reader, label_names=labels, raw_digest="x"
    ) as writer:
        for number, cascade in enumerate(cascades):
            features: dict[str, object] = {"extra": np.ones((len(cascade), 1), np.float32)}
            if counts is not None:
                features[feature] = source_words(counts[number], len(cascade))
            if vectors:
                drawn = np.random.default_rng(number).normal(size=(len(cascade), 3))
                drawn[0] = np.eye(3)[labels.index(cascade.label or labels[0])]
                features["minilm"] = drawn.astype(np.float16)
            writer.add(cascade, features)  # type: ignore[arg-type]  # either kind of rows
        if counts is not None and words is None:
            writer.set_columns(feature, len(counts[0]))
        elif counts is not None and words is not None:
            writer.set_vocabulary(feature, words)
        writer.set_split("mine", np.arange(len(cascades)) // 2 % FOLDS, grouped_by="")
    return path


def source_words(counts: Sequence[int], posts: int) -> SparseBlock:
    column = np.flatnonzero(counts).astype(np.int32)
    return SparseBlock(
        indptr=np.array([0, *[len(column)] * posts]),
        indices=column,
        values=np.array(counts, np.float32)[column],
    )


def by_label(
    cascades: Sequence[Cascade], one: Sequence[int], other: Sequence[int]
) -> list[Sequence[int]]:
    return [one if cascade.label == LABELS[0] else other for cascade in cascades]


def test_each_row_sees_its_own_thing(tmp_path: Path) -> None:
    plain = made()
    figures = metrics_of(write(tmp_path / "plain.h5", plain), "mine", 0, 1.0)
    chance = {"accuracy": 0.5, "macro_f1": pytest.approx(1 / 3), "auroc": 0.5}
    assert figures == {STRUCTURE: chance}

    told = [
        replace(one, text=["said" if one.label == LABELS[0] else "heard", "x", "x", "x"])
        for one in plain
    ]
    figures = metrics_of(write(tmp_path / "text.h5", told), "mine", 0, 1.0)
    assert list(figures) == [TEXT, STRUCTURE, BOTH[TEXT]]
    assert figures[TEXT] == figures[BOTH[TEXT]] == PERFECT
    assert figures[STRUCTURE]["accuracy"] == 0.5

    dated = [replace(one, posted_at=1000 + 9 * (one.label == LABELS[0])) for one in plain]
    figures = metrics_of(write(tmp_path / "date.h5", dated), "mine", 0, 1.0)
    assert list(figures) == [STRUCTURE, DATE]
    matched = {"auc_date_matched:false|true": 1.0, "pairs_date_matched:false|true": 16.0}
    assert figures[DATE] == PERFECT | matched

    shaped = [
        replace(one, parent=np.array([-1, 0, 1, 2], np.int32)) if one.label == LABELS[0] else one
        for one in plain
    ]
    figures = metrics_of(write(tmp_path / "shape.h5", shaped), "mine", 0, 1.0)
    assert figures == {STRUCTURE: PERFECT}


def test_words_stand_in_for_a_text_that_is_not_there(tmp_path: Path) -> None:
    cascades = made()
    counts = by_label(cascades, [2, 0, 1], [0, 2, 1])
    figures = metrics_of(write(tmp_path / "a.h5", cascades, counts=counts), "mine", 0, 1.0)
    assert list(figures) == [WORDS, STRUCTURE, BOTH[WORDS]]
    assert figures[WORDS] == figures[BOTH[WORDS]] == PERFECT
    named = write(tmp_path / "b.h5", cascades, counts=counts, words=["a", "b", "c"], feature="bow")
    assert metrics_of(named, "mine", 0, 1.0)[WORDS] == PERFECT
    nothing = write(tmp_path / "c.h5", cascades, counts=[[0, 0]] * len(cascades))
    assert list(metrics_of(nothing, "mine", 0, 1.0)) == [STRUCTURE]


def test_text_and_structure_together_tell_what_neither_tells_alone(tmp_path: Path) -> None:
    three = ("false", "true", "other")
    cascades = [
        replace(
            one, label=three[n % 3], text=["heard" if n % 3 == 1 else "said", "", "", ""],
            parent=np.array([-1, 0, 1, 2] if n % 3 == 2 else [-1, 0, 0, 0], np.int32),
        )
        for n, one in enumerate(made(96))
    ]
    figures = metrics_of(write(tmp_path / "a.h5", cascades, labels=three), "mine", 0, 1.0)
    assert figures[BOTH[TEXT]] == PERFECT
    assert figures[TEXT]["accuracy"] < 0.8
    assert figures[STRUCTURE]["accuracy"] < 0.8


def test_sentence_vectors_stand_for_the_text_where_both_files_have_them(tmp_path: Path) -> None:
    # The words tell nothing; the vectors of the sources do, those of replies are noise.
    cascades = [replace(one, text=["word"] * 4) for one in made()]
    told = write(tmp_path / "a.h5", cascades, vectors=True)
    figures = metrics_of(told, "mine", 0, 1.0)
    assert list(figures) == [SENTENCES, STRUCTURE, BOTH[SENTENCES]]
    assert figures[SENTENCES] == figures[BOTH[SENTENCES]] == PERFECT
    later = [replace(one, text=["word"] * 4) for one in made(8, start=100)]
    for vectors, name in ((True, SENTENCES), (False, TEXT)):
        other = write(tmp_path / f"{vectors}.h5", later, vectors=vectors)
        assert name in metrics_of(told, "mine", 0, 1.0, test_on=other)


def test_structure_is_what_a_model_observes(tmp_path: Path) -> None:
    # Posts come a minute apart: the third and the fourth hang below the source or below each other.
    late = [
        replace(one, parent=np.array([-1, 0, 1, 2] if one.label == LABELS[0] else [-1, 0, 0, 0]))
        for one in made()
    ]
    path = write(tmp_path / "late.h5", [replace(one, text=["word"] * 4) for one in late])
    rows = metrics_of(path, "mine", 0, 0.5, deadlines="0,1m,2m,2p,3p,all")
    blind = {"accuracy": 0.5, "macro_f1": pytest.approx(1 / 3)}
    for half in (rows[STRUCTURE], rows[BOTH[TEXT]]):
        assert {name: half[name] for name in blind} == blind
        for when, expected in [
            ("0", blind), ("1m", blind), ("2m", PERFECT), ("2p", blind), ("3p", PERFECT),
            ("all", PERFECT),
        ]:
            at = {name: half[f"{name}@{when}"] for name in blind}
            assert at == {name: expected[name] for name in blind}, when
    assert metrics_of(path, "mine", 0, 1.0)[STRUCTURE] == PERFECT


def test_what_is_known_of_the_source_is_known_at_every_deadline(tmp_path: Path) -> None:
    dated = [replace(one, posted_at=9 * n, text=["word"] * 4) for n, one in enumerate(made())]
    figures = metrics_of(write(tmp_path / "a.h5", dated), "mine", 0, 1.0, deadlines="0,1h")
    for name in (TEXT, DATE):
        row = figures[name]
        assert [name for name in row if "date_matched" not in name] == [
            "accuracy", "macro_f1", "auroc", "accuracy@0", "macro_f1@0", "accuracy@1h",
            "macro_f1@1h",
        ]
        assert row["accuracy"] == row["accuracy@0"] == row["accuracy@1h"]


def test_training_is_on_train_and_validation_and_testing_on_the_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=48)
    seen: list[tuple[set[int], set[int]]] = []

    class Learner:
        classes_ = (0, 1)

        def fit(self, features: np.ndarray, label: np.ndarray) -> Learner:
            self.trained = set(features.ravel().tolist())
            np.testing.assert_array_equal(label, store.label[features.ravel()])
            return self

        def predict_proba(self, features: np.ndarray) -> np.ndarray:
            seen.append((self.trained, set(features.ravel().tolist())))
            return np.tile([0.0, 1.0], (len(features), 1))

    monkeypatch.setattr(classifiers, "forest_classifier", Learner)
    monkeypatch.setattr(classifiers, "cascade_shapes", lambda columns: columns.index.reshape(-1, 1))
    figures = metrics_of(store.path, "event", 1, 0.75)
    split = store.split("event")
    parts = training_parts(store, split, 1, seed=7, meta=False)
    tested = part_under_test(split, 1)
    assert seen == [({*parts.train.tolist(), *parts.validation.tolist()}, set(tested.tolist()))]
    assert figures[STRUCTURE]["accuracy"] == (store.label[tested] == 1).mean()


def test_classes_are_those_of_the_models(tmp_path: Path) -> None:
    three = ("false", "true", "other")
    cascades = [  # the text does not tell other and false apart
        replace(one, label=three[n % 3], text=[("said", "heard", "said")[n % 3], "", "", ""])
        for n, one in enumerate(made(36))
    ]
    data = write(tmp_path / "a.h5", cascades, labels=three)
    assert metrics_of(data, "mine", 0, 1.0)[TEXT]["accuracy"] < 1
    assert metrics_of(data, "mine", 0, 1.0, labels=("false", "true"))[TEXT] == PERFECT
    assert metrics_of(data, "mine", 0, 1.0, merge={"no": ("false", "other")})[TEXT] == PERFECT


def test_another_file_is_tested_but_for_what_both_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = made()
    theirs = [*mine[:4], *made(6, start=100), replace(made(1, start=200)[0], label=None)]
    # Those that both hold are named the other way round, and would all be mistaken.
    theirs[:4] = [replace(one, label=LABELS[one.label == LABELS[0]]) for one in theirs[:4]]
    counts = by_label(mine, [2, 0, 1], [0, 2, 1])
    data = write(tmp_path / "a.h5", mine, counts=counts, words=["a", "b", "c"])
    other = write(
        tmp_path / "b.h5", theirs, labels=LABELS[::-1], reader="others",
        counts=[row[::-1] for row in by_label(theirs, [2, 0, 1, 9], [0, 2, 1, 9])],
        words=["new", "c", "b", "a"],
    )
    tested: list[int] = []
    shapes = classifiers.cascade_shapes
    monkeypatch.setattr(
        classifiers, "cascade_shapes",
        lambda columns: tested.append(len(columns.index)) or shapes(columns),
    )
    figures = metrics_of(data, "mine", 0, 1.0, test_on=other)
    assert tested == [24, 6]
    assert figures[WORDS] == PERFECT


def test_words_without_names_are_not_looked_for_in_what_another_reader_made(
    tmp_path: Path,
) -> None:
    mine, theirs = made(), made(8, start=100)
    counts = by_label(mine, [2, 0, 1], [0, 2, 1])
    data = write(tmp_path / "a.h5", mine, counts=counts)
    for reader, rows in (("toys", [WORDS, STRUCTURE, BOTH[WORDS]]), ("others", [STRUCTURE])):
        other = write(tmp_path / f"{reader}.h5", theirs, counts=counts[:8], reader=reader)
        assert list(metrics_of(data, "mine", 0, 1.0, test_on=other)) == rows


def test_names_that_two_files_give_to_different_threads_are_tested_on(tmp_path: Path) -> None:
    mine = [replace(one, posted_at=1_400_000_000) for one in made()]
    theirs = [replace(one, posted_at=1_500_000_000) for one in made()]
    data, other = write(tmp_path / "a.h5", mine), write(tmp_path / "b.h5", theirs)
    assert list(metrics_of(data, "mine", 0, 1.0, test_on=other)) == [STRUCTURE]
    again = write(tmp_path / "c.h5", mine)
    with pytest.raises(DataError, match="no labelled cascade to test on"):
        metrics_of(data, "mine", 0, 1.0, test_on=again)


def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    mine = made()
    data = write(tmp_path / "a.h5", mine)
    with pytest.raises(DataError, match=r"no labelled cascade to test on that .*a\.h5 has not"):
        metrics_of(data, "mine", 0, 1.0, test_on=data)
    other = write(
        tmp_path / "b.h5", [replace(one, label="half true") for one in made(4, start=100)],
        labels=["true", "half true"],
    )
    with pytest.raises(DataError, match="classes half true; known are false, true"):
        metrics_of(data, "mine", 0, 1.0, test_on=other)
    unlabelled = write(tmp_path / "c.h5", [replace(one, label=None) for one in mine])
    with pytest.raises(DataError, match="no labelled cascade to train on outside fold 1"):
        metrics_of(unlabelled, "mine", 1, 1.0)
    with pytest.raises(UsageError, match="deadline 'soon' cannot be read"):
        metrics_of(data, "mine", 0, 1.0, deadlines="soon")
    with pytest.raises(UsageError, match="not 9"):
        metrics_of(data, "mine", 9, 1.0)


def test_figures_are_the_same_every_time_and_plain(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cascades = [
        replace(
            random_cascade(f"c{n}", rng, int(rng.integers(1, 15)), label=LABELS[n % 2],
                           text=f"word{rng.integers(9)} word{rng.integers(9)}"),
            posted_at=int(rng.integers(1000)),
        )
        for n in range(64)
    ]
    path = write(tmp_path / "a.h5", cascades)
    first = metrics_of(path, "mine", 0, 0.75, deadlines="1m,all")
    assert list(first) == [TEXT, STRUCTURE, BOTH[TEXT], DATE]
    assert first == metrics_of(path, "mine", 0, 0.75, deadlines="1m,all")
    assert {type(value) for row in first.values() for value in row.values()} == {float}
