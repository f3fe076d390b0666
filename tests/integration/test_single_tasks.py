"""One task trained alone: the other has no loss, no gradient, no say and no figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import Site
from dgljoint.data.store import CascadeStore
from dgljoint.errors import UsageError
from dgljoint.training import RunResult, evaluate_run, plan_run, resolve_run, train
from dgljoint.training.checkpoint import load_tree
from toys import toy_config, toy_model, toy_store

OTHER = {
    "cascade": ("rumor_branch", "rumor_head", "wide"), "rumor": ("cascade_branch", "link_head")
}
both_alone = pytest.mark.parametrize("task", ["cascade", "rumor"])


@pytest.fixture
def store(tmp_path: Path) -> CascadeStore:
    return toy_store(tmp_path / "toy.h5", cascades=96)


def run(store: CascadeStore, out: Path, task: str, *assignments: str, **fields: Any) -> RunResult:
    config = toy_config(store, f"train.tasks={task}", *assignments, **fields)
    return train(resolve_run(config), out)


def metrics(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@both_alone
def test_the_other_task_keeps_the_parameters_it_was_drawn_with(
    store: CascadeStore, tmp_path: Path, task: str
) -> None:
    run(store, tmp_path / "a", task)
    last = load_tree(tmp_path / "a" / "checkpoints" / "last.safetensors")["model"]
    fresh = toy_model(store).state_dict()
    for name, value in fresh.items():
        untrained = name.startswith(OTHER[task])
        if name.endswith("weight") and not torch.equal(value, torch.ones_like(value)):
            assert torch.equal(last[name], value) == untrained, name


@both_alone
def test_losses_weights_and_figures_are_those_of_the_task(
    store: CascadeStore, tmp_path: Path, task: str
) -> None:
    result = run(store, tmp_path / "a", task)
    figure = {"cascade": "mrr", "rumor": "auroc"}[task]
    for line in metrics(tmp_path / "a"):
        assert list(line["losses"]) == list(line["weights"]) == [task]
        assert "gradient_cosine" not in line["diagnostics"]
        assert line["validation"]["score"] == line["validation"][figure]
        assert not {"view_cka", "view_cosine"} & set(line["validation"])
    scores = json.loads((tmp_path / "a" / "scores.json").read_text())["test"]
    assert scores["tasks"] == [task]
    assert (scores["rumor"] is None, scores["links"] == {}) == (task != "rumor", task != "cascade")
    assert scores["views"] is None
    again = evaluate_run(tmp_path / "a", part="test")
    assert again.tasks == result.test.tasks == (task,)


def test_best_epoch_is_that_of_the_task_alone(store: CascadeStore, tmp_path: Path) -> None:
    result = run(store, tmp_path / "a", "cascade", "train.epochs=6", "train.patience=6")
    mrr = [line["validation"]["mrr"] for line in metrics(tmp_path / "a")]
    assert result.best_epoch == max(n for n, one in enumerate(mrr, 1) if one == max(mrr))


@both_alone
@pytest.mark.parametrize("plugins", [(), ("contrastive",)])
def test_meta_weight_weighs_what_there_is(
    store: CascadeStore, tmp_path: Path, task: str, plugins: tuple[str, ...]
) -> None:
    run(store, tmp_path / "a", task, "meta_weight.every=2", plugins=(*plugins, "meta_weight"))
    for line in metrics(tmp_path / "a"):
        assert list(line["weights"]) == [task, *plugins]
        assert sum(line["weights"].values()) == pytest.approx(1 + len(plugins), rel=1e-5)


def test_the_plan_names_the_losses(store: CascadeStore) -> None:
    config = toy_config(store, "train.tasks=rumor", plugins=("contrastive",))
    plan = plan_run(resolve_run(config))
    assert plan.losses == ("rumor", "contrastive")
    assert plan.settings["train"]["tasks"] == "rumor"


def test_a_weighter_that_needs_both_tasks_may_refuse(
    store: CascadeStore, tmp_path: Path, site: Site
) -> None:
    site.install(
        "picky", {"picky": "picky"},
        picky="""
            import dgljoint

            def build(options, context):
                if context.loss_names[:2] != ("cascade", "rumor"):
                    raise dgljoint.UsageError("picky weighs both tasks", hint="train.tasks=both")

            @dgljoint.hookimpl
            def dgljoint_loss_weighters():
                return [dgljoint.WeighterSpec(name="picky", summary="x", build=build)]
        """,
    )
    with pytest.raises(UsageError, match="picky weighs both tasks"):
        run(store, tmp_path / "a", "rumor", plugins=("picky",))
    assert not (tmp_path / "a").exists()
