"""Runs that repeat, that are interrupted and gone on with, and those that must not be."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from dgljoint.config import resolve_config
from dgljoint.errors import (
    DataError,
    InterruptedRunError,
    UsageError,
)
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import WeighterSpec
from dgljoint.store import CascadeStore, put_split, remove_split
from dgljoint.training import evaluate_run, train
from runs import StopAfter, assert_same_run, metrics, run
from toys import shipped, toy_store

BOTH = ("contrastive", "meta_weight")


@pytest.mark.parametrize(
    "plugins",
    [(), ("contrastive",), ("meta_weight",), BOTH, ("alignment", "adversarial", "meta_weight")],
)
@pytest.mark.parametrize("encoder", ["gcn", "bigcn"])
def test_every_combination_repeats_and_resumes(
    store: CascadeStore, tmp_path: Path, plugins: tuple[str, ...], encoder: str
) -> None:
    fields = {"plugins": plugins, "encoder": encoder}
    run(store, tmp_path / "a", **fields)
    run(store, tmp_path / "b", **fields)
    assert_same_run(tmp_path / "a", tmp_path / "b")
    out = tmp_path / "c"
    for steps in (3, 11):  # in the middle of the first epoch, and of a later one
        with pytest.raises(InterruptedRunError, match="everything is saved") as stopped:
            run(store, out, callback=StopAfter(steps), resume=steps > 3, **fields)
        assert "--resume" in (stopped.value.hint or "")
    run(store, out, resume=True, **fields)
    assert_same_run(tmp_path / "a", out)


@pytest.mark.parametrize("weighter", shipped(WeighterSpec))
def test_every_loss_weighter_trains_and_resumes(
    store: CascadeStore, tmp_path: Path, weighter: str
) -> None:
    """With an auxiliary loss; stopped in the second of three epochs, in its middle."""
    fields = {"plugins": ("contrastive", weighter), "encoder": "gcn"}
    run(store, tmp_path / "a", "train.batch=16", **fields)
    lines = metrics(tmp_path / "a")
    assert len(lines) == 3
    assert all(math.isfinite(weight) for line in lines for weight in line["weights"].values())
    out = tmp_path / "b"
    with pytest.raises(InterruptedRunError):
        run(store, out, "train.batch=16", callback=StopAfter(6), **fields)
    run(store, out, "train.batch=16", resume=True, **fields)
    assert_same_run(tmp_path / "a", out)


def test_a_lost_last_line_or_a_line_too_many_does_not_double(
    store: CascadeStore, tmp_path: Path
) -> None:
    """A run killed between its log and its checkpoint repeats that epoch and logs it once."""
    run(store, tmp_path / "a")
    out = tmp_path / "b"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(10))
    with (out / "metrics.jsonl").open("a") as file:
        file.write((tmp_path / "a" / "metrics.jsonl").read_text().splitlines()[1] + "\n")
    run(store, out, resume=True)
    assert_same_run(tmp_path / "a", out)


def test_the_folder_repeats_the_run(store: CascadeStore, tmp_path: Path) -> None:
    run(store, tmp_path / "a", "contrastive.temperature=0.3", plugins=BOTH)
    config = resolve_config(file=tmp_path / "a" / "config.toml")
    assert config.options["contrastive"]["temperature"] == 0.3
    train(config, tmp_path / "b", registry=installed_registry())
    assert_same_run(tmp_path / "a", tmp_path / "b")
    text = (tmp_path / "a" / "config.toml").read_text()
    assert text == (tmp_path / "b" / "config.toml").read_text()


def test_resuming_another_configuration_or_other_data_is_refused(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(2))
    with pytest.raises(UsageError, match=r"train\.batch 8 -> 4"):
        run(store, out, "train.batch=4", resume=True)
    with pytest.raises(UsageError, match=r"features\.use \['bow', 'extra', 'time', 'structure'\]"):
        run(store, out, "features.use=bow,time", resume=True)
    other = toy_store(tmp_path / "other.h5", cascades=96, seed=9)
    store.path.unlink()
    other.path.rename(store.path)
    with pytest.raises(DataError, match="digest"):
        run(store, out, resume=True)


def test_a_checkpoint_of_another_model_is_said(store: CascadeStore, tmp_path: Path) -> None:
    out = tmp_path / "a"
    run(store, out, "features.use=bow,time", "train.epochs=1")
    config = out / "config.toml"
    config.write_text(config.read_text().replace('    "time",\n', ""))
    with pytest.raises(DataError, match="checkpoint is that of another model"):
        evaluate_run(out, registry=installed_registry(), part="test")


def test_another_split_may_come_and_go_but_the_run_s_own_must_stay(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(2))
    own = store.split("event")
    more = put_split(store, "mine", (own.fold + 1) % 4, grouped_by="")
    assert more.digest != store.digest
    other = put_split(more, "event", (own.fold + 1) % 4, grouped_by="event")
    with pytest.raises(DataError, match=r"split 'event' of .* is not the one"):
        run(other, out, resume=True)
    put_split(other, "event", own.fold, grouped_by="event")
    run(store, out, resume=True)
    assert (out / "scores.json").exists()


def test_a_run_of_before_pins_the_whole_file(store: CascadeStore, tmp_path: Path) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(2))
    file = out / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["split"], manifest["data"]["content_digest"]
    file.write_text(json.dumps(manifest))
    more = put_split(store, "mine", store.split("event").fold, grouped_by="")
    with pytest.raises(DataError, match="is not the data"):
        run(more, out, resume=True)
    remove_split(more, "mine")
    run(store, out, resume=True)


def test_an_occupied_folder_is_refused_and_kept(store: CascadeStore, tmp_path: Path) -> None:
    out = tmp_path / "a"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        run(store, out)
    assert [file.name for file in out.iterdir()] == ["mine.txt"]
    run(store, out, force=True)
    assert (out / "mine.txt").read_text() == "keep"


def test_a_run_without_a_checkpoint_says_how_to_start_over(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    run(store, out)
    (out / "checkpoints" / "last.safetensors").unlink()
    with pytest.raises(DataError, match="nothing to go on from") as refused:
        run(store, out, resume=True)
    assert "--force" in (refused.value.hint or "")
    with pytest.raises(DataError, match="no run folder"):
        run(store, tmp_path / "none", resume=True)
