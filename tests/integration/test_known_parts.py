"""A run knows the cascades of its parts, in any file and without its own."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dgljoint
from dgljoint.data.cascade import Cascade
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError
from dgljoint.training.folder import RunFolder
from dgljoint.training.parts import part_under_test, read_parts, training_parts
from runs import run
from toys import LABELS, random_cascade, toy_store, write_store

QUICK = ("train.epochs=1", "train.batch=32")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on c0 to c95 with a meta set; give the folder of the run."""
    folder = tmp_path_factory.mktemp("known")
    run(
        toy_store(folder / "toy.h5", cascades=96), folder / "run", *QUICK, plugins=("meta_weight",)
    )
    return folder / "run"


def some(start: int, count: int, **changes: object) -> list[Cascade]:
    rng = np.random.default_rng(start)
    return [
        replace(
            random_cascade(f"c{n}", rng, 6, label=LABELS[n % 2], event=f"e{n // 2}"), **changes
        )
        for n in range(start, start + count)
    ]


def store_of(path: Path, cascades: Sequence[Cascade]) -> CascadeStore:
    return CascadeStore(write_store(path, cascades))


def test_every_cascade_of_its_own_data_is_of_the_part_it_was_in(trained: Path) -> None:
    store = CascadeStore(trained.parent / "toy.h5")
    split = store.split("event")
    parts = training_parts(store, split, 0, seed=0, meta=True)
    assert len(parts.meta)
    expected = np.full(96, "new", object)
    expected[np.concatenate((parts.train, parts.meta))] = "train"
    expected[parts.validation] = "validation"
    expected[part_under_test(split, 0)] = "test"
    found = dgljoint.load_run(trained).predict()
    assert list(found.part) == expected.tolist()
    assert [row["part"] for row in found.rows()] == expected.tolist()
    assert sum(found.parts.values()) == 96
    assert found.parts["new"] == 0
    with (trained / "predictions.csv").open(newline="") as file:
        written = {row["cascade"]: row["part"] for row in csv.DictReader(file)}
    known = dict(zip(found.ids, found.part, strict=True))
    assert {name: known[name] for name in written} == written


def test_they_are_known_in_another_file_and_the_others_are_new(
    trained: Path, tmp_path: Path
) -> None:
    own = dgljoint.load_run(trained).predict()
    copy = shutil.copytree(trained, tmp_path / "run")  # its data are not there
    other = store_of(tmp_path / "other.h5", some(90, 20))
    found = dgljoint.load_run(copy).predict(other)
    assert found.part[:6] == own.part[90:]
    assert set(found.part[6:]) == {"new"}
    assert found.parts["new"] == 14
    chosen = dgljoint.load_run(copy).predict(other, indices=[7, 1])
    assert chosen.part == (found.part[7], found.part[1])


@pytest.mark.parametrize("changes", [{"text": ["something else", *["x"] * 5]}])
def test_an_equal_id_of_another_thread_is_new(
    trained: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    other = store_of(tmp_path / "other.h5", some(0, 8, **changes))
    assert set(dgljoint.load_run(trained).predict(other).part) == {"new"}
    moved = dgljoint.evaluate_transfer(trained, other.path)
    assert (moved.cascades, sum(moved.shared.values())) == (8, 0)


def test_what_is_in_no_part_is_new(tmp_path: Path) -> None:
    """The folds later than the one tested, of a split in order of time."""
    from dgljoint.data.store import put_split

    store = toy_store(tmp_path / "toy.h5", cascades=96)
    put_split(store, "time", np.arange(96) // 24, grouped_by="", ordered_by="time")
    run(CascadeStore(store.path), tmp_path / "run", *QUICK, split="time", fold=1)
    found = dgljoint.load_run(tmp_path / "run").predict()
    assert set(found.part[:24]) == {"new"}
    assert set(found.part[24:48]) == {"test"}
    assert "new" not in found.part[48:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("train,", "test,", 1),
        lambda text: "\n".join(text.splitlines()[:-1]),
        lambda text: text + "train,c0\n",
        lambda text: text.replace("part,", "fold,", 1),
        lambda text: text.replace(",,", ",soon,", 1),
        lambda text: "",
        lambda text: "\x00\ud800",
    ],
)
def test_a_damaged_list_is_refused(trained: Path, tmp_path: Path, damage: object) -> None:
    copy = shutil.copytree(trained, tmp_path / "run")
    text = (copy / "parts.csv").read_text()
    (copy / "parts.csv").write_bytes(damage(text).encode("utf-8", "surrogatepass"))
    with pytest.raises(DataError, match=r"parts\.csv"):
        read_parts(RunFolder(copy))


def test_a_missing_list_is_written_again_by_resuming(trained: Path, tmp_path: Path) -> None:
    store = toy_store(tmp_path / "toy.h5", cascades=96)
    out = tmp_path / "run"
    run(store, out, *QUICK)
    before = (out / "parts.csv").read_bytes()
    (out / "parts.csv").unlink()
    with pytest.raises(DataError, match=r"has no parts\.csv") as refused:
        dgljoint.load_run(out).predict()
    assert "--resume" in (refused.value.hint or "")
    run(store, out, *QUICK, resume=True)
    assert (out / "parts.csv").read_bytes() == before
    assert json.loads((out / "manifest.json").read_text())["parts"]["train"] == sum(
        line.startswith("train,") for line in before.decode().splitlines()
    )
