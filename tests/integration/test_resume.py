"""Runs that repeat, that are interrupted and gone on with, and those that must not be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from conftest import Site
from dgljoint._internal.files import locked
from dgljoint.config.sources import resolve_config
from dgljoint.data.store import CascadeStore, put_split
from dgljoint.errors import DataError, InterruptedRunError, RunFailedError, UsageError
from dgljoint.plugins.specs import WeighterSpec
from dgljoint.training import evaluate_run, resolve_run, train
from runs import StopAfter, assert_same_run, metrics, run
from toys import shipped, toy_store, toy_trainer

QUICK = ("train.epochs=2", "train.batch=32")
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
    train(resolve_run(config), tmp_path / "b")
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
    with pytest.raises(UsageError, match=r"features\.use \['bow', 'extra', 'time', 'structure', "):
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
        evaluate_run(out, part="test")


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


def test_an_occupied_folder_is_refused_and_kept(store: CascadeStore, tmp_path: Path) -> None:
    out = tmp_path / "a"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        run(store, out)
    assert [file.name for file in out.iterdir()] == ["mine.txt"]
    run(store, out, force=True)
    assert (out / "mine.txt").read_text() == "keep"


def test_a_run_whose_state_was_taken_away_says_how_to_start_over(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    run(store, out)
    (out / "checkpoints" / "last.safetensors").unlink()
    with pytest.raises(DataError, match="nothing to resume from") as refused:
        run(store, out, resume=True)
    assert "--force" in (refused.value.hint or "")
    assert (out / "scores.json").exists()


@pytest.mark.parametrize("left", ["nothing", "no state", "a first line", "a start", "a folder"])
def test_a_run_killed_before_its_first_state_begins_again(
    store: CascadeStore, tmp_path: Path, left: str
) -> None:
    """What a kill leaves between the making of the folder and the first checkpoint."""
    run(store, tmp_path / "a", *QUICK)
    out = tmp_path / "b"
    if left != "nothing":
        out.mkdir()
        (out / ".config.toml.1234567.tmp").write_text("see")
    if left in ("no state", "a first line", "a start"):
        (out / "checkpoints").mkdir()
        (out / "checkpoints" / ".last.safetensors.1234567.tmp").write_bytes(b"x" * 100)
        name = ".starting.toml" if left == "a start" else "config.toml"
        (out / name).write_bytes((tmp_path / "a" / "config.toml").read_bytes())
    if left in ("no state", "a first line"):
        (out / "manifest.json").write_bytes((tmp_path / "a" / "manifest.json").read_bytes())
    if left == "a first line":
        lines = (tmp_path / "a" / "metrics.jsonl").read_text().splitlines(keepends=True)
        (out / "metrics.jsonl").write_text(lines[0] + lines[1][:40])
    if left in ("no state", "a start"):
        with pytest.raises(UsageError, match=r"train\.batch 32 -> 4"):
            run(store, out, "train.epochs=2", "train.batch=4", resume=True)
    run(store, out, *QUICK, resume=True)
    assert_same_run(tmp_path / "a", out)
    names = [sorted(path.name for path in folder.rglob("*")) for folder in (tmp_path / "a", out)]
    assert names[0] == names[1]


def test_a_kill_while_an_earlier_run_is_replaced_leaves_the_new_one_alone(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the old checkpoints still there, ``--resume`` must not go on from them."""
    from dgljoint.training import folder

    out = tmp_path / "a"
    run(store, out, *QUICK)
    run(store, tmp_path / "b", *QUICK, seed=1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(folder, "describe_run", killed)
        with pytest.raises(InterruptedRunError):
            run(store, out, *QUICK, seed=1, force=True)
    assert folder.RunFolder(out).config().seed == 1
    run(store, out, *QUICK, seed=1, resume=True)
    assert_same_run(tmp_path / "b", out)


def test_saving_within_epochs_changes_nothing(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dgljoint.training.folder import RunFolder

    steps = []
    save = RunFolder.save_last

    def counted(self: RunFolder, state: dict[str, Any]) -> None:
        steps.append((state["position"]["epoch"], state["position"]["step"]))
        save(self, state)

    monkeypatch.setattr(RunFolder, "save_last", counted)
    run(store, tmp_path / "a", plugins=BOTH)
    assert steps == [(1, 0), (2, 0), (3, 0)]
    steps.clear()
    run(store, tmp_path / "b", "train.save_minutes=0", plugins=BOTH)
    assert len(steps) > 10
    assert steps == sorted(set(steps))
    assert_same_run(tmp_path / "a", tmp_path / "b")


def test_a_run_stopped_after_its_last_step_keeps_the_rate_of_that_step(
    store: CascadeStore, tmp_path: Path
) -> None:
    """What is left is to score it; nothing sets the rate again."""
    run(store, tmp_path / "a")
    out = tmp_path / "b"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(toy_trainer(store).batches.total))
    run(store, out, resume=True)
    assert_same_run(tmp_path / "a", out)


def test_how_often_a_run_is_saved_may_be_changed(store: CascadeStore, tmp_path: Path) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(2))
    run(store, out, "train.save_minutes=1", resume=True)


def test_a_log_that_lost_lines_is_refused(store: CascadeStore, tmp_path: Path) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(20))
    lines = (out / "metrics.jsonl").read_text()
    (out / "metrics.jsonl").write_text(lines[:-1])
    with pytest.raises(DataError, match="has the lines of 1 epochs, but 2 have ended"):
        run(store, out, resume=True)


def test_a_missing_best_model_is_noticed_before_the_night(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(20))
    (out / "checkpoints" / "best.safetensors").unlink()
    with pytest.raises(DataError, match=r"best\.safetensors: no such checkpoint"):
        run(store, out, resume=True)


class Told(StopAfter):
    """Takes down what it is told."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.said: list[str] = []

    def message(self, text: str) -> None:
        self.said.append(text)


IDLE = """
    import dgljoint
    from dgljoint.nn import Interaction

    @dgljoint.hookimpl
    def dgljoint_interactions():
        build = lambda options, context: Interaction()
        return [dgljoint.InteractionSpec(name="idle", summary="x", build=build)]
"""


def test_other_versions_are_told(store: CascadeStore, tmp_path: Path, site: Site) -> None:
    site.install("idle-dist", {"idle": "idle"}, idle=IDLE)
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(2), plugins=("idle",))
    manifest = json.loads((out / "manifest.json").read_text())
    for plugin in manifest["plugins"]:
        if plugin["name"] == "idle":
            plugin["version"] = "0.9"
    manifest["packages"]["torch"] = "1.0"
    manifest["packages"]["pluggy"] = "0.1"  # computes nothing
    (out / "manifest.json").write_text(json.dumps(manifest))
    told = Told(1)
    with pytest.raises(InterruptedRunError):
        run(store, out, plugins=("idle",), resume=True, callback=told)
    assert len(told.said) == 1
    assert "plugin 'idle': idle-dist 0.9, now idle-dist 1.0" in told.said[0]
    assert "torch 1.0, now " in told.said[0]
    assert "pluggy" not in told.said[0]


def test_a_folder_in_use_is_refused_until_its_process_is_gone(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(2))
    with locked(out):
        before = (out / "metrics.jsonl").exists()
        for settings in ({"resume": True}, {"force": True}):
            with pytest.raises(RunFailedError, match="another process is training in"):
                run(store, out, **settings)
        assert before == (out / "metrics.jsonl").exists()
    run(store, out, resume=True)
