from __future__ import annotations

import math

import pytest
import torch

from dgljoint import BuildContext
from dgljoint.nn import LossWeighter
from dgljoint_plugins.weighters.dwa import DwaOptions, build
from weighing import NAMES, check_gradients, check_resumes, scalars, step_of

CONTEXT = BuildContext(width=4, classes=2, loss_names=NAMES, tasks=NAMES)


def weighter(**options: float) -> LossWeighter:
    return build(DwaOptions(**options), CONTEXT)


def feed(of: LossWeighter, *epochs: list[tuple[float, ...]]) -> list[torch.Tensor]:
    """Take steps with these losses; return the weights of each epoch's last."""
    used = []
    for epoch, steps in enumerate(epochs):
        for values in steps:
            losses, shared = scalars(*values)
            weights = of.backward(losses, step_of(shared, epoch=epoch))
        used.append(weights)
    return used


def test_weights_are_a_softmax_of_ratios_of_epoch_means() -> None:
    """By hand: means (4, 2, 1), then (2, 2, 2), so ratios (1/2, 1, 2)."""
    first, second, third, fourth = feed(
        weighter(),
        [(3, 1, 1), (5, 3, 1)], [(1, 3, 2), (3, 1, 2), (2, 2, 2)], [(9, 9, 9), (7, 7, 7)],
        [(1, 1, 1)],
    )
    ones = torch.ones(3)
    torch.testing.assert_close(first, ones)
    torch.testing.assert_close(second, ones)
    exponentials = [math.exp(ratio / 2) for ratio in (0.5, 1, 2)]
    expected = [3 * e / sum(exponentials) for e in exponentials]
    torch.testing.assert_close(third, torch.tensor(expected))
    torch.testing.assert_close(third, torch.tensor([0.68165, 0.87527, 1.44308]), rtol=1e-3, atol=0)
    torch.testing.assert_close(fourth, ones)  # all rose from 2 to 8


def test_all_steps_of_an_epoch_weigh_alike() -> None:
    of = weighter()
    feed(of, [(4, 2, 1)], [(2, 2, 2)])
    used = []
    for value in (1.0, 50.0, 0.0):
        losses, shared = scalars(value, 1, 1)
        used.append(of.backward(losses, step_of(shared, epoch=2)))
    assert torch.equal(used[0], used[1])
    assert torch.equal(used[0], used[2])


def test_scale_and_coefficient_of_a_loss_move_nothing() -> None:
    epochs = [[(3.0, 1.0, 1.0), (5.0, 3.0, 1.0)], [(1.0, 3.0, 2.0)], [(1.0, 1.0, 1.0)]]
    scaled = [[(1000 * a, b, 1e-3 * c) for a, b, c in steps] for steps in epochs]
    torch.testing.assert_close(feed(weighter(), *epochs)[2], feed(weighter(), *scaled)[2])


@pytest.mark.parametrize("temperature", [0.1, 2.0, 100.0])
def test_weights_are_on_the_simplex_whatever_the_losses(temperature: float) -> None:
    nasty = [[(0.0, 1e-9, 5.0)], [(3.0, 1e9, -1.0)], [(1.0, 1.0, 1.0)]]
    weights = feed(weighter(temperature=temperature), *nasty)[2]
    assert weights.isfinite().all()
    assert (weights >= 0).all()
    assert weights.sum().item() == pytest.approx(3)


def test_a_loss_that_was_zero_counts_as_one_that_stands_still() -> None:
    steady = feed(weighter(), [(1, 1, 1)], [(1, 2, 1)], [(1, 1, 1)])[2]
    was_zero = feed(weighter(), [(1, 1, 0)], [(1, 2, 9)], [(1, 1, 1)])[2]
    torch.testing.assert_close(steady, was_zero)


def test_gradients_are_those_of_the_weighted_sum() -> None:
    of = weighter()
    feed(of, [(4, 2, 1)], [(2, 2, 2)])
    losses, shared = scalars(1, 1, 1)
    used = of.backward(losses, step_of(shared, epoch=2))
    torch.testing.assert_close(shared.grad, used)
    check_gradients(weighter())


def test_means_of_an_epoch_cut_in_two_are_those_of_the_whole() -> None:
    check_resumes(weighter)
