"""Weighters that train the rumor task on more than its mean loss over cascades."""

import torch
from torch import Tensor

from dgljoint.nn import CascadeLosses, LossTable, LossWeighter, Step


class RobustRumor(LossWeighter):
    """Weighs the tasks by constants, and trains another rumor loss than the mean over cascades.

    Args:
        cascade: weight of the cascade task.
        rumor: weight of the rumor task. Auxiliary losses keep weight 1.
    """

    def __init__(self, cascade: float, rumor: float) -> None:
        super().__init__()
        self._of_task = {"cascade": cascade, "rumor": rumor}

    def robust(self, mean: Tensor, cascades: CascadeLosses, step: Step) -> Tensor:
        """Return the rumor loss to train, given its ``mean`` over the cascades; there are some.

        Shapes: scalars.
        """
        raise NotImplementedError

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the constants."""
        weights = torch.tensor([self._of_task[name] for name in losses.tasks])
        return losses.with_auxiliary(weights.to(step.shared.device))

    def backward(self, losses: LossTable, step: Step) -> Tensor:
        """Add the weighted losses' gradients, with the robust rumor loss; return the weights."""
        weights = self.weigh(losses, step)
        values = losses.scalars()
        if step.cascades is not None and len(step.cascades.values):
            place = losses.names.index("rumor")
            values[place] = self.robust(values[place], step.cascades, step)
        total = (weights * torch.stack(values)).sum()
        total.backward()  # type: ignore[no-untyped-call]  # torch's
        return weights
