"""Loss weights that bring the tasks' gradients to the size that is due."""

import torch
from torch import Tensor, nn

from dgljoint.nn import LossTable, Step
from dgljoint_plugins.shared.own_optimizer import OwnOptimizer
from dgljoint_plugins.weighters.gradnorm import GradNormOptions

_TINY = 1e-12


class GradNorm(OwnOptimizer):
    """Learns the weights under which the gradients' sizes follow how slowly the losses fall.

    Chen et al. (2018), algorithm 1; docs/weighters/gradnorm.md has the equations. Where this
    differs: gradients are by the shared representation. ``w = K softmax(z)`` and z is learned: a
    step of w itself can leave a weight negative. The loss at the start is the mean over the first
    epoch, since one batch's is noise. Losses that do not reach the representation in a step take no
    part in it; auxiliary ones never do and keep weight 1.
    """

    first: Tensor
    seen: Tensor

    def __init__(self, options: GradNormOptions, count: int) -> None:
        super().__init__()
        self.alpha = options.alpha
        self.logits = nn.Parameter(torch.zeros(count))
        for name in ("first", "seen"):
            self.register_buffer(name, torch.zeros(count))
        self.optimizer = torch.optim.Adam([self.logits], lr=options.learning_rate)

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the weights, positive; those of the K tasks sum to K."""
        return losses.with_auxiliary(len(self.logits) * self.logits.detach().softmax(0))

    def backward(self, losses: LossTable, step: Step) -> Tensor:
        """Add the weighted losses' gradients and move the weights; return those used."""
        tasks = losses.of_tasks()
        rows = tasks.jacobian(step.shared)
        used = super().backward(losses, step)
        reach = rows.any(dim=1)
        ratio = self._ratio(tasks, step)
        if int(reach.sum()) > 1:
            self._learn(used[: len(rows)], rows.float().norm(dim=1), ratio, reach)
        return used

    def _learn(self, used: Tensor, norms: Tensor, ratio: Tensor, reach: Tensor) -> None:
        # What the losses that take part weigh together stays as it is.
        weights = used[reach].sum() * self.logits[reach].softmax(0)
        size = weights * norms[reach]
        rate = ratio[reach] / ratio[reach].mean().clamp(min=_TINY)
        target = size.detach().mean() * rate.pow(self.alpha)
        self.optimizer.zero_grad()
        (size - target).abs().sum().backward()  # type: ignore[no-untyped-call]  # torch's
        self.optimizer.step()

    @torch.no_grad()
    def _ratio(self, losses: LossTable, step: Step) -> Tensor:
        """Return each loss, by its size, over what it began with; take that down."""
        size = losses.values().detach().abs().float()
        fresh = (size > 0) & ((self.first == 0) | (step.epoch == 0))
        self.seen += fresh
        self.first.copy_(
            torch.where(fresh, self.first.lerp(size, 1 / self.seen.clamp(min=1)), self.first)
        )
        return size / self.first.where(self.first > 0, 1)
