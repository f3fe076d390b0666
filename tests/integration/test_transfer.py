"""A run on another cascade file: what is scored, what is left out, what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dgljoint
from dgljoint.data.cascade import Cascade, SparseBlock
from dgljoint.data.observation import parse_deadlines
from dgljoint.data.store import CascadeStore, create_store, put_split
from dgljoint.errors import DataError, UsageError
from dgljoint.training import evaluate_run, evaluate_transfer, evaluate_transfer_early
from dgljoint.training.parts import training_parts
from dgljoint.training.scoring import Transfer
from runs import run
from toys import LABELS, WORDS, random_cascade, toy_store, word_block

QUICK = ("train.epochs=1", "train.batch=32")


def write(
    path: Path, cascades: Sequence[Cascade], *, labels: Sequence[str] = LABELS,
    words: Sequence[str] = WORDS, features: Sequence[str] = ("bow", "extra"), reader: str = "toys",
) -> CascadeStore:
    """Write cascades whose words stand in the columns that ``words`` names."""
    column = np.array([words.index(word) for word in WORDS], np.int32)
    rng = np.random.default_rng(5)
    with create_store(
        path, name=path.stem, reader=reader, label_names=labels, raw_digest="none"
    ) as writer:
        for cascade in cascades:
            block = word_block(cascade, rng)
            moved = SparseBlock(block.indptr, column[block.indices], block.values)
            dense = np.stack((cascade.delay_seconds, np.ones(len(cascade))), axis=1)
            both = {"bow": moved, "extra": dense.astype(np.float32)}
            writer.add(cascade, {name: both[name] for name in features})
        if "bow" in features:
            writer.set_vocabulary("bow", words)
        writer.set_split("random", np.arange(len(cascades)) % 2, grouped_by="")
    return CascadeStore(path)


def some(start: int, count: int, labels: Sequence[str | None] = LABELS) -> list[Cascade]:
    rng = np.random.default_rng(start)
    return [
        random_cascade(f"c{n}", rng, int(rng.integers(1, 15)), label=labels[n % len(labels)])
        for n in range(start, start + count)
    ]


def moved(folder: Path, other: Path, **settings: Any) -> Transfer[Any]:
    return evaluate_transfer(folder, other, **settings)


def lines(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on the cascades c0 to c95; give the folder of the run."""
    folder = tmp_path_factory.mktemp("transfer")
    run(toy_store(folder / "toy.h5", cascades=96), folder / "run", *QUICK)
    return folder / "run"


def test_all_is_scored_but_what_the_run_s_own_data_hold(trained: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", some(80, 40, (*LABELS, None)))
    said = tmp_path / "said.csv"
    found = moved(trained, other.path, predictions=said)
    assert (found.data, found.trained_on) == ("other", "toy")
    parts = json.loads((trained / "manifest.json").read_text())["parts"]
    assert found.cascades == 24
    assert (sum(found.shared.values()), list(found.shared)) == (16, ["train", "validation", "test"])
    assert all(0 <= found.shared[part] <= parts[part] for part in found.shared)
    table = lines(said)
    assert [row["cascade"] for row in table] == [f"c{n}" for n in range(96, 120)]
    assert {row["part"] for row in table} == {"new"}
    labelled = [row for row in table if row["label"]]
    rumor = found.scores.rumor
    assert rumor.cascades == len(labelled) == 16
    assert rumor.accuracy == np.mean([row["label"] == row["predicted"] for row in labelled])
    assert found.scores.part == "test"
    assert set(found.scores.links["all"].rows) > {"model", "source", "latest"}
    assert found.scores.intervals is not None
    own = evaluate_run(trained, part="test")
    assert found.scores.calibration.temperature == own.calibration.temperature
    held = ", ".join(f"{count} {part}" for part, count in found.shared.items() if count)
    assert found.protocol == (
        f"all cascades of other but {held} cascades of this run: kept apart by their ids, "
        "EVENTS NOT KEPT APART"
    )
    values = json.loads(json.dumps(found.to_dict()))
    assert values["on"] == {"data": "other", "cascades": 24, "shared": found.shared, "doubts": []}
    assert values["rumor"]["accuracy"] == rumor.accuracy


def test_the_majority_is_that_of_what_the_run_trained_on(trained: Path, tmp_path: Path) -> None:
    own = CascadeStore(trained.parent / "toy.h5")
    parts = training_parts(own, own.split("event"), 0, seed=0, meta=False)
    common = LABELS[np.bincount(own.label[parts.train]).argmax()]
    for label, rare in (LABELS, LABELS[::-1]):
        other = write(tmp_path / f"{label}.h5", some(200, 4, (label, label, label, rare)))
        majority = 0.75 if label == common else 0.25
        assert moved(trained, other.path).scores.rumor.majority == majority


def test_classes_and_words_are_found_by_their_names(trained: Path, tmp_path: Path) -> None:
    cascades = some(100, 30)
    one = moved(trained, write(tmp_path / "one.h5", cascades).path, predictions=tmp_path / "1.csv")
    two = write(
        tmp_path / "two.h5", cascades, labels=("new", *LABELS[::-1]),
        words=("unheard of", *WORDS[::-1]),
    )
    other = moved(trained, two.path, predictions=tmp_path / "2.csv")
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert one.scores.rumor == other.scores.rumor
    assert one.scores.links == other.scores.links


def test_by_deadlines_nothing_later_is_seen(trained: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", some(90, 30))
    said, curve = tmp_path / "said.csv", tmp_path / "curve.csv"
    found = evaluate_transfer_early(
        trained, other.path, deadlines=parse_deadlines("0,3p,all"),
        predictions=said, curve=curve,
    )
    assert (found.cascades, sum(found.shared.values()), found.scores.cascades) == (24, 6, 24)
    assert {row["part"] for row in lines(said)} == {"new"}
    sizes = np.diff(other.post_ptr)[6:]
    for row, most in zip(found.scores.deadlines, (1, 3, 99), strict=True):
        seen = [int(one["observed_posts"]) for one in lines(said)
                if one["deadline"] == row.deadline]
        assert seen == np.minimum(sizes, most).tolist()
    assert [row["deadline"] for row in lines(curve)] == ["0", "3p", "all"]


def test_from_python(trained: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", some(90, 30))
    found = dgljoint.evaluate_transfer(dgljoint.load_run(trained), str(other.path), device="cpu")
    assert found.scores.rumor == moved(trained, other.path).scores.rumor
    early = dgljoint.evaluate_transfer_early(trained, other.path, "0,all")
    assert [row.deadline for row in early.scores.deadlines] == ["0", "all"]
    with pytest.raises(UsageError, match="cannot be read"):
        dgljoint.evaluate_transfer_early(trained, other.path, "soon")


def test_what_cannot_be_scored_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is the data this run was trained on") as raised:
        moved(trained, trained.parent / "toy.h5")
    assert "scores its test part" in (raised.value.hint or "")
    copy = tmp_path / "copy.h5"
    copy.write_bytes((trained.parent / "toy.h5").read_bytes())
    put_split(CascadeStore(copy), "another", np.arange(96) % 2, grouped_by="")
    with pytest.raises(DataError, match="is the data this run was trained on"):
        moved(trained, copy)
    with pytest.raises(DataError, match=r"every cascade of .*inside\.h5 is of the training, val"):
        moved(trained, write(tmp_path / "inside.h5", some(10, 8)).path)
    labels = ("half true", "true")
    new = write(tmp_path / "new.h5", some(94, 8, labels), labels=labels)
    with pytest.raises(DataError, match="classes half true; known are false, true"):
        moved(trained, new.path)
    poor = write(tmp_path / "poor.h5", some(100, 8), features=("bow",))
    with pytest.raises(DataError, match="feature 'extra' is missing"):
        moved(trained, poor.path)
    with pytest.raises(DataError, match="no such file"):
        moved(trained, tmp_path / "none.h5")


def test_a_class_that_none_of_those_scored_has_does_not_matter(
    trained: Path, tmp_path: Path
) -> None:
    shared = some(94, 2, ("half true",))
    other = write(
        tmp_path / "other.h5", [*shared, *some(100, 8)], labels=("half true", *LABELS)
    )
    assert moved(trained, other.path).scores.rumor.cascades == 8


def test_a_run_of_links_alone_asks_for_no_class(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(toy_store(tmp_path / "toy.h5", cascades=96), out, *QUICK, "train.tasks=cascade")
    other = write(tmp_path / "other.h5", some(100, 20, ("x", "y")), labels=("x", "y"))
    found = moved(out, other.path).scores
    assert found.rumor is None
    assert found.links["all"].targets > 0
    one_class = write(tmp_path / "one.h5", some(100, 20, LABELS[:1]))
    for store in (other, one_class):
        with pytest.raises(UsageError, match="did not train"):
            evaluate_transfer_early(
                out, store.path, deadlines=parse_deadlines("all")
            )


def test_a_run_whose_data_are_gone_or_changed_is_refused(tmp_path: Path) -> None:
    out, data = tmp_path / "run", tmp_path / "toy.h5"
    run(toy_store(data, cascades=96), out, *QUICK)
    other = write(tmp_path / "other.h5", some(100, 20))
    data.unlink()
    with pytest.raises(DataError, match=r"toy\.h5"):
        moved(out, other.path)
    toy_store(data, cascades=96, seed=4)
    with pytest.raises(DataError, match="digest"):
        moved(out, other.path)
