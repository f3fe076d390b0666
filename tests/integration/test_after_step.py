"""What a loss weighter is shown after the model's step: the same batch, by other parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from conftest import Site
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DivergedError, PluginError
from dgljoint.training.checkpoint import load_tree
from runs import run
from toys import toy_trainer

WEIGHTERS = """
    import torch
    import dgljoint
    from dgljoint.nn import LossWeighter

    SEEN = []

    class Even(LossWeighter):
        def weigh(self, losses, step):
            return torch.ones(len(losses.names))

    class Learning(Even):
        def after_step(self, before, after, step):
            SEEN.append((before, after, step, torch.rand(3)))

    class Failing(Even):
        def after_step(self, before, after, step):
            raise ValueError("nothing learned")

    def spec(name, made):
        return dgljoint.WeighterSpec(
            name=name, summary="", build=lambda options, context: made()
        )

    @dgljoint.hookimpl
    def dgljoint_loss_weighters():
        return [spec("even", Even), spec("learning", Learning), spec("failing", Failing)]
"""
COUNTING = """
    import torch
    import dgljoint
    from dgljoint.nn import Encoder, Interaction

    class Counting(Encoder):
        def __init__(self, width):
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(width)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, batch, x):
            self.calls += self.training
            return self.norm(x)

    class Exploding(Interaction):
        def __init__(self):
            super().__init__()
            self.x = torch.nn.Parameter(torch.ones(()))

        @property
        def loss_coefficients(self):
            return {"explodes": 1.0}

        def losses(self, reps, outputs, batch):
            return {"explodes": self.x if self.x.item() == 1 else self.x / 0}

    @dgljoint.hookimpl
    def dgljoint_encoders():
        return [dgljoint.EncoderSpec(
            name="counting", summary="", build=lambda options, context: Counting(context.width)
        )]

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(
            name="exploding", summary="", build=lambda options, context: Exploding()
        )]
"""
# All that draws: dropout everywhere, negatives, candidates, an opponent.
DRAWING = ("attention", "contrastive", "alignment", "adversarial")
STILL = tuple(f"train.{name}_rate=0" for name in ("encoder", "head", "interaction", "wide"))


@pytest.fixture
def plugins(site: Site) -> Site:
    names = ("even", "learning", "failing")
    site.install("learners", dict.fromkeys(names, "learners"), learners=WEIGHTERS)
    counters = {"counting": "counters", "exploding": "counters"}
    site.install("counters", counters, counters=COUNTING)
    return site


def seen_in_two_steps(store: CascadeStore, *assignments: str, **fields: object) -> list:
    from learners import SEEN

    SEEN.clear()
    trainer = toy_trainer(store, *assignments, **fields)
    trainer.train_epoch(lambda: len(SEEN) == 2)
    return SEEN


@pytest.mark.usefixtures("plugins")
def test_a_model_that_stood_still_has_the_same_losses(store: CascadeStore) -> None:
    for before, after, *_ in seen_in_two_steps(
        store, *STILL, plugins=(*DRAWING, "learning"), encoder="gat"
    ):
        assert before.names == after.names
        assert before.coefficients == after.coefficients
        assert torch.equal(before.values(), after.values())


@pytest.mark.usefixtures("plugins")
def test_losses_after_a_step_are_those_of_its_batch_by_the_new_parameters(
    store: CascadeStore,
) -> None:
    seen = seen_in_two_steps(store, "train.warmup=0", plugins=("contrastive", "learning"))
    for number, (before, after, step, _) in enumerate(seen):
        assert step.number == number
        assert not before.values().requires_grad
        assert not after.values().requires_grad
        # one small step along the gradient of the sum
        assert after.values().sum() < before.values().sum()


@pytest.mark.usefixtures("plugins")
def test_what_a_weighter_draws_after_a_step_is_the_steps(store: CascadeStore) -> None:
    first, again = (
        torch.stack([draw for *_, draw in seen_in_two_steps(store, plugins=("learning",))])
        for _ in range(2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("encoder", ["gcn", "counting"])
def test_looking_again_changes_nothing_of_a_run(
    store: CascadeStore, tmp_path: Path, encoder: str
) -> None:
    for weighter in ("even", "learning"):
        run(
            store, tmp_path / weighter, "train.epochs=1", encoder=encoder,
            plugins=("adversarial", weighter),
        )
    one, other = (
        load_tree(tmp_path / name / "checkpoints" / "last.safetensors")["model"]
        for name in ("even", "learning")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.usefixtures("plugins")
def test_a_weighter_that_fails_after_a_step_is_named(store: CascadeStore, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"plugin 'failing' .* failed in after_step: ValueError"):
        run(store, tmp_path / "run", plugins=("failing",))


@pytest.mark.usefixtures("plugins")
def test_a_loss_that_is_not_finite_after_the_step_is_not_shown(
    store: CascadeStore, tmp_path: Path
) -> None:
    with pytest.raises(DivergedError, match="explodes after the step is inf in epoch 1, step 1"):
        run(store, tmp_path / "run", "train.warmup=0", plugins=("exploding", "learning"))
    from learners import SEEN

    assert SEEN == []
