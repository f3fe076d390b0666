"""Loss weights drawn at random."""

import torch
from torch import Tensor

from dgljoint.nn import LossTable, LossWeighter, Step


class RandomLossWeighting(LossWeighter):
    """Draws the weights of every step: Lin et al. (2022), ``w = K softmax(z)`` with normal z.

    The paper's weights sum to 1; ours to the number K of losses, as with the other weighters. A run
    repeats and resumes: the engine seeds torch's generator for each step.
    """

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the (K,) weights of this step alone."""
        values = losses.values()
        # Drawn on the CPU: the same weights on any device.
        weights = len(values) * torch.randn(len(values)).softmax(0)
        return weights.to(values.device)
