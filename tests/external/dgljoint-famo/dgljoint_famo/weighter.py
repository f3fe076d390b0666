"""Loss weights from how far each loss fell in the step just taken."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dgljoint.nn import LossTable, LossWeighter, Step

_TINY = 1e-8


class Famo(LossWeighter):
    """Fast Adaptive Multitask Optimization.

    `Liu, Feng, Stone and Liu (2023) <https://arxiv.org/abs/2306.03792>`_, algorithm 1. With logits
    xi of K tasks' losses L_k, a step at the parameters theta goes along the gradient of::

        sum_k w_k L_k        w_k = c z_k / L_k,  z = softmax(xi),  1 / c = sum_k z_k / L_k

    and what it did to the losses of its own batch moves the logits::

        xi <- xi - beta (J' (log L(theta) - log L(theta')) + gamma xi)        J: softmax's Jacobian

    so that a loss which fell less than the others weighs more. As in the authors' code Adam takes
    the direction in the brackets. A loss's scale cancels. Auxiliary losses keep weight 1.

    Where this differs from the paper, whose losses are positive: a loss that is negative is
    weighed by its size, and one that is not positive, before or after the step, moves no logit; one
    of exactly zero has no weight, since a batch that asks nothing of it would drown the others.

    Args:
        learning_rate: beta.
        decay: gamma.
        count: K.
    """

    def __init__(self, learning_rate: float, decay: float, count: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(count))
        self.optimizer = torch.optim.Adam([self.logits], lr=learning_rate, weight_decay=decay)

    @torch.no_grad()
    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the weights."""
        size = losses.of_tasks().values().detach().float().abs()
        there = size > 0
        share = self.logits.softmax(0) / size.clamp(min=_TINY) * there
        weights = share / share.sum().clamp(min=torch.finfo(share.dtype).tiny)
        return losses.with_auxiliary(weights)

    @torch.no_grad()
    def after_step(self, before: LossTable, after: LossTable, step: Step) -> None:
        """Move the logits by what the step did to the losses."""
        old, new = before.of_tasks().values().float(), after.of_tasks().values().float()
        known = (old > 0) & (new > 0)
        fell = (old.clamp(min=_TINY).log() - new.clamp(min=_TINY).log()) * known
        z = self.logits.softmax(0)
        self.logits.grad = z * (fell - (z * fell).sum())
        self.optimizer.step()

    def get_extra_state(self) -> dict[str, Any]:
        """Return the state of the logits' optimizer."""
        return self.optimizer.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the state of the logits' optimizer."""
        self.optimizer.load_state_dict(state)
