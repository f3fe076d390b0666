from __future__ import annotations

import pytest
import torch

from dgljoint import BuildContext
from dgljoint.nn import LossWeighter
from dgljoint_plugins.weighters.uncertainty import UncertaintyOptions, build
from weighing import NAMES, Toy, check_gradients, check_resumes, scalars, step_of

CONTEXT = BuildContext(width=4, classes=2, loss_names=NAMES, tasks=NAMES)


def weighter(**options: float) -> LossWeighter:
    return build(UncertaintyOptions(**options), CONTEXT)


def feed(of: LossWeighter, values: tuple[float, ...], steps: int) -> None:
    for _ in range(steps):
        losses, shared = scalars(*values)
        of.backward(losses, step_of(shared))


def weights(of: LossWeighter) -> torch.Tensor:
    losses, shared = scalars(1, 1, 1)
    return of.weigh(losses, step_of(shared))


def test_weights_settle_where_the_objective_is_least() -> None:
    """The minimum of exp(-s) L + s/2 is at exp(-s) = 1 / (2 L)."""
    of = weighter(learning_rate=0.05)
    torch.testing.assert_close(weights(of), torch.ones(3))
    feed(of, (2.0, 0.25, 8.0), 250)
    torch.testing.assert_close(weights(of), torch.tensor([0.25, 2, 1 / 16]), rtol=5e-2, atol=0)


def test_weights_after_three_steps_are_these() -> None:
    of = weighter()
    feed(of, (2.0, 0.25, 8.0), 3)
    torch.testing.assert_close(weights(of), torch.tensor(GOLDEN), rtol=1e-4, atol=0)


GOLDEN = [0.92783, 1.07781, 0.92781]


def test_one_step_follows_the_derivative_of_the_objective() -> None:
    """Up for a loss above one half, down for one below; by the rate, as Adam's first step is."""
    of = weighter(learning_rate=0.1)
    feed(of, (2.0, 0.25, 0.5), 1)
    expected = torch.tensor([-0.1, 0.1, 0.0]).exp()
    torch.testing.assert_close(weights(of), expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("value", [0.0, -4.0, 1e-30, 1e30])
def test_weights_stay_positive_and_finite(value: float) -> None:
    of = weighter()
    feed(of, (1.0, 2.0, value), 300)
    assert weights(of).isfinite().all()
    assert (weights(of) > 0).all()


def test_a_loss_of_zero_teaches_nothing() -> None:
    of = weighter()
    feed(of, (1.0, 2.0, 0.0), 50)
    assert weights(of)[2] == 1


def test_gradients_are_those_of_the_weighted_sum() -> None:
    of = weighter()
    Toy().train_by(of, range(30))
    assert not torch.equal(check_gradients(of), torch.ones(3))


def test_the_variances_go_on_after_a_load() -> None:
    check_resumes(weighter)
