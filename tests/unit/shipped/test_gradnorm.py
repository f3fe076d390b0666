from __future__ import annotations

import pytest
import torch

from dgljoint import BuildContext
from dgljoint.nn import LossTable, LossWeighter
from dgljoint_plugins.weighters.gradnorm import GradNormOptions, build
from weighing import NAMES, Toy, check_gradients, check_resumes, linear, scalars, step_of

CONTEXT = BuildContext(width=4, classes=2, loss_names=NAMES, tasks=NAMES)
ROWS = torch.diag(torch.tensor([4.0, 1.0, 0.5]))


def weighter(**options: float) -> LossWeighter:
    return build(GradNormOptions(**options), CONTEXT)


def feed(of: LossWeighter, rows: torch.Tensor, steps: int) -> torch.Tensor:
    """Take steps on losses of 1 with these gradients."""
    for _ in range(steps):
        losses, shared = linear(rows)
        weights = of.backward(losses, step_of(shared))
    return weights


def test_weighted_gradients_become_equal_where_all_losses_fall_alike() -> None:
    weights = feed(weighter(), ROWS, 400)
    sizes = weights * ROWS.diagonal()
    torch.testing.assert_close(sizes, sizes.mean().expand(3), rtol=0.06, atol=0)


def test_a_loss_that_falls_slowly_is_due_a_larger_gradient() -> None:
    """By hand: losses at 1/2, 1/2 and 1 of the first, so r = (3/4, 3/4, 3/2)."""
    of = weighter(alpha=1.5)
    feed(of, torch.eye(3), 1)
    for _ in range(400):
        losses, shared = linear(torch.eye(3))
        raw = {name: loss - (0.5, 0.5, 0)[n] for n, (name, loss) in enumerate(losses.raw.items())}
        weights = of.backward(LossTable(raw, {}), step_of(shared, epoch=1))
    due = torch.tensor([0.75, 0.75, 1.5]) ** 1.5
    torch.testing.assert_close(weights / weights.sum(), due / due.sum(), rtol=0.06, atol=0)


def test_one_step_follows_the_derivative_of_the_objective() -> None:
    """Against autograd on the objective, its target held; the mean of (4, 1, 1/2) is 11/6."""
    of = weighter(learning_rate=1e-3)
    feed(of, ROWS, 1)
    logits = torch.zeros(3, requires_grad=True)
    sizes = 3 * logits.softmax(0) * ROWS.diagonal()
    (sizes - 11 / 6).abs().sum().backward()
    torch.testing.assert_close(of.logits.detach(), -1e-3 * logits.grad.sign())


def test_weights_after_ten_steps_are_these() -> None:
    weights = feed(weighter(), ROWS, 11)
    torch.testing.assert_close(weights, torch.tensor(GOLDEN), rtol=1e-4, atol=0)


GOLDEN = [0.70008, 1.15068, 1.14924]


def test_weights_are_positive_and_sum_to_their_number() -> None:
    weights = feed(weighter(learning_rate=0.5), ROWS * torch.tensor([1e6, 1, 1e-6]), 100)
    assert weights.isfinite().all()
    assert (weights > 0).all()
    assert weights.sum().item() == pytest.approx(3)


def test_a_loss_that_does_not_reach_the_representation_takes_no_part() -> None:
    """Of the two that do, the one with the larger gradient loses weight to the other."""
    of = weighter()
    weights = feed(of, ROWS * torch.tensor([[1.0], [1.0], [0.0]]), 20)
    assert of.logits[2] == 0
    assert weights[0] < 0.7
    assert weights[1] > 1.3


def test_one_gradient_alone_moves_nothing() -> None:
    rows = ROWS * torch.tensor([[1.0], [0.0], [0.0]])
    assert torch.equal(feed(weighter(), rows, 5), torch.ones(3))


def test_a_batch_that_asks_nothing_changes_nothing_later() -> None:
    """What a loss began with is taken from the first batch that has it."""
    of = weighter()
    losses, shared = scalars(0.0, 2.0, 2.0)
    raw = {**losses.raw, "cascade": shared.sum() * 0}
    assert torch.equal(of.backward(LossTable(raw, {}), step_of(shared)), torch.ones(3))
    losses, shared = scalars(5.0, 2.0, 2.0)
    of.backward(losses, step_of(shared, epoch=1))
    assert of.first.tolist() == [5, 2, 2]


def test_gradients_are_those_of_the_weighted_sum() -> None:
    of = weighter()
    Toy().train_by(of, range(10))
    assert not torch.equal(check_gradients(of), torch.ones(3))


def test_the_weights_go_on_after_a_load_within_the_first_epoch() -> None:
    check_resumes(weighter, at=2)
    check_resumes(weighter)
