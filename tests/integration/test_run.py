"""Whole small runs: what an epoch sees, which is selected, what is scored."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import Site
from dgljoint.data.store import CascadeStore
from dgljoint.errors import InterruptedRunError, RunFailedError, UsageError
from dgljoint.tasks.targets import evaluation_pairs
from dgljoint.training import evaluate_run, plan_run, resolve_run
from dgljoint.training.folder import RunFolder
from dgljoint.training.parts import training_parts
from dgljoint.training.passes import Pass
from dgljoint.training.scoring import assess_parts
from dgljoint.training.setup import put_in, set_up
from runs import StopAfter, metrics, run
from toys import toy_config

BOTH = ("contrastive", "meta_weight")


def test_another_seed_is_another_run(store: CascadeStore, tmp_path: Path) -> None:
    run(store, tmp_path / "a")
    run(store, tmp_path / "b", seed=1)
    assert metrics(tmp_path / "a") != metrics(tmp_path / "b")


def test_evaluate_gives_the_figures_of_the_run(store: CascadeStore, tmp_path: Path) -> None:
    result = run(store, tmp_path / "a", plugins=BOTH)
    for part, expected in (("test", result.test), ("validation", result.validation)):
        found = evaluate_run(tmp_path / "a", part=part)
        assert replace(found, seconds=0) == replace(expected, seconds=0)
    with pytest.raises(UsageError, match="no part"):
        evaluate_run(tmp_path / "a", part="tset")


def test_a_run_says_of_every_cascade_what_evaluate_says(
    store: CascadeStore, tmp_path: Path
) -> None:
    out, again = tmp_path / "a", tmp_path / "again.csv"
    result = run(store, out, plugins=BOTH)
    head, *lines = (out / "predictions.csv").read_bytes().splitlines(keepends=True)
    assert head.startswith(b"part,cascade,event,label,predicted,p_false,p_true,posts,")
    parts = {"validation": result.validation, "test": result.test}
    assert len(lines) == sum(part.rumor.cascades for part in parts.values())
    for part in parts:
        evaluate_run(out, part=part, predictions=again)
        mine = [line for line in lines if line.startswith(f"{part},".encode())]
        assert again.read_bytes().splitlines(keepends=True) == [head, *mine]
    run(store, out, "train.epochs=1", force=True)
    assert (out / "predictions.csv").read_bytes().splitlines(keepends=True)[1:] != lines


def test_the_temperature_is_that_of_the_validation_part(
    store: CascadeStore, tmp_path: Path
) -> None:
    """Whatever the labels of the test part are, and whichever part is asked for."""
    result = run(store, tmp_path / "a")
    temperature = result.validation.calibration.temperature
    assert temperature is not None
    assert result.test.calibration.temperature == temperature
    setup = set_up(resolve_run(toy_config(store)), torch.device("cpu"))
    put_in(setup.model, RunFolder(tmp_path / "a").load_best(), RunFolder(tmp_path / "a"))
    label = store.label.copy()
    label[store.split("event").fold == 0] = 1 - label[store.split("event").fold == 0]
    store.label = setup.store.label = label
    relabelled = assess_parts(setup, "test")["test"].scores
    assert relabelled.rumor.accuracy == pytest.approx(1 - result.test.rumor.accuracy)
    assert relabelled.calibration.temperature == temperature
    assert relabelled.calibration.raw != result.test.calibration.raw


def test_a_run_has_ended_only_when_its_predictions_are_written(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: RunFolder, table: str) -> None:
        raise RunFailedError("cannot write predictions.csv: the disk is full")

    out = tmp_path / "a"
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "save_predictions", refuse)
        with pytest.raises(RunFailedError):
            run(store, out)
    assert not (out / "scores.json").exists()
    run(store, out, resume=True)
    assert (out / "scores.json").exists()
    assert (out / "predictions.csv").exists()
    with pytest.raises(InterruptedRunError):
        run(store, out, force=True, callback=StopAfter(2))
    assert not (out / "predictions.csv").exists(), "it was of the run before"


def test_what_is_worked_out_once_is_not_in_an_epoch(store: CascadeStore, tmp_path: Path) -> None:
    result = run(store, tmp_path / "a", "train.tasks=cascade")
    figures = result.test.intervals.figures
    assert set(figures) == {
        "mrr", "hits1", "mrr_not_source", "hits1_not_source", "mrr_without_source",
        "hits1_without_source",
    }
    assert result.test.calibration is None
    low, high = figures["mrr"]
    assert low <= result.test.links["all"].rows["model"].mrr <= high
    setup = set_up(resolve_run(toy_config(store)), torch.device("cpu"))
    epoch = setup.evaluator.scores(setup.model, setup.parts.validation, "validation")
    assert (epoch.intervals, epoch.calibration) == (None, None)


def test_each_part_is_scored_on_its_own_cascades(store: CascadeStore, tmp_path: Path) -> None:
    result = run(store, tmp_path / "a", fold=2)
    plan = plan_run(resolve_run(toy_config(store, fold=2)))
    assert plan.parts["test"] != plan.parts["validation"]
    assert result.test.rumor.cascades == plan.parts["test"]
    assert result.validation.rumor.cascades == plan.parts["validation"]
    columns = store.read(np.flatnonzero(store.split("event").fold == 2))
    for share in (0.75, 0.5):
        scores = run(store, tmp_path / f"{share}", f"cascade.observed_share={share}", fold=2)
        asked = evaluation_pairs(columns, share).is_parent.sum()
        assert scores.test.links["all"].targets == asked


def test_an_epoch_sees_every_training_cascade_once(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    ask = Pass.ask

    def recorded(self: Pass, indices: Any, rng: Any) -> Any:
        seen.append(indices.tolist())
        return ask(self, indices, rng)

    monkeypatch.setattr(Pass, "ask", recorded)
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


def test_the_last_epoch_as_good_as_any_but_for_chance_is_selected(
    store: CascadeStore, tmp_path: Path
) -> None:
    result = run(store, tmp_path / "a", "train.epochs=8", "train.patience=8")
    lines = metrics(tmp_path / "a")
    scores = [line["validation"]["score"] for line in lines]
    assert result.validation.rumor is not None
    margin = 0.4 / result.validation.rumor.cascades ** 0.5 / 2
    selected = [score >= max(scores[: n + 1]) - margin for n, score in enumerate(scores)]
    assert [line["best"] for line in lines] == selected
    assert result.best_epoch == max(n for n, one in enumerate(selected, 1) if one)


def test_training_ends_when_no_epoch_was_selected_for_a_while(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = iter([0.5, 0.7, 0.69, 0.3, 0.3, 0.3, 0.9])
    monkeypatch.setattr("dgljoint.training.trainer.selection_score", lambda scores: next(course))
    monkeypatch.setattr("dgljoint.training.trainer.selection_margin", lambda scores: 0.02)
    result = run(store, tmp_path / "a", "train.epochs=7", "train.patience=3")
    assert [line["best"] for line in metrics(tmp_path / "a")] == [True] * 3 + [False] * 3
    assert result.best_epoch == 3


def test_an_epoch_logs_how_the_gradients_of_the_tasks_stand(
    store: CascadeStore, tmp_path: Path
) -> None:
    run(store, tmp_path / "a", "train.batch=4")
    cosines = [line["diagnostics"]["gradient_cosine"] for line in metrics(tmp_path / "a")]
    assert all(-1 <= cosine <= 1 for cosine in cosines)
    assert len(set(cosines)) == len(cosines)


def test_all_features_are_those_of_the_store_by_name(store: CascadeStore, tmp_path: Path) -> None:
    """A run that names none is resumed by one that names all, in any order."""
    out = tmp_path / "a"
    with pytest.raises(InterruptedRunError):
        run(store, out, callback=StopAfter(2))
    assert run(store, out, "features.use=time,shape,structure,extra,bow", resume=True).best_epoch


def test_plan_says_what_the_run_does_and_writes_nothing(
    store: CascadeStore, tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    plan = plan_run(resolve_run(toy_config(store, plugins=BOTH)))
    assert set(tmp_path.iterdir()) == before
    assert sum(plan.parts.values()) == len(store)
    assert plan.losses == ("cascade", "rumor", "contrastive")
    assert [component.name for component in plan.components] == [
        "bigcn", "contrastive", "meta_weight",
    ]
    assert plan.steps == -(-plan.parts["train"] // 8)
    assert plan.parameters > 0


IDLE = """
    import dgljoint
    import torch
    from dgljoint.nn import Interaction

    class Idle(Interaction):
        def __init__(self):
            super().__init__()
            self.opponent = torch.nn.Linear(1, 1)

        def opponent_parameters(self):
            return self.opponent.parameters()

        def diagnostics(self, reps, outputs, batch):
            return {"one": torch.ones(())}

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="idle", summary="x", build=lambda *_: Idle())]
"""


@pytest.mark.parametrize("batch", [3, 5, 100])
def test_diagnostics_are_means_over_the_steps_looked_at_and_an_opponent_may_learn_nothing(
    store: CascadeStore, tmp_path: Path, site: Site, batch: int
) -> None:
    site.install("idle-dist", {"idle": "idle"}, idle=IDLE)
    run(store, tmp_path / "a", f"train.batch={batch}", "train.epochs=2", plugins=("idle",))
    assert [line["diagnostics"]["idle.one"] for line in metrics(tmp_path / "a")] == [1, 1]
