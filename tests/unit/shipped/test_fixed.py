from __future__ import annotations

import torch

from dgljoint import BuildContext
from dgljoint.nn import LossTable
from dgljoint_plugins.weighters.fixed import FixedOptions, build


def test_weighs_tasks_by_name_and_every_auxiliary_loss_alike() -> None:
    names = ("cascade", "rumor", "extra")
    of = build(FixedOptions(auxiliary=2.0), BuildContext(width=4, classes=2, loss_names=names))
    x = torch.tensor(3.0, requires_grad=True)
    losses = LossTable({"cascade": x, "rumor": x * 10, "extra": x * 100}, {"extra": 0.5})
    weights = of.backward(losses, step=None)
    torch.testing.assert_close(weights, torch.tensor([0.4, 0.6, 2.0]))
    torch.testing.assert_close(x.grad, torch.tensor(0.4 + 0.6 * 10 + 2 * 0.5 * 100))
