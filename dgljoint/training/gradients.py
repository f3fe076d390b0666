"""How the gradients of two losses stand to one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


def gradient_cosine(one: Tensor, other: Tensor, parameters: Sequence[nn.Parameter]) -> float:
    """Return the cosine of the gradients of two losses; 0 where either is zero.

    Above 0 a small step for one loss lowers the other too, below 0 it raises it (Yu et al., 2020,
    "Gradient Surgery for Multi-Task Learning", arXiv 2001.06782). The losses' graph is kept.

    Args:
        one: a scalar.
        other: a scalar.
        parameters: one a loss does not reach counts as zero.
    """
    left, right = (_flat_gradient(loss, parameters) for loss in (one, other))
    return float(torch.cosine_similarity(left, right, dim=0))


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return the norm of all gradients together; 0 where there is none."""
    norms = [p.grad.norm() for p in parameters if p.grad is not None]
    return torch.stack(norms).norm() if norms else torch.zeros(())


def _flat_gradient(loss: Tensor, parameters: Sequence[nn.Parameter]) -> Tensor:
    if not loss.requires_grad:
        return torch.zeros(sum(parameter.numel() for parameter in parameters))
    found = torch.autograd.grad(
        loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return torch.cat([gradient.flatten() for gradient in found])
