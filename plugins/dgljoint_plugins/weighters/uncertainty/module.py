"""Loss weights that are inverse variances, learned with the model."""

import torch
from torch import Tensor, nn

from dgljoint.nn import LossTable, Step
from dgljoint_plugins.shared.own_optimizer import OwnOptimizer


class Uncertainty(OwnOptimizer):
    """Learns a log-variance s_k for each task: Kendall, Gal and Cipolla (2018), equation 10.

    Model and variances minimise ``sum_k exp(-s_k) L_k + s_k / 2``. Where this differs: the
    variances have an optimizer of their own. A negative loss, which has no likelihood, is taken by
    its size. A loss of exactly zero, of a batch without targets, leaves its variance as it is.
    Auxiliary losses, which are no likelihoods, keep weight 1.
    """

    def __init__(self, learning_rate: float, count: int) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(count))
        self.optimizer = torch.optim.Adam([self.log_variance], lr=learning_rate)

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the weights, positive."""
        return losses.with_auxiliary((-self.log_variance.detach()).exp())

    def backward(self, losses: LossTable, step: Step) -> Tensor:
        """Add the weighted losses' gradients and move the variances; return the weights."""
        used = super().backward(losses, step)
        size = losses.of_tasks().values().detach().abs().float()
        terms = (-self.log_variance).exp() * size + self.log_variance / 2
        self.optimizer.zero_grad()
        terms[size > 0].sum().backward()  # type: ignore[no-untyped-call]  # torch's
        self.optimizer.step()
        return used
