"""Every run says how much of its test part it had read before it was scored on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dgljoint.batch.features import FeatureSpace
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, InterruptedRunError
from dgljoint.runs.stored import StoredRun
from dgljoint.training.checkpoint import load_tree, save_tree
from dgljoint.training.parts import part_under_test
from dgljoint.training.processes import ALONE, Processes
from dgljoint.training.setup import Witness
from dgljoint.training.trainer import Trainer
from runs import StopAfter, assert_same_run, run
from toys import toy_store

QUICK = ("train.epochs=2", "train.batch=16")


def recorded(out: Path) -> dict[str, int]:
    found: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    seen: dict[str, int] = found["seen_before_test"]
    return seen


def under_test(store: CascadeStore) -> np.ndarray:
    return part_under_test(store.split("event"), 0)


def peek(monkeypatch: pytest.MonkeyPatch, store: CascadeStore, cascades: int) -> None:
    """Make trainers read cascades of the test part in their first step."""
    step = Trainer._step

    def looking(self: Trainer, indices: np.ndarray) -> None:
        if self.position.epoch == self.position.step == 0:
            self._pass._store.read(under_test(store)[:cascades])
        step(self, indices)

    monkeypatch.setattr(Trainer, "_step", looking)


@pytest.mark.parametrize("plugins", [(), ("contrastive", "meta_weight")])
def test_a_run_reads_all_that_is_not_tested_and_nothing_that_is(
    store: CascadeStore, tmp_path: Path, plugins: tuple[str, ...]
) -> None:
    run(store, tmp_path / "a", *QUICK, plugins=plugins)
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    parts = manifest["parts"]
    read = parts["train"] + parts["validation"]
    # Of the meta part, those that were drawn.
    assert read <= recorded(tmp_path / "a")["cascades"] <= read + parts["meta"]
    assert recorded(tmp_path / "a")["of_the_test_part"] == 0
    assert StoredRun(tmp_path / "a").test_cascades_seen() == 0


def test_what_was_read_of_the_test_part_is_remembered_by_a_run_that_goes_on(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        peek(patched, store, 1)
        run(store, tmp_path / "a", *QUICK)
        with pytest.raises(InterruptedRunError):
            run(store, tmp_path / "b", *QUICK, callback=StopAfter(2))
    assert StoredRun(tmp_path / "a").test_cascades_seen() == 1
    assert StoredRun(tmp_path / "b").test_cascades_seen() is None
    run(store, tmp_path / "b", *QUICK, resume=True)
    assert StoredRun(tmp_path / "b").test_cascades_seen() == 1
    assert recorded(tmp_path / "a") == recorded(tmp_path / "b")
    assert_same_run(tmp_path / "a", tmp_path / "b")
    run(store, tmp_path / "b", *QUICK, resume=True)  # scores it again
    assert StoredRun(tmp_path / "b").test_cascades_seen() == 1
    run(store, tmp_path / "b", *QUICK, force=True)
    assert StoredRun(tmp_path / "b").test_cascades_seen() == 0


def test_features_fitted_on_the_test_part_are_noticed(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = FeatureSpace.fit

    def on_everything(data: CascadeStore, train: np.ndarray, *others: Any) -> FeatureSpace:
        return fit(data, np.arange(len(data)), *others)

    monkeypatch.setattr(FeatureSpace, "fit", on_everything)
    run(store, tmp_path / "a", *QUICK)
    assert recorded(tmp_path / "a") == {
        "cascades": len(store), "of_the_test_part": len(under_test(store))
    }


@pytest.mark.parametrize("wrong", [
    torch.zeros(3, dtype=torch.uint8), torch.zeros(12), [1, 2], "all", None,
])
def test_a_state_of_other_data_is_refused(
    store: CascadeStore, tmp_path: Path, wrong: object
) -> None:
    out, last = tmp_path / "a", tmp_path / "a" / "checkpoints" / "last.safetensors"
    with pytest.raises(InterruptedRunError):
        run(store, out, *QUICK, callback=StopAfter(2))
    save_tree(last, {**load_tree(last), "seen": wrong})
    with pytest.raises(DataError, match="the checkpoint is that of another model"):
        run(store, out, *QUICK, resume=True)


@pytest.mark.parametrize("seen", [None, 3, {}, {"of_the_test_part": "0"},
                                  {"of_the_test_part": False}])
def test_a_malformed_record_is_none(store: CascadeStore, tmp_path: Path, seen: object) -> None:
    out = tmp_path / "a"
    run(store, out, "train.epochs=1", "train.batch=32")
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps({**manifest, "seen_before_test": seen}))
    assert StoredRun(out).test_cascades_seen() is None


def test_what_any_process_read_counts(tmp_path: Path) -> None:
    @dataclass(frozen=True, slots=True)
    class Two(Processes):
        """This process beside one that has read the cascades 10 and 11."""

        def gather(self, mine: Any) -> list[Any]:
            others = np.zeros(13, bool)
            others[[10, 11]] = True
            return [mine, others]

    store = toy_store(tmp_path / "toy.h5", cascades=13)
    witness = Witness(store)
    store.read(np.array([3, 10]))
    store.read(np.array([], np.int64))
    test = np.array([11, 12])
    assert witness.seen(ALONE, test) == {"cascades": 2, "of_the_test_part": 0}
    assert witness.seen(Two(0, 2), test) == {"cascades": 3, "of_the_test_part": 1}
    later = Witness(toy_store(tmp_path / "again.h5", cascades=13))
    later.restore(witness.state(Two(0, 2)))
    assert later.seen(ALONE, test) == {"cascades": 3, "of_the_test_part": 1}
