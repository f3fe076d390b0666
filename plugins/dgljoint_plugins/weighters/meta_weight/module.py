"""Loss weights learned through a one-step look-ahead on held-out cascades."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from dgljoint.nn import LossTable, Step, xavier
from dgljoint_plugins.shared.own_optimizer import OwnOptimizer
from dgljoint_plugins.weighters.meta_weight import MetaWeightOptions

Gradients = Mapping[str, Tensor]
_TINY = 1e-8
_MEMORY = 0.9  # of the running sizes of held-out losses and of the derivative


class MetaWeight(OwnOptimizer):
    """A small network maps statistics of training to loss weights, which average 1.

    The statistics are the pooled views, each loss's logarithm, its ratio to the first epoch and its
    slope, the cosine of the two tasks' gradients and progress; all detached. Until something has
    been learned all weights are 1. Every ``every`` steps the network is trained, in the manner of
    Ren et al. (2018), by :func:`hypergradient`, divided by its running size, so that ``entropy``
    and ``learning_rate`` mean the same on any data. docs/weighters/meta_weight.md has the
    equations.
    """

    first: Tensor
    fast: Tensor
    slow: Tensor
    held_out: Tensor
    seen: Tensor
    cosine: Tensor
    size: Tensor

    def __init__(
        self, options: MetaWeightOptions, width: int, names: Sequence[str], tasks: Sequence[str]
    ) -> None:
        super().__init__()
        self.options = options
        self.names = tuple(names)
        count = len(self.names)
        last = nn.Linear(options.hidden, count)
        self.network = nn.Sequential(
            nn.Linear(2 * width + 3 * count + 2, options.hidden), nn.Tanh(), last
        )
        xavier(self.network)
        # Even weights until something has been learned.
        nn.init.zeros_(last.weight)
        for name in ("first", "fast", "slow"):
            self.register_buffer(name, torch.zeros(count))
        self.register_buffer("held_out", torch.zeros(len(tasks)))
        for name in ("seen", "cosine", "size"):
            self.register_buffer(name, torch.zeros(()))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=options.learning_rate)

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the (K,) weights of the losses, differentiable in the network."""
        logits: Tensor = self.network(self._statistics(losses, step)) / self.options.temperature
        floor, count = self.options.floor, len(self.names)
        return floor + count * (1 - floor) * logits.softmax(0)

    def backward(self, losses: LossTable, step: Step) -> Tensor:
        """Add the weighted losses' gradients, and train the network; return the (K,) weights."""
        self._observe(losses, step)
        weights = self.weigh(losses, step)
        used = weights.detach()
        if step.number % self.options.every or step.probe is None:
            (used * losses.values()).sum().backward()  # type: ignore[no-untyped-call]  # torch's
            return used
        gradients = [_gradients(loss, step.parameters) for loss in losses.scalars()]
        for name, parameter in step.parameters.items():
            total = sum(
                weight * gradient[name]
                for weight, gradient in zip(used, gradients, strict=True)
                if name in gradient
            )
            if isinstance(total, Tensor):
                parameter.grad = total if parameter.grad is None else parameter.grad + total
        if len(self.held_out) == 2:
            self.cosine.copy_(_cosine(gradients[0], gradients[1]))
        derivative = hypergradient(step, gradients, used, self._objective)
        self._learn(weights, derivative)
        return used

    def _objective(self, task_losses: Mapping[str, Tensor]) -> Tensor:
        """Sum the held-out task losses, each divided by its own running scale."""
        held_out = torch.stack(list(task_losses.values()))
        size = held_out.detach().abs().float().clamp(min=_TINY)
        self.held_out.copy_(
            torch.where(self.held_out == 0, size, self.held_out.lerp(size, 1 - _MEMORY))
        )
        return (held_out / self.held_out).sum()

    def _learn(self, weights: Tensor, derivative: Tensor) -> None:
        derivative = derivative.float()
        size = derivative.norm()
        self.size.copy_(size if self.size == 0 else self.size.lerp(size, 1 - _MEMORY))
        share = weights / weights.sum()
        bonus = -(share * (share + _TINY).log()).sum() * self.options.entropy
        loss = (share * derivative / (self.size + _TINY)).sum() - bonus
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        self.optimizer.step()

    @torch.no_grad()
    def _observe(self, losses: LossTable, step: Step) -> None:
        raw = torch.stack([loss.detach().abs() for loss in losses.raw.values()])
        raw = raw.float().clamp(min=_TINY)
        if self.seen == 0:
            for running in (self.first, self.fast, self.slow):
                running.copy_(raw)
        self.seen += 1
        self.fast.lerp_(raw, 0.2)
        self.slow.lerp_(raw, 0.02)
        if step.epoch == 0:
            self.first.lerp_(raw, float(1 / self.seen))

    @torch.no_grad()
    def _statistics(self, losses: LossTable, step: Step) -> Tensor:
        raw = torch.stack([loss.detach().abs() for loss in losses.raw.values()]).float()
        progress = torch.tensor([step.number / max(step.total, 1)], device=raw.device)
        parts = (
            step.pooled.flatten(), raw.clamp(min=_TINY).log(), raw / self.first,
            (self.fast - self.slow) / self.slow, self.cosine.reshape(1), progress,
        )
        return torch.cat(parts).clamp(-10, 10)


def hypergradient(
    step: Step, gradients: Sequence[Gradients], weights: Tensor,
    objective: Callable[[Mapping[str, Tensor]], Tensor],
) -> Tensor:
    """Return the (K,) derivative of the held-out objective after one step by each weight."""
    if step.probe is None:
        raise ValueError("the look-ahead needs a probe")
    moves = [
        {name: step.step_size(name) * gradient for name, gradient in of_loss.items()}
        for of_loss in gradients
    ]
    ahead = {}
    for name, parameter in step.parameters.items():
        moved = parameter.detach().clone()
        for weight, move in zip(weights.detach(), moves, strict=True):
            if name in move:
                moved -= weight * move[name]
        ahead[name] = moved.requires_grad_()
    slope = _gradients(objective(step.probe(ahead)), ahead)
    zero = torch.zeros((), device=weights.device)
    return torch.stack([
        -sum(((slope[name] * move[name]).sum() for name in move if name in slope), start=zero)
        for move in moves
    ])


def _gradients(loss: Tensor, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    values = list(parameters.values())
    found = torch.autograd.grad(loss, values, retain_graph=True, allow_unused=True)
    named = zip(parameters, found, strict=True)
    return {name: gradient for name, gradient in named if gradient is not None}


def _cosine(left: Gradients, right: Gradients) -> Tensor:
    """Cosine over the parameters both gradients reach: the shared ones."""
    shared = [name for name in left if name in right]
    if not shared:
        return torch.zeros(())
    one = torch.cat([left[name].flatten() for name in shared])
    other = torch.cat([right[name].flatten() for name in shared])
    return torch.cosine_similarity(one, other, dim=0)
