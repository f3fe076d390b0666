from __future__ import annotations

import torch
from torch import Tensor

from dgljoint.nn import LossTable


def test_jacobian_holds_each_loss_s_gradient_with_its_coefficient() -> None:
    shared = torch.arange(6.0).reshape(3, 2).requires_grad_()
    raw = {"cascade": shared.sum(), "rumor": shared.square().sum(), "extra": shared[0, 1] * 8}
    losses = LossTable(raw, {"extra": 0.25})
    found = losses.jacobian(shared)
    assert found.tolist() == [[1] * 6, [0, 2, 4, 6, 8, 10], [0, 2, 0, 0, 0, 0]]
    assert shared.grad is None
    losses.values().sum().backward()  # the graph is still there
    torch.testing.assert_close(shared.grad.flatten(), found.sum(0))


def test_a_loss_that_does_not_reach_has_a_row_of_zeros() -> None:
    shared, other = (torch.ones(2, requires_grad=True) for _ in range(2))
    raw = {"cascade": shared.sum(), "rumor": other.sum(), "extra": torch.tensor(3.0)}
    assert LossTable(raw, {}).jacobian(shared).tolist() == [[1, 1], [0, 0], [0, 0]]


def test_a_row_costs_a_pass_through_its_own_loss_and_stops_at_the_tensor() -> None:
    passed: list[str] = []

    def watched(name: str, value: Tensor) -> Tensor:
        value.register_hook(lambda gradient: passed.append(name))
        return value

    base = torch.ones(2, requires_grad=True)
    shared = watched("below", base * 2) * 1
    raw = {name: watched(name, shared * 3).sum() for name in ("cascade", "rumor")}
    LossTable(raw, {}).jacobian(shared)
    assert passed == ["cascade", "rumor"]


def test_tasks_are_the_losses_without_a_coefficient() -> None:
    raw = {name: torch.tensor(2.0) for name in ("rumor", "extra", "more")}
    losses = LossTable(raw, {"extra": 1.0, "more": 0.5})
    assert losses.tasks == losses.of_tasks().names == ("rumor",)
    assert losses.of_tasks().values().tolist() == [2]
    assert losses.with_auxiliary(torch.tensor([3.0])).tolist() == [3, 1, 1]
