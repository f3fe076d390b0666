from __future__ import annotations

import torch

from dgljoint.ops.torch_kernels import max_over_groups

GROUP = torch.tensor([0, 0, 0, 1, 2, 2])


def published(x: torch.Tensor) -> torch.Tensor:
    lowest = x.new_full((3, x.shape[1]), float("-inf"))
    return lowest.scatter_reduce(0, GROUP.unsqueeze(1).expand_as(x), x, "amax")


def test_values_and_gradients_are_those_of_scatter_reduce_ties_included() -> None:
    x = torch.randn(6, 4, generator=torch.manual_seed(0))
    x[0] = x[1] = x[2] + torch.tensor([1.0, 1.0, 1.0, -1.0])
    x[4, 0] = float("-inf")
    given = torch.randn(3, 4)
    results = []
    for function in (lambda x: max_over_groups(x, GROUP, 3), published):
        leaf = x.clone().requires_grad_()
        found = function(leaf)
        found.backward(given)
        results.append((found.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])


def test_it_can_be_differentiated_twice() -> None:
    x = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: max_over_groups(x.square(), GROUP, 3), (x,))
