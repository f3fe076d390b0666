"""A weighter that balances tasks leaves the losses of interactions as they are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgljoint import BuildContext
from dgljoint.nn import LossWeighter
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import WeighterSpec
from toys import shipped
from weighing import NAMES, Toy

# `fixed` is told what each loss counts, and `meta_weight` learns it of auxiliary losses too.
BALANCING = sorted(set(shipped(WeighterSpec)) - {"fixed", "meta_weight"})
every_method = pytest.mark.parametrize("method", BALANCING)


def weighter(method: str) -> LossWeighter:
    spec = installed_registry().find(WeighterSpec, method)
    context = BuildContext(width=4, classes=2, loss_names=NAMES, tasks=NAMES[:2])
    return spec.build(spec.options(), context)


def weights_over_epochs(method: str, size: float, coefficient: float) -> Tensor:
    """Weigh the steps of three epochs of a model that stands still."""
    toy, of = Toy(scale={"extra": size}, coefficients={"extra": coefficient}), weighter(method)
    used = []
    for number in range(9):
        with torch.random.fork_rng():
            torch.manual_seed(number)
            used.append(of.backward(*toy.losses(number, epoch=number // 3)))
    return torch.stack(used)


@every_method
def test_an_auxiliary_loss_keeps_weight_1_and_changes_no_task_s(method: str) -> None:
    one, other = weights_over_epochs(method, 1.0, 0.3), weights_over_epochs(method, 1e4, 2.0)
    assert torch.equal(one[:, 2], torch.ones(9))
    assert torch.equal(one, other)
    assert not torch.allclose(one[:, :2], torch.ones(9, 2), atol=1e-3)


@every_method
def test_its_gradient_is_added_with_its_own_coefficient(method: str) -> None:
    """To the encoder and to its head; the tasks' part of the encoder's is left as it was."""
    found = []
    for coefficient in (0.0, 0.3):
        toy, of = Toy(coefficients={"extra": coefficient}), weighter(method)
        toy.zero_grad()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            of.backward(*toy.losses(0))
        found.append([parameter.grad for parameter in toy.parameters()])
    losses, _ = toy.losses(0)
    alone = torch.autograd.grad(losses.scalars()[2], list(toy.parameters()), allow_unused=True)
    for without, both, added in zip(*found, alone, strict=True):
        torch.testing.assert_close(both, without if added is None else without + added)
