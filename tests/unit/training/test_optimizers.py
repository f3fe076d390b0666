from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from dgljoint.config.run_config import TrainOptions
from dgljoint.training.optimizers import ModelOptimizer, opponent_optimizers
from toys import toy_model, toy_store, toy_trainer


def optimizer(tmp_path: Path, total: int = 100, **options: float) -> ModelOptimizer:
    return ModelOptimizer(toy_model(toy_store(tmp_path / "a.h5")), TrainOptions(**options), total)


def test_rate_warms_up_then_falls_to_nothing(tmp_path: Path) -> None:
    of = optimizer(tmp_path, learning_rate=1.0, warmup=0.1)
    rates = [of.learning_rate(step) for step in range(101)]
    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert rates[10] == 1.0
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0)


def test_a_gradient_laid_out_in_another_way_is_the_same_gradient(tmp_path: Path) -> None:
    """As where a loss weighter sets what autograd gives it for a transposed product."""
    of = optimizer(tmp_path, learning_rate=0.01, weight_decay=0.0, warmup=0.0)
    parameter = next(p for p in of.parameters.values() if p.dim() == 2 and min(p.shape) > 1)
    gradient = torch.randn(parameter.shape[::-1], generator=torch.manual_seed(0)).t()
    assert not gradient.is_contiguous()
    before = parameter.detach().clone()
    parameter.grad = gradient
    of.step(0)
    assert torch.equal((before - parameter.detach()).sign(), gradient.sign())


def test_step_size_is_what_adam_multiplies_a_gradient_by(tmp_path: Path) -> None:
    """With momentum, decay and clipping out of the way, a step is the size times the gradient."""
    of = optimizer(tmp_path, learning_rate=0.01, weight_decay=0.0, warmup=0.0, encoder_rate=0.5)
    name = next(name for name in of.parameters if name.startswith("encoder."))
    parameter = of.parameters[name]
    assert of.step_size(name, 0) == pytest.approx(0.005)
    torch.manual_seed(0)
    for number in range(30):  # equal gradients: the first moment becomes the gradient itself
        gradient = torch.linspace(-1, 2, parameter.numel()).reshape(parameter.shape)
        parameter.grad = gradient.clone()
        before = parameter.detach().clone()
        of.step(number)
    size = of.step_size(name, 29)
    torch.testing.assert_close(before - parameter.detach(), size * gradient, rtol=1e-3, atol=1e-6)


def test_factors_reach_their_groups(tmp_path: Path) -> None:
    of = optimizer(tmp_path, encoder_rate=0.0, learning_rate=0.1, weight_decay=0.0)
    before = {name: p.detach().clone() for name, p in of.parameters.items()}
    for parameter in of.parameters.values():
        parameter.grad = torch.ones_like(parameter)
    of.step(0)
    for name, parameter in of.parameters.items():
        still = name.split(".")[0] in ("projection", "encoder")
        assert torch.equal(parameter, before[name]) == still, name


def test_clip_returns_the_norm_before(tmp_path: Path) -> None:
    of = optimizer(tmp_path, clip=1.0)
    for parameter in of.parameters.values():
        parameter.grad = torch.ones_like(parameter)
    count = sum(parameter.numel() for parameter in of.parameters.values())
    assert of.clip() == pytest.approx(count**0.5)
    squares = sum(float(p.grad.square().sum()) for p in of.parameters.values())
    assert squares == pytest.approx(1, rel=1e-3)


def test_an_opponent_has_an_optimizer_of_its_own_with_less_momentum(tmp_path: Path) -> None:
    model = toy_model(toy_store(tmp_path / "a.h5"), plugins=("contrastive", "adversarial"))
    options = TrainOptions(learning_rate=0.01, interaction_rate=0.5)
    made = opponent_optimizers(model, options)
    assert list(made) == ["adversarial"]
    (group,) = made["adversarial"].param_groups
    assert (group["lr"], group["betas"][0]) == (0.005, 0.5)
    opponent = model.interactions["of_adversarial"].discriminator
    assert {id(p) for p in group["params"]} == {id(p) for p in opponent.parameters()}
    own = ModelOptimizer(model, options, 10).parameters.values()
    assert not {id(p) for p in own} & {id(p) for p in group["params"]}


RATES = {
    "projection": 0.25, "encoder": 0.25, "encoder_norm": 2.0, "encoder_scale": 2.0,
    "interactions": 0.5, "cascade_branch": 2.0, "rumor_branch": 2.0, "link_head": 2.0,
    "rumor_head": 2.0, "wide": 1.5,
}


def test_every_parameter_moves_by_the_rate_of_its_group(tmp_path: Path) -> None:
    """Adam's first step is the rate in the direction of the gradient, whatever its size."""
    store = toy_store(tmp_path / "a.h5")
    model = toy_model(store, plugins=("attention", "alignment"))
    options = TrainOptions(
        learning_rate=0.01, weight_decay=0.0, warmup=0.0,
        encoder_rate=0.25, interaction_rate=0.5, head_rate=2.0, wide_rate=1.5,
    )
    of = ModelOptimizer(model, options, 100)
    before = {name: p.detach().clone() for name, p in of.parameters.items()}
    assert {name.split(".")[0] for name in before} == set(RATES)
    for parameter in of.parameters.values():
        parameter.grad = torch.ones_like(parameter)
    sizes = {name: of.step_size(name, 0) for name in before}
    of.step(0)
    for name, parameter in of.parameters.items():
        rate = 0.01 * RATES[name.split(".")[0]]
        assert sizes[name] == pytest.approx(rate), name
        moved = before[name] - parameter.detach()
        torch.testing.assert_close(moved, torch.full_like(moved, rate), rtol=1e-3, atol=1e-6)
    groups = of.state_dict()["param_groups"]
    assert sorted(group["lr"] for group in groups) == pytest.approx([0.0025, 0.005, 0.015, 0.02])


@pytest.mark.parametrize(
    ("option", "still"),
    [
        ("encoder_rate", {"projection", "encoder"}),
        ("interaction_rate", {"interactions"}),
        ("head_rate", set(RATES) - {"projection", "encoder", "interactions", "wide"}),
        ("wide_rate", {"wide"}),
    ],
)
def test_a_factor_of_zero_keeps_that_part_of_a_trained_model(
    tmp_path: Path, option: str, still: set[str]
) -> None:
    """From the setting to the weights: with a whole epoch of training between them."""
    store = toy_store(tmp_path / "a.h5", cascades=24)
    trainer = toy_trainer(
        store, f"train.{option}=0", "train.batch=24", "train.epochs=1", plugins=("attention",)
    )
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    assert trainer.train_epoch(lambda: False) is not None
    moved = {
        name.split(".")[0] for name, parameter in trainer.model.named_parameters()
        if not torch.equal(parameter, before[name])
    }
    assert moved == set(RATES) - still
