"""Which features are stored, and how a choice of them is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgljoint.batch.derived import DERIVED, OF_CASCADES
from dgljoint.config.options import NoOptions
from dgljoint.config.run_config import FeatureOptions
from dgljoint.data.cascade import Cascade, SparseBlock
from dgljoint.data.reading import ReadReport
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.data.store import format as schema
from dgljoint.errors import DataError, UsageError
from dgljoint_data import build_store
from dgljoint_data.describe import describe_store
from dgljoint_data.features import FeatureSpec, PostFeature, bow, catalogue
from dgljoint_data.features.catalogue import (
    Choice,
    FeatureMaker,
    list_features,
    parse_features,
)
from toys import LABELS, toy_cascade


class Carrying:
    """Reads toy cascades; the last one may carry other features than the first."""

    label_names = LABELS

    def __init__(self, last: Sequence[str] = ("mood", "topics"), **more: Any) -> None:
        self._last, self._more = last, more

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        for number in range(5):
            cascade = toy_cascade(f"c{number}", [-1, 0, 1])
            topics = SparseBlock(
                np.array([0, 1, 1, 2]), np.array([number, 2], np.int32), np.ones(2, np.float32)
            )
            carried = {"mood": np.full((3, 2), number, np.float16), "topics": topics, **self._more}
            names = carried if number < 4 else self._last
            yield replace(
                cascade, text=[f"{'abcde'[number] * 3} text", "", "more"],
                features={name: carried[name] for name in names},
            )


def build(tmp_path: Path, *features: str, reader: Carrying | None = None) -> CascadeStore:
    summary = build_store(
        reader or Carrying(), reader_name="carrying", source=None, output=tmp_path / "out.h5",
        features=parse_features(features) or None,
    )
    store = CascadeStore(summary.path)
    assert summary.features == describe_store(store).features
    return store


def test_by_default_words_are_counted_and_all_that_the_reader_carries_is_kept(
    tmp_path: Path,
) -> None:
    store = build(tmp_path)
    assert store.features == {
        "bow": "sparse", "mood": "dense", "topics": "sparse", "time": "derived",
        "structure": "derived", "shape": "derived",
    }
    assert store.dense("mood").rows.dtype == np.float16
    assert store.dense("mood").rows[:, 0].tolist() == np.repeat(np.arange(5), 3).tolist()
    assert (store.sparse("topics").columns, store.sparse("topics").vocabulary) == (5, None)
    assert store.sparse("bow").columns == 7


@pytest.mark.parametrize(
    ("chosen", "kinds"),
    [
        (["topics"], {"topics": "sparse"}),
        (["structure"], {"structure": "derived"}),
        (["time", "bow_hashed:columns=7"], {"bow_hashed": "sparse", "time": "derived"}),
    ],
)
def test_exactly_what_is_chosen_is_stored(tmp_path: Path, chosen: list[str], kinds: dict) -> None:
    store = build(tmp_path, *chosen)
    assert store.features == kinds
    if "bow_hashed" in kinds:
        assert store.sparse("bow_hashed").columns == 7


@pytest.mark.parametrize(
    ("chosen", "message", "hint"),
    [
        ("mod", "no feature 'mod'", "did you mean 'mood'?"),
        ("bwo", "no feature 'bwo'", "did you mean 'bow'?"),
        ("user", "carries no feature 'user' (it carries: mood, topics)", "leave out"),
    ],
)
def test_a_feature_that_nobody_makes_is_refused(
    tmp_path: Path, chosen: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        build(tmp_path, chosen)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["bow:words=100"], "training set alone"),
        (["bow_hashed:min_count=2"], "training set alone"),
        (["bow_hashed:colums=3"], "did you mean 'columns'?"),
        (["bow_hashed:columns=0"], "greater than or equal to 1"),
        (["bow_hashed:columns"], "KEY=VALUE"),
        (["bow_hashed:"], "NAME:KEY=VALUE"),
        ([""], "NAME:KEY=VALUE"),
        (["tim:a=1"], "there is no feature 'tim'"),
        (["time:a=1"], "has no option 'a'"),
        (["time", "bow", "time"], "chosen twice"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_features(texts)


def test_options_of_training_are_named_where_they_are() -> None:
    with pytest.raises(UsageError) as caught:
        parse_features(["bow:words=100"])
    assert caught.value.hint == "dgljoint train -s features.words=100"
    assert set(bow.IN_TRAINING) == set(FeatureOptions.model_fields) - {"use"}


def test_a_reader_that_forgets_a_feature_or_takes_a_name_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cascade c4: the reader left out its feature 'mood'"):
        build(tmp_path, reader=Carrying(last=["topics"]))
    with pytest.raises(DataError, match="'time', a name that is taken"):
        build(tmp_path, reader=Carrying(time=np.ones((3, 1), np.float32)))


class Batched(PostFeature):
    """Remembers what it met, and numbers the posts of what it was prepared for."""

    name = "batched"

    def __init__(self, options: NoOptions) -> None:
        self.prepared: list[int] = []
        self._ready: set[str] = set()

    def prepare(self, cascades: Sequence[Cascade]) -> None:
        self.prepared.append(len(cascades))
        self._ready = {cascade.id for cascade in cascades}

    def block(self, cascade: Cascade) -> np.ndarray:
        assert cascade.id in self._ready
        return np.ones((len(cascade), 1), np.float32)


def test_cascades_are_prepared_in_chunks_bounded_by_number_and_posts() -> None:
    made: list[Batched] = []

    def remember(options: NoOptions) -> Batched:
        made.append(Batched(options))
        return made[-1]

    spec = FeatureSpec(name="batched", summary="", build=remember)
    maker = FeatureMaker([Choice(spec, NoOptions())])
    long = toy_cascade("long", range(-1, 8999))
    cascades = [toy_cascade(f"c{n}", [-1]) for n in range(70)] + [long, toy_cascade("z", [-1])]
    met = [cascade.id for cascade, blocks in maker.each(cascades) if list(blocks) == ["batched"]]
    assert met == [cascade.id for cascade in cascades]
    assert made[0].prepared == [64, 7, 1]


def test_a_carried_feature_has_the_columns_that_the_reader_says_or_more(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for least, columns in ((None, 5), (3, 5), (50, 50)):
        said = {"topics": least, "other": 9} if least else None
        maker = FeatureMaker(parse_features(["topics"]), said)
        with create_store(path, name="n", reader="r", label_names=LABELS, raw_digest="") as writer:
            for cascade, blocks in maker.each(Carrying().read(None, ReadReport())):
                writer.add(cascade, blocks)
            maker.describe(writer)
        assert CascadeStore(path).sparse("topics").columns == columns


def test_every_feature_is_listed_and_every_derived_one_is_computed() -> None:
    rows = {row["name"]: row for row in list_features()}
    assert list(rows) == [spec.name for spec in catalogue.SPECS]
    derived = tuple(spec.name for spec in catalogue.SPECS if spec.derived)
    assert derived == schema.DERIVED == (*DERIVED, *OF_CASCADES)
    assert [name for name, row in rows.items() if row["default"]] == [
        "bow", "time", "structure", "shape", "user"
    ]
    assert all(row["summary"] for row in rows.values())
    assert [option["name"] for option in rows["bow_hashed"]["options"]] == ["columns", "signed"]
