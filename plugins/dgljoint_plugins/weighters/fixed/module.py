"""Constant loss weights."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgljoint.nn import LossTable, LossWeighter, Step


class Fixed(LossWeighter):
    """Weighs every loss by a constant, one of K in their order."""

    weights: Tensor

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor(list(weights)), persistent=False)

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the (K,) constants."""
        return self.weights
