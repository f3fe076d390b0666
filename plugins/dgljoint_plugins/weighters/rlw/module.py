"""Loss weights drawn at random."""

import torch
from torch import Tensor

from dgljoint.nn import LossTable, LossWeighter, Step


class RandomLossWeighting(LossWeighter):
    """Draws ``w = K softmax(z)`` with normal z in every step (Lin et al., 2022)."""

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the (K,) weights of this step alone."""
        values = losses.values()
        # Drawn on the CPU: the same weights on any device.
        weights = len(values) * torch.randn(len(values)).softmax(0)
        return weights.to(values.device)
