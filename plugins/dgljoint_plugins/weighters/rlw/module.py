"""Loss weights drawn at random."""

import torch
from torch import Tensor

from dgljoint.nn import LossTable, LossWeighter, Step


class RandomLossWeighting(LossWeighter):
    """Draws ``w = K softmax(z)`` with normal z for the K tasks in every step: Lin et al. (2022).

    Auxiliary losses keep weight 1.
    """

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the weights of this step alone."""
        count = len(losses.tasks)
        # Drawn on the CPU: the same weights on any device.
        weights = count * torch.randn(count).softmax(0)
        return losses.with_auxiliary(weights.to(step.shared.device))
