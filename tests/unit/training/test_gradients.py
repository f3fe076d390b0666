from __future__ import annotations

import pytest
import torch
from torch import nn

from dgljoint.training.optimizers import gradient_cosine


def test_gradient_cosine_is_that_of_the_gradients_laid_end_to_end() -> None:
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(3)), nn.Parameter(torch.randn(2, 2))]
    slopes = [[torch.randn_like(p) for p in parameters] for _ in range(2)]
    losses = [sum((p * s).sum() for p, s in zip(parameters, of, strict=True)) for of in slopes]
    one, other = (torch.cat([s.flatten() for s in of]) for of in slopes)
    expected = one @ other / (one.norm() * other.norm())
    assert gradient_cosine(*losses, parameters) == pytest.approx(float(expected))
    assert all(p.grad is None for p in parameters)


def test_a_loss_that_reaches_nothing_has_cosine_zero() -> None:
    parameter, other = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    assert gradient_cosine(parameter.sum(), other.sum(), [parameter]) == 0
    assert gradient_cosine(parameter.sum(), torch.zeros(()), [parameter]) == 0
