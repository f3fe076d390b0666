"""Each fault that a loss weighter can have is found by the check that is for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgljoint import BuildContext, WeighterSpec
from dgljoint.nn import LossTable, LossWeighter, Step
from dgljoint.testing import ConformanceError, ToyProblem, check_loss_weighter

WEIGHTS = "returns a weight for each loss"
FILLS = "fills the gradients"
SEED = "repeats under a seed"
STATE = "continues from its saved state"


class Good(LossWeighter):
    """Follows the running size of each loss."""

    size: Tensor

    def __init__(self, context: BuildContext) -> None:
        super().__init__()
        self.count = len(context.loss_names)
        self.register_buffer("size", torch.ones(self.count))

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        self.size.lerp_(losses.values().detach().abs(), 0.1)
        return 1 / (1 + self.size)


class Attached(Good):
    def backward(self, losses: LossTable, step: Step) -> Tensor:
        super().backward(losses, step)
        return losses.values()


class OneWeight(Good):
    def backward(self, losses: LossTable, step: Step) -> Tensor:
        return super().backward(losses, step).mean()


class NoTensor(Good):
    def backward(self, losses: LossTable, step: Step) -> Tensor:
        return super().backward(losses, step).tolist()


class DividesByTheLoss(Good):
    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        return 1 / losses.values().detach()


class Idle(Good):
    def backward(self, losses: LossTable, step: Step) -> Tensor:
        return self.weigh(losses, step)


class Overwrites(Good):
    def backward(self, losses: LossTable, step: Step) -> Tensor:
        for parameter in step.parameters.values():
            parameter.grad = None
        return super().backward(losses, step)


class OnlyTheShared(Good):
    def backward(self, losses: LossTable, step: Step) -> Tensor:
        weights = self.weigh(losses, step)
        (gradient,) = torch.autograd.grad(
            (weights * losses.values()).sum(), step.parameters["shared"]
        )
        shared = step.parameters["shared"]
        shared.grad = gradient if shared.grad is None else shared.grad + gradient
        return weights


class TakesTheStep(Good):
    def backward(self, losses: LossTable, step: Step) -> Tensor:
        weights = super().backward(losses, step)
        with torch.no_grad():
            for parameter in step.parameters.values():
                parameter.mul_(0.99)
        return weights


class DrawsFromNumpy(Good):
    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        return super().weigh(losses, step) * float(np.random.default_rng().random())


class Forgets(Good):
    steps = 0

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        self.steps += 1
        return super().weigh(losses, step) / self.steps


class KeepsATensor(Good):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self.scale = torch.ones(self.count)


class UsesTheProbe(Good):
    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        return super().weigh(losses, step) / (1 + sum(step.probe({}).values()).detach())


class Learns(Good):
    """Follows how much each loss fell in its step."""

    def after_step(self, before: LossTable, after: LossTable, step: Step) -> None:
        assert not before.values().requires_grad
        assert not after.values().requires_grad
        assert before.coefficients == after.coefficients
        self.size.lerp_((before.values() - after.values()).abs(), 0.1)


class LearnsFromNumpy(Learns):
    def after_step(self, before: LossTable, after: LossTable, step: Step) -> None:
        self.size.mul_(float(np.random.default_rng().random()))


class LearnsByDividing(Learns):
    def after_step(self, before: LossTable, after: LossTable, step: Step) -> None:
        self.size.mul_(before.values() / after.values())


class LearnsAndForgets(Learns):
    fall: Tensor | float = 0.0

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        return super().weigh(losses, step) + self.fall

    def after_step(self, before: LossTable, after: LossTable, step: Step) -> None:
        self.fall = (before.values() - after.values()).abs().clamp(max=1)


class LearnsByMovingTheModel(Learns):
    def after_step(self, before: LossTable, after: LossTable, step: Step) -> None:
        with torch.no_grad():
            for parameter in step.parameters.values():
                parameter.mul_(0.99)


def failed(component: object) -> set[str]:
    try:
        check_loss_weighter(component)
    except ConformanceError as error:
        return {failure.check for failure in error.failures}
    return set()


@pytest.mark.parametrize("weighter", [Good, UsesTheProbe, Learns])
def test_a_good_weighter_passes(weighter: type[LossWeighter]) -> None:
    assert failed(weighter) == set()


@pytest.mark.parametrize(
    ("weighter", "checks"),
    [
        (Attached, {WEIGHTS}),
        (OneWeight, {WEIGHTS}),
        (NoTensor, {WEIGHTS}),
        (DividesByTheLoss, {"is finite for odd losses"}),
        (Idle, {FILLS}),
        (Overwrites, {FILLS}),
        (OnlyTheShared, {FILLS}),
        (TakesTheStep, {"leaves the model's parameters alone"}),
        (DrawsFromNumpy, {FILLS, SEED, STATE}),
        (Forgets, {STATE}),
        (KeepsATensor, {"moves as a whole"}),
        (LearnsFromNumpy, {SEED, STATE}),
        (LearnsByDividing, {"is finite for odd losses"}),
        (LearnsAndForgets, {STATE}),
        (LearnsByMovingTheModel, {"leaves the model's parameters alone"}),
        (lambda context: nn.Linear(1, 1), {"builds what its spec declares"}),
    ],
)
def test_a_fault_is_found(weighter: object, checks: set[str]) -> None:
    assert failed(weighter) == checks


def test_a_probe_is_there_for_who_asks_for_a_meta_split_alone() -> None:
    def spec(asks: bool) -> WeighterSpec:
        return WeighterSpec(
            name="probing", summary="", build=lambda options, context: UsesTheProbe(context),
            needs_meta_split=asks,
        )

    assert failed(spec(asks=True)) == set()
    assert failed(spec(asks=False)) == {WEIGHTS}


def test_the_toy_problem_is_one_that_descends() -> None:
    problem = ToyProblem(("cascade", "rumor", "extra"), held_out=False)
    totals = []
    for _ in range(150):
        losses, step = problem.step()
        assert step.probe is None
        losses.values().sum().backward()
        problem.descend()
        totals.append(sum(loss.item() for loss in losses.raw.values()))
    assert np.mean(totals[-10:]) < np.mean(totals[:10]) / 3
    assert (step.number, step.epoch, losses.coefficients) == (149, 29, {"extra": 0.5})


def test_the_toy_problems_losses_again_are_those_of_the_same_rows() -> None:
    problem = ToyProblem()
    losses, _ = problem.step()
    same = problem.losses_again()
    assert torch.equal(same.values(), losses.values())
    assert not same.values().requires_grad
    losses.values().sum().backward()
    problem.descend()
    assert (problem.losses_again().values() < losses.values()).all()


def test_the_toy_problems_probe_sees_held_out_rows_of_the_step() -> None:
    problem = ToyProblem()
    losses, step = problem.step()
    once, again = step.probe({}), step.probe({})
    assert list(once) == ["cascade", "rumor"]
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert not torch.equal(once["rumor"], losses.raw["rumor"])
    still = {"shared": torch.zeros(8, 8)}
    assert not torch.equal(step.probe(still)["rumor"], once["rumor"])
