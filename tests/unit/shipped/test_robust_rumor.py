"""`vrex` and `groupdro`: another rumor loss than the mean over cascades."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from dgljoint import BuildContext
from dgljoint.nn import CascadeLosses, LossTable, LossWeighter, Step
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import WeighterSpec
from weighing import Toy, step_of

EVENT = torch.tensor([5, 5, 2, 9])
LOSSES = torch.tensor([1.0, 3.0, 4.0, 0.0])  # events 2, 5 and 9: 4, 2 and 0
both = pytest.mark.parametrize("method", ["vrex", "groupdro"])


def weighter(method: str, **options: object) -> LossWeighter:
    spec = installed_registry().find(WeighterSpec, method)
    return spec.build(spec.options(**options), BuildContext(4, 2, ("rumor",), ("rumor",)))


def given(values: Tensor = LOSSES, number: int = 1000) -> tuple[LossTable, Step, Tensor]:
    """Return losses of which each is a parameter of its own, and those parameters."""
    own = nn.Parameter(values.clone())
    step = replace(step_of(own, number=number), cascades=CascadeLosses(own * 1, EVENT))
    return LossTable({"rumor": own.mean()}, {}), step, own


def gradient(of: LossWeighter, number: int = 1000) -> Tensor:
    losses, step, own = given(number=number)
    weights = of.backward(losses, step)
    assert weights.tolist() == pytest.approx([0.6])
    return own.grad / 0.6


def test_means_are_those_of_the_events() -> None:
    loss, event = CascadeLosses(LOSSES, EVENT).by_event()
    assert (loss.tolist(), event.tolist()) == ([4, 2, 0], [2, 5, 9])


def test_vrex_adds_the_variance_between_events() -> None:
    """By hand: the mean of 4, 2, 0 is 2; the derivative of their variance is 2/3 (R_e - 2)."""
    found = gradient(weighter("vrex", penalty=3.0))
    by_event = {5: 0.0, 2: 4 / 3, 9: -4 / 3}
    of_cascade = [by_event[5] / 2, by_event[5] / 2, by_event[2], by_event[9]]
    torch.testing.assert_close(found, 0.25 + 3 * torch.tensor(of_cascade))


def test_the_penalty_grows_from_nothing() -> None:
    of = weighter("vrex", warmup=10)
    start, half, end = (gradient(of, number) - 0.25 for number in (0, 5, 10))
    assert not start.any()
    torch.testing.assert_close(2 * half, end)


def test_groupdro_moves_weights_to_events_with_high_losses() -> None:
    """By hand: the logarithms move by 0.1 (R_e - 2) in each step; the mean of R is 2."""
    of = weighter("groupdro", step_size=0.1)
    for steps in (1, 2, 3):
        q = torch.softmax(steps * 0.1 * torch.tensor([2.0, 0.0, -2.0]), 0)  # of 2, 5, 9
        torch.testing.assert_close(gradient(of), torch.stack((q[1] / 2, q[1] / 2, q[0], q[2])))


def test_groupdro_does_not_follow_how_often_an_event_occurs() -> None:
    of = weighter("groupdro", step_size=0.5)
    for _ in range(20):
        of.backward(*given(torch.full((4,), 2.0))[:2])
    assert not of.log_weight.any()


@both
def test_without_labelled_cascades_it_is_the_weighted_sum(method: str) -> None:
    for cascades in (None, CascadeLosses(torch.zeros(0), torch.zeros(0, dtype=torch.int64))):
        losses, step, own = given()
        weighter(method).backward(losses, replace(step, cascades=cascades))
        torch.testing.assert_close(own.grad, torch.full((4,), 0.15))


@both
def test_the_other_losses_count_by_their_weights(method: str) -> None:
    toy = Toy(coefficients={"extra": 0.5})
    weights = weighter(method).backward(*toy.losses(0))
    assert weights.tolist() == pytest.approx([0.4, 0.6, 1.0])
    losses, _ = toy.losses(0)
    expected = torch.autograd.grad((weights * losses.values()).sum(), toy.encoder.weight)
    torch.testing.assert_close(toy.encoder.weight.grad, *expected)
