"""Loss weights from how the losses fell over the last two epochs."""

import torch
from torch import Tensor

from dgljoint.nn import LossTable, LossWeighter, Step


class DynamicWeightAverage(LossWeighter):
    """Weighs up the losses that fell least: Liu, Johns and Davison (2019), equation 7.

    All steps of epoch t weigh the K tasks by ``w = K softmax(r / T)`` with ``r_k`` the mean of loss
    k in epoch t - 1 over that in t - 2, and those of the first two epochs 1. A ratio is 1 where the
    older mean is not positive: it shows nothing of how fast such a loss falls. Auxiliary losses
    keep weight 1.
    """

    epoch: Tensor
    steps: Tensor
    total: Tensor
    last: Tensor
    before_last: Tensor

    def __init__(self, temperature: float, count: int) -> None:
        super().__init__()
        self.temperature = temperature
        # Buffers, the epoch under way among them: a run is resumed in the middle of one.
        for name in ("epoch", "steps"):
            self.register_buffer(name, torch.zeros((), dtype=torch.int64))
        for name in ("total", "last", "before_last"):
            self.register_buffer(name, torch.zeros(count))

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the weights of the epoch."""
        if step.epoch < 2:
            return losses.with_auxiliary(torch.ones_like(self.last))
        known = self.before_last > 0
        ratio = torch.where(known, self.last / self.before_last.where(known, 1), 1)
        return losses.with_auxiliary(len(ratio) * (ratio / self.temperature).softmax(0))

    def backward(self, losses: LossTable, step: Step) -> Tensor:
        """Record the losses and add the weighted ones' gradients; return the weights."""
        self._observe(losses, step)
        return super().backward(losses, step)

    @torch.no_grad()
    def _observe(self, losses: LossTable, step: Step) -> None:
        if step.epoch != self.epoch:
            self.before_last.copy_(self.last)
            self.last.copy_(self.total / self.steps)
            self.total.zero_()
            self.steps.zero_()
            self.epoch.fill_(step.epoch)
        self.total += losses.of_tasks().values().float()
        self.steps += 1
