"""Whole small runs: the same seed, resumed runs, interruptions, divergence."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import Site
from dgljoint.config import resolve_config
from dgljoint.errors import (
    DataError,
    DivergedError,
    InterruptedRunError,
    PluginError,
    UsageError,
)
from dgljoint.nn.questions import evaluation_question
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import WeighterSpec
from dgljoint.store import CascadeStore, put_split, remove_split
from dgljoint.training import Progress, RunResult, evaluate_run, plan_run, train
from dgljoint.training.checkpoint import load_tree
from dgljoint.training.parts import training_parts
from dgljoint.training.trainer import Trainer
from toys import toy_config, toy_store

BOTH = ("contrastive", "meta_weight")


@pytest.fixture
def store(tmp_path: Path) -> CascadeStore:
    return toy_store(tmp_path / "toy.h5", cascades=96)


class StopAfter(Progress):
    """Presses Ctrl-C after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        self.left -= 1
        if self.left == 0:
            import signal

            signal.raise_signal(signal.SIGINT)


def run(
    store: CascadeStore, out: Path, *assignments: str, progress: Progress | None = None,
    resume: bool = False, force: bool = False, **fields: Any,
) -> RunResult:
    config = toy_config(store, *assignments, **fields)
    return train(
        config, out, registry=installed_registry(), progress=progress or Progress(),
        resume=resume, force=force,
    )


def metrics(out: Path) -> list[dict[str, Any]]:
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def assert_same_tree(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            if key != "seconds":
                assert_same_tree(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same_tree(one, other)
    elif isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    else:
        assert left == right


def assert_same_run(one: Path, other: Path) -> None:
    assert metrics(one) == metrics(other)
    for name in ("last", "best"):
        file = f"checkpoints/{name}.safetensors"
        assert_same_tree(load_tree(one / file), load_tree(other / file))
    scores = [json.loads((out / "scores.json").read_text()) for out in (one, other)]
    for part in ("validation", "test"):
        first, second = (dict(score[part], seconds=0) for score in scores)
        assert first == second


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
            run(store, out, progress=StopAfter(steps), resume=steps > 3, **fields)
        assert "--resume" in (stopped.value.hint or "")
    run(store, out, resume=True, **fields)
    assert_same_run(tmp_path / "a", out)


def shipped_weighters() -> list[str]:
    registry = installed_registry()
    shipped = [entry.name for entry in registry.entries if entry.distribution == "dgljoint"]
    return [n for n in shipped if isinstance(registry.load(n).specs[0], WeighterSpec)]


@pytest.mark.parametrize("weighter", shipped_weighters())
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
        run(store, out, "train.batch=16", progress=StopAfter(6), **fields)
    run(store, out, "train.batch=16", resume=True, **fields)
    assert_same_run(tmp_path / "a", out)


def test_another_seed_is_another_run(store: CascadeStore, tmp_path: Path) -> None:
    run(store, tmp_path / "a")
    run(store, tmp_path / "b", seed=1)
    assert metrics(tmp_path / "a") != metrics(tmp_path / "b")


def test_a_lost_last_line_or_a_line_too_many_does_not_double(
    store: CascadeStore, tmp_path: Path
) -> None:
    """A run killed between its log and its checkpoint repeats that epoch and logs it once."""
    run(store, tmp_path / "a")
    out = tmp_path / "b"
    with pytest.raises(InterruptedRunError):
        run(store, out, progress=StopAfter(10))
    with (out / "metrics.jsonl").open("a") as file:
        file.write((tmp_path / "a" / "metrics.jsonl").read_text().splitlines()[1] + "\n")
    run(store, out, resume=True)
    assert_same_run(tmp_path / "a", out)


def test_the_folder_repeats_the_run(store: CascadeStore, tmp_path: Path) -> None:
    run(store, tmp_path / "a", "contrastive.temperature=0.3", plugins=BOTH)
    config = resolve_config(file=tmp_path / "a" / "config.toml")
    assert config.options["contrastive"]["temperature"] == 0.3
    train(config, tmp_path / "b", registry=installed_registry(), progress=Progress())
    assert_same_run(tmp_path / "a", tmp_path / "b")
    text = (tmp_path / "a" / "config.toml").read_text()
    assert text == (tmp_path / "b" / "config.toml").read_text()


def test_evaluate_gives_the_figures_of_the_run(store: CascadeStore, tmp_path: Path) -> None:
    result = run(store, tmp_path / "a", plugins=BOTH)
    for part, expected in (("test", result.test), ("validation", result.validation)):
        found = evaluate_run(tmp_path / "a", registry=installed_registry(), part=part)
        assert replace(found, seconds=0) == replace(expected, seconds=0)
    with pytest.raises(UsageError, match="no part"):
        evaluate_run(tmp_path / "a", registry=installed_registry(), part="tset")


def test_each_part_is_scored_on_its_own_cascades(store: CascadeStore, tmp_path: Path) -> None:
    result = run(store, tmp_path / "a", fold=2)
    plan = plan_run(toy_config(store, fold=2), registry=installed_registry())
    assert plan.parts["test"] != plan.parts["validation"]
    assert result.test.rumor.cascades == plan.parts["test"]
    assert result.validation.rumor.cascades == plan.parts["validation"]
    columns = store.read(np.flatnonzero(store.split("event").fold == 2))
    for share in (0.75, 0.5):
        scores = run(store, tmp_path / f"{share}", f"cascade.observed_share={share}", fold=2)
        asked = evaluation_question(columns, share).answer.sum()
        assert scores.test.links["all"].targets == asked


def test_an_epoch_sees_every_training_cascade_once(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    batch = Trainer._batch

    def recorded(self: Trainer, indices: Any, rng: Any) -> Any:
        seen.append(indices.tolist())
        return batch(self, indices, rng)

    monkeypatch.setattr(Trainer, "_batch", recorded)
    run(store, tmp_path / "a", "train.epochs=2", "train.patience=2")
    parts = training_parts(store, store.split("event"), 0, seed=0, meta=False)
    steps = len(seen) // 2
    epochs = [[*chain(*seen[:steps])], [*chain(*seen[steps:])]]
    assert epochs[0] != epochs[1]
    assert [sorted(epoch) for epoch in epochs] == [parts.train.tolist()] * 2
    assert max(map(len, seen)) <= 8


def test_every_step_draws_anew_and_every_run_alike(
    store: CascadeStore, tmp_path: Path, site: Site
) -> None:
    site.install(
        "drawing", {"drawing": "drawing"},
        drawing="""
            import dgljoint
            import torch
            from dgljoint.nn import Interaction

            drawn = []

            class Drawing(Interaction):
                def couple(self, reps, batch):
                    if self.training:
                        drawn.append(torch.rand(()).item())
                    return reps

            @dgljoint.hookimpl
            def dgljoint_interactions():
                return [dgljoint.InteractionSpec(
                    name="drawing", summary="x", build=lambda options, context: Drawing()
                )]
        """,
    )
    for out in ("a", "b"):
        torch.rand(5)  # what others draw must not matter
        run(store, tmp_path / out, plugins=("drawing",))
    drawn = sys.modules["drawing"].drawn
    half = len(drawn) // 2
    assert drawn[:half] == drawn[half:]
    assert len(set(drawn)) == half > 3


def test_best_epoch_is_the_one_of_the_best_validation_score(
    store: CascadeStore, tmp_path: Path
) -> None:
    result = run(store, tmp_path / "a", "train.epochs=6", "train.patience=6")
    scores = [line["validation"]["score"] for line in metrics(tmp_path / "a")]
    assert result.best_epoch == scores.index(max(scores)) + 1
    assert [line["best"] for line in metrics(tmp_path / "a")] == [
        score > max([-1.0, *scores[:number]]) for number, score in enumerate(scores)
    ]


def test_an_epoch_logs_how_the_gradients_of_the_tasks_stand(
    store: CascadeStore, tmp_path: Path
) -> None:
    run(store, tmp_path / "a", "train.batch=4")
    cosines = [line["diagnostics"]["gradient_cosine"] for line in metrics(tmp_path / "a")]
    assert all(-1 <= cosine <= 1 for cosine in cosines)
    assert len(set(cosines)) == len(cosines)


def test_patience_ends_the_run(store: CascadeStore, tmp_path: Path) -> None:
    run(
        store, tmp_path / "a", "train.epochs=40", "train.patience=2", "train.learning_rate=1e-9"
    )
    lines = metrics(tmp_path / "a")
    best = max(line["epoch"] for line in lines if line["best"])
    assert lines[-1]["epoch"] == best + 2 < 40


def test_resuming_another_configuration_or_other_data_is_refused(
    store: CascadeStore, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, progress=StopAfter(2))
    with pytest.raises(UsageError, match=r"train\.batch 8 -> 4"):
        run(store, out, "train.batch=4", resume=True)
    with pytest.raises(UsageError, match=r"features\.use \['bow', 'extra', 'time', 'structure'\]"):
        run(store, out, "features.use=bow,time", resume=True)
    other = toy_store(tmp_path / "other.h5", cascades=96, seed=9)
    store.path.unlink()
    other.path.rename(store.path)
    with pytest.raises(DataError, match="digest"):
        run(store, out, resume=True)


def test_all_features_are_those_of_the_store_by_name(store: CascadeStore, tmp_path: Path) -> None:
    """A run that names none is resumed by one that names all, in any order."""
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, progress=StopAfter(2))
    assert run(store, out, "features.use=time,structure,extra,bow", resume=True).best_epoch


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
        run(store, out, progress=StopAfter(2))
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
        run(store, out, progress=StopAfter(2))
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


def test_divergence_names_the_loss_and_keeps_the_checkpoint(
    store: CascadeStore, tmp_path: Path, site: Site
) -> None:
    site.install(
        "explosive", {"explosive": "explosive"},
        explosive="""
            import dgljoint
            from dgljoint.nn import Interaction

            class Explosive(Interaction):
                calls = 0

                @property
                def loss_coefficients(self):
                    return {"boom": 1.0}

                def losses(self, reps, outputs, batch):
                    self.calls += 1
                    return {"boom": reps.rumor.sum() * (float("nan") if self.calls > 14 else 0)}

            @dgljoint.hookimpl
            def dgljoint_interactions():
                return [dgljoint.InteractionSpec(
                    name="explosive", summary="x", build=lambda options, context: Explosive()
                )]
        """,
    )
    out = tmp_path / "a"
    with pytest.raises(DivergedError, match=r"boom is nan in epoch 2, step \d; cascades .*c\d"):
        run(store, out, plugins=("explosive",))
    assert len(metrics(out)) == 1
    state = load_tree(out / "checkpoints" / "last.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in state["model"].values())


@pytest.mark.parametrize("weighter", ["fixed", "cagrad", "upgrad"])
def test_a_gradient_that_is_not_finite_is_divergence(
    store: CascadeStore, tmp_path: Path, site: Site, weighter: str
) -> None:
    """Whatever a solver would make of it."""
    site.install(
        "steep", {"steep": "steep"},
        steep="""
            import dgljoint
            from dgljoint.nn import Interaction

            class Steep(Interaction):
                loss_coefficients = {"cliff": 1.0}

                def losses(self, reps, outputs, batch):
                    return {"cliff": (reps.rumor.sum() * 0).sqrt()}

            @dgljoint.hookimpl
            def dgljoint_interactions():
                return [dgljoint.InteractionSpec(
                    name="steep", summary="x", build=lambda options, context: Steep()
                )]
        """,
    )
    with pytest.raises(DivergedError, match=r"gradient norm is nan in epoch 1, step 1"):
        run(store, tmp_path / "a", plugins=("steep", weighter))


FAULTY = """
    import dgljoint
    import torch
    from dgljoint.nn import Interaction

    class Faulty(Interaction):
        {body}

    def build(options, context):
        {build}
        return Faulty()

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="faulty", summary="x", build=build)]
"""


@pytest.mark.parametrize(
    ("body", "build", "message"),
    [
        ("pass", "raise ValueError('no')", r"failed in build: ValueError: no"),
        ("pass", "return 3", r"built a int"),
        ("def couple(self, reps, batch): 1 / 0", "", r"failed in couple: ZeroDivisionError"),
        ("def couple(self, reps, batch): return None", "", r"expected Representations"),
        ("def losses(self, *a): return {'x': 1}", "", r"returned the losses \['x'\]"),
        ("loss_coefficients = {'rumor': 1.0}", "", r"'rumor', which is taken"),
        (
            "def couple(self, r, b): return type(r)(r.shared, r.cascade[:1], r.rumor)", "",
            r"returned \(1, 8\) from couple, expected a tensor",
        ),
    ],
)
def test_a_faulty_plugin_is_named(
    store: CascadeStore, tmp_path: Path, site: Site, body: str, build: str, message: str
) -> None:
    site.install(
        "faulty-dist", {"faulty": "faulty"}, version="2.1",
        faulty=FAULTY.format(body=body, build=build or "pass"),
    )
    with pytest.raises(PluginError, match=message) as failed:
        run(store, tmp_path / "a", plugins=("faulty",))
    assert "plugin 'faulty' (faulty-dist 2.1)" in str(failed.value)


def test_plan_says_what_the_run_does_and_writes_nothing(
    store: CascadeStore, tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    plan = plan_run(toy_config(store, plugins=BOTH), registry=installed_registry())
    assert set(tmp_path.iterdir()) == before
    assert sum(plan.parts.values()) == len(store)
    assert plan.losses == ("cascade", "rumor", "contrastive")
    assert [component.name for component in plan.components] == [
        "bigcn", "contrastive", "meta_weight",
    ]
    assert plan.steps == -(-plan.parts["train"] // 8)
    assert plan.parameters > 0
