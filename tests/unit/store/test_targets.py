"""Labels of other tasks: stored per cascade or per post, and in no batch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dgljoint.data.cascade import Cascade, Target
from dgljoint.data.store import CascadeStore, create_store, put_split
from dgljoint.data.store._hdf5 import write
from dgljoint.errors import DataError
from dgljoint_data.describe import describe_store
from toys import LABELS, toy_cascade

GIVEN: list[dict[str, Target]] = [
    {}, {"veracity": "true", "stance": ["support", None, "query"]},
    {"stance": [None, "deny", "support"]}, {"veracity": "false"}, {"veracity": None},
]


def cascades(given: list[dict[str, Target]] = GIVEN) -> list[Cascade]:
    return [
        replace(toy_cascade(f"c{number}", [-1, 0, 1]), targets=targets)
        for number, targets in enumerate(given)
    ]


def store(path: Path, made: list[Cascade]) -> CascadeStore:
    with create_store(path, name="n", reader="r", label_names=LABELS) as writer:
        for cascade in made:
            writer.add(cascade, {})
    return CascadeStore(path)


def test_targets_are_read_as_they_were_written(tmp_path: Path) -> None:
    opened = store(tmp_path / "a.h5", cascades())
    stance, veracity = opened.targets["stance"], opened.targets["veracity"]
    assert (stance.per, stance.names) == ("post", ("deny", "query", "support"))
    assert stance.values.tolist() == [-1] * 3 + [2, -1, 1] + [-1, 0, 2] + [-1] * 6
    assert (veracity.per, veracity.names) == ("cascade", ("false", "true"))
    assert veracity.values.tolist() == [-1, 1, -1, 0, -1]
    assert [stance.label(place) for place in (2, 3, 7)] == [None, "support", "deny"]
    info = describe_store(opened).targets["stance"]
    assert (info.per, info.labels, info.none) == ("post", {"deny": 1, "query": 1, "support": 2}, 11)


def test_a_file_without_targets_is_as_before(tmp_path: Path) -> None:
    opened = store(tmp_path / "a.h5", cascades([{}, {}]))
    assert opened.targets == {}
    assert "targets" not in opened.attributes
    assert not any(path.startswith("targets") for path in opened.columns)


def test_targets_are_content_and_survive_another_split(tmp_path: Path) -> None:
    one = store(tmp_path / "a.h5", cascades())
    changed = cascades()
    changed[1] = replace(changed[1], targets={**changed[1].targets, "veracity": "false"})
    assert store(tmp_path / "b.h5", changed).content_digest != one.content_digest
    divided = put_split(one, "mine", np.array([0, 0, 1, 1, 1]), grouped_by="")
    assert divided.content_digest == one.content_digest
    assert divided.targets["stance"].values.tolist() == one.targets["stance"].values.tolist()


def test_targets_are_no_features_and_in_no_batch(tmp_path: Path) -> None:
    opened = store(tmp_path / "a.h5", cascades())
    assert not set(opened.features) & set(opened.targets)
    columns = opened.read(np.arange(5))
    assert not any("target" in name for name in vars(columns))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([{"a": ["x", "y"]}], "target a has 2 labels, 3 posts"),
        ([{"a": ["x", "", "z"]}], "a label that is no text"),
        ([{"a": ""}], "a label that is no text"),
        ([{"a": [1, 2, 3]}], "a label that is no text"),
        ([{"a/b": "x"}], "'a/b' cannot be stored under this name"),
        ([{"a": "x"}, {"a": ["x", "y", "z"]}], "target a is given per post, before it was per cas"),
        ([{"a": ["x", "y", "z"]}, {"a": "x"}], "target a is given per cascade, before it was per"),
    ],
)
def test_a_target_that_does_not_fit_is_refused(
    tmp_path: Path, given: list[dict[str, Any]], why: str
) -> None:
    with pytest.raises(DataError, match=why):
        store(tmp_path / "a.h5", cascades(given))
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("stance", {"per": "post", "names": ["deny"]}),  # too few
        ("stance", {"per": "cascade", "names": ["a", "b", "c"]}),
        ("stance", {"per": "event", "names": ["a", "b", "c"]}),
        ("stance", {"per": "post", "names": "abc"}),
        ("stance", {"per": "post", "names": ["a", "a", "b"]}),
        ("stance", {"per": "post"}), ("stance", []),
        ("a b", {"per": "post", "names": []}),
        ("other", {"per": "post", "names": []}),
    ],
)
def test_a_damaged_target_is_noticed(
    tmp_path: Path, name: str, targets: object
) -> None:
    opened = store(tmp_path / "a.h5", cascades())
    attributes = {key: value for key, value in opened.attributes.items() if key != "digest"}
    attributes["targets"] = {name: targets}
    columns = {path: np.array(column) for path, column in opened.columns.items()}
    write(tmp_path / "b.h5", columns, attributes)
    with pytest.raises(DataError, match=r"targets|column"):
        CascadeStore(tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5") as file:
        assert json.loads(file.attrs["targets"]) == {name: targets}
