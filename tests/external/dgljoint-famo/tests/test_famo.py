"""FAMO against its paper's algorithm, and against what dgljoint asks of a loss weighter."""

from __future__ import annotations

import pytest
import torch

from dgljoint import BuildContext
from dgljoint.nn import LossTable
from dgljoint.testing import ToyProblem, check_loss_weighter
from dgljoint_famo import FamoOptions, build, dgljoint_loss_weighters

NAMES = ("cascade", "rumor", "third")


def weighter(count: int = 3, **options: float) -> torch.nn.Module:
    context = BuildContext(width=8, classes=2, loss_names=NAMES, tasks=NAMES[:count])
    return build(FamoOptions(**options), context)


def table(*values: float) -> LossTable:
    return LossTable(dict(zip(NAMES, torch.tensor(values), strict=True)), {})


@pytest.mark.parametrize("options", [{}, {"learning_rate": 0.5, "decay": 0.0}])
def test_it_conforms(options: dict[str, float]) -> None:
    (spec,) = dgljoint_loss_weighters()
    check_loss_weighter(spec, options)


def test_a_run_of_steps_is_algorithm_1() -> None:
    """Written out with autograd in place of the Jacobian, and the gradient of the logarithms."""
    ours, paper = ToyProblem(NAMES[:2]), ToyProblem(NAMES[:2])
    of = weighter(2, decay=0.1)
    xi = torch.zeros(2, requires_grad=True)
    adam = torch.optim.Adam([xi], lr=0.025)
    for _ in range(40):
        losses, step = ours.step()
        used = of.backward(losses, step)
        before = LossTable({n: x.detach() for n, x in losses.raw.items()}, losses.coefficients)
        ours.descend()
        of.after_step(before, ours.losses_again(), step)

        losses, _ = paper.step()
        values = losses.values()
        z = xi.softmax(0).detach()
        c = 1 / (z / values.detach()).sum()
        (c * (z * values.log()).sum()).backward()
        torch.testing.assert_close(used, c * z / values.detach())
        paper.descend()
        delta = values.detach().log() - paper.losses_again().values().log()
        (direction,) = torch.autograd.grad(xi.softmax(0), xi, grad_outputs=delta)
        xi.grad = direction + 0.1 * xi.detach()
        adam.step()
        torch.testing.assert_close(of.logits, xi, rtol=1e-4, atol=1e-5)
    assert xi.detach().abs().max() > 0.05
    for name, parameter in ours.parameters.items():
        torch.testing.assert_close(parameter, paper.parameters[name], rtol=1e-4, atol=1e-5)


def test_one_step_by_hand() -> None:
    """z = (1/3, 1/3, 1/3); the losses fall by log 2, 0 and log 4; Adam's first step is the rate."""
    of = weighter(learning_rate=0.1, decay=0.0)
    weights = of.weigh(table(1.0, 2.0, 4.0), None)
    torch.testing.assert_close(weights, torch.tensor([4.0, 2.0, 1.0]) / 7)
    of.after_step(table(1.0, 2.0, 4.0), table(0.5, 2.0, 1.0), None)
    # the mean fall is log 2: the first loss stays, the second gains what the third loses
    torch.testing.assert_close(
        of.logits.detach(), torch.tensor([0.0, 0.1, -0.1]), rtol=1e-4, atol=1e-3
    )


def test_scale_of_a_loss_moves_nothing() -> None:
    one, other = weighter(), weighter()
    one.after_step(table(1.0, 2.0, 4.0), table(0.5, 1.9, 3.0), None)
    other.after_step(table(1.0, 2e3, 4e-3), table(0.5, 1.9e3, 3e-3), None)
    torch.testing.assert_close(one.logits, other.logits)


def test_a_loss_of_zero_leaves_the_others_as_they_are() -> None:
    of = weighter(decay=0.0)
    torch.testing.assert_close(
        of.weigh(table(1.0, 0.0, 4.0), None), torch.tensor([0.8, 0.0, 0.2])
    )
    of.after_step(table(1.0, 0.0, 4.0), table(1.0, 3.0, 4.0), None)
    assert torch.equal(of.logits.detach(), torch.zeros(3))


def test_an_auxiliary_loss_keeps_weight_1_and_moves_nothing() -> None:
    of = weighter()

    def with_auxiliary(value: float) -> LossTable:
        raw = {**table(1.0, 2.0, 4.0).raw, "auxiliary": torch.tensor(value)}
        return LossTable(raw, {"auxiliary": 0.5})

    weights = of.weigh(with_auxiliary(9.0), None)
    torch.testing.assert_close(weights, torch.tensor([4.0, 2.0, 1.0, 7.0]) / 7)
    of.after_step(with_auxiliary(9.0), with_auxiliary(0.1), None)
    assert torch.equal(of.logits.detach(), torch.zeros(3))
