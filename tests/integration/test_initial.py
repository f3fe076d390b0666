"""A run may start from the parameters of another one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, InterruptedRunError, UsageError
from dgljoint.training.callbacks import Callback
from dgljoint.training.folder import RunFolder
from runs import StopAfter, assert_same_run, run
from toys import toy_store

STILL = ("train.epochs=1", "train.learning_rate=1e-12")


class Listener(Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def message(self, text: str) -> None:
        self.heard.append(text)


@pytest.fixture
def store(tmp_path: Path) -> CascadeStore:
    return toy_store(tmp_path / "toy.h5")


def selected(out: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = RunFolder(out).load_best()["model"]
    return found


def test_it_starts_from_what_has_the_same_shape(store: CascadeStore, tmp_path: Path) -> None:
    parents, told = tmp_path / "parents", Listener()
    run(store, parents, "train.tasks=cascade", "train.epochs=1")
    start = f"train.init_from={parents}"
    run(store, tmp_path / "both", *STILL, start, plugins=("contrastive",), callback=told)
    run(store, tmp_path / "fresh", *STILL, plugins=("contrastive",))
    given, both, fresh = map(selected, (parents, tmp_path / "both", tmp_path / "fresh"))
    for name, value in both.items():
        torch.testing.assert_close(value, given.get(name, fresh[name]), rtol=0, atol=1e-6)
    assert any(not torch.allclose(given[name], fresh[name]) for name in given)
    assert both.keys() > given.keys()
    assert told.heard == [
        f"{len(given)} of {len(both)} tensors of the model are those of {parents}"
    ]


def test_what_has_another_shape_is_as_it_was_drawn(store: CascadeStore, tmp_path: Path) -> None:
    run(store, tmp_path / "wide", "model.width=12", "train.epochs=1")
    run(store, tmp_path / "a", *STILL, f"train.init_from={tmp_path / 'wide'}")
    run(store, tmp_path / "fresh", *STILL)
    wide, found, fresh = map(selected, (tmp_path / "wide", tmp_path / "a", tmp_path / "fresh"))
    other = [name for name in fresh if wide[name].shape != fresh[name].shape]
    assert other
    for name in other:
        torch.testing.assert_close(found[name], fresh[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "other", ["fold=1", "seed=1", "split=random", "features.words=9", "plugins=meta_weight"]
)
def test_a_run_on_other_cascades_or_features_is_refused(
    store: CascadeStore, tmp_path: Path, other: str
) -> None:
    name, _, value = other.partition("=")
    fields = {name: (value,) if name == "plugins" else int(value) if value.isdigit() else value}
    if "." in name:
        run(store, tmp_path / "a", "train.epochs=1", other)
    else:
        run(store, tmp_path / "a", "train.epochs=1", **fields)
    with pytest.raises((UsageError, DataError), match="trained on"):
        run(store, tmp_path / "b", f"train.init_from={tmp_path / 'a'}")
    assert not (tmp_path / "b").exists()


def test_it_goes_on_bit_for_bit_without_the_run_it_started_from(
    store: CascadeStore, tmp_path: Path
) -> None:
    parents = tmp_path / "parents"
    run(store, parents, "train.tasks=cascade", "train.epochs=1")
    start = f"train.init_from={parents}"
    run(store, tmp_path / "whole", start)
    with pytest.raises(InterruptedRunError):
        run(store, tmp_path / "parts", start, callback=StopAfter(3))
    parents.rename(tmp_path / "away")
    run(store, tmp_path / "parts", start, resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
