"""The optimizers of the model and of its opponents, and how gradients compare."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dgljoint.config.run_config import TrainOptions
from dgljoint.nn.hosted import opponent_parameters
from dgljoint.nn.model import JointModel
from dgljoint.training.checkpoint import load_adam
from dgljoint.training.setup import trainable_parameters

# Where each side's step changes the other's objective, momentum makes both circle: Radford et al.,
# 2015, arXiv 1511.06434.
_WIDE = "wide"  # the model's linear path
_OPPONENT_BETAS = (0.5, 0.999)


class ModelOptimizer:
    """AdamW over parameter groups, with warm-up, cosine decay and clipping.

    The linear path has a penalty in its gradient instead of a decoupled decay.
    """

    def __init__(self, model: JointModel, options: TrainOptions, total_steps: int) -> None:
        self._options = options
        self._total = total_steps
        self.parameters = trainable_parameters(model)
        factors = {
            "projection": options.encoder_rate, "encoder": options.encoder_rate,
            "interactions": options.interaction_rate, _WIDE: options.wide_rate,
        }
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        self._factor: dict[str, float] = {}
        for name, parameter in self.parameters.items():
            part = name.split(".")[0]
            self._factor[name] = factor = factors.get(part, options.head_rate)
            groups.setdefault((factor, part == _WIDE), []).append(parameter)
        self._factors = [factor for factor, _ in groups]
        self._adam = torch.optim.AdamW(
            [
                {"params": group, "weight_decay": 0.0 if wide else options.weight_decay}
                for (_, wide), group in groups.items()
            ],
            lr=options.learning_rate, fused=True,
        )

    def learning_rate(self, step: int) -> float:
        """Return the rate of step number ``step``: linear warm-up, then half a cosine to 0."""
        warm = max(1, round(self._options.warmup * self._total))
        if step < warm:
            return self._options.learning_rate * (step + 1) / warm
        part = (step - warm) / max(1, self._total - warm)
        return self._options.learning_rate * (1 + math.cos(math.pi * min(1.0, part))) / 2

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._adam.zero_grad(set_to_none=True)

    def clip(self) -> float:
        """Clip the gradients to the largest norm allowed; return the norm they had."""
        return float(nn.utils.clip_grad_norm_(self.parameters.values(), self._options.clip))

    def step(self, number: int) -> None:
        """Take step number ``number``."""
        rate = self.learning_rate(number)
        for group, factor in zip(self._adam.param_groups, self._factors, strict=True):
            group["lr"] = rate * factor
        for name, parameter in self.parameters.items():
            gradient = parameter.grad
            if gradient is not None and name.split(".")[0] == _WIDE:
                gradient.add_(parameter.detach(), alpha=self._options.wide_decay)
            # Fused Adam takes entries in memory order: those of a transposed gradient, which a loss
            # weighter may have set, would update the wrong parameters.
            if gradient is not None and gradient.stride() != parameter.stride():
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
        self._adam.step()

    def step_size(self, name: str, step: int) -> Tensor | float:
        """Return the factor of the named parameter's gradient in step ``step``.

        For Adam: the rate over the root of the second moment; before a gradient the rate alone.
        """
        rate = self.learning_rate(step) * self._factor[name]
        state = self._adam.state.get(self.parameters[name])
        if not state:
            return rate
        group = self._adam.param_groups[0]
        correction = 1 - group["betas"][1] ** float(state["step"])
        size: Tensor = rate / ((state["exp_avg_sq"] / correction).sqrt() + group["eps"])
        return size

    def state_dict(self) -> dict[str, Any]:
        """Return the state to checkpoint."""
        return self._adam.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a checkpointed state."""
        load_adam(self._adam, state)


def opponent_optimizers(model: JointModel, options: TrainOptions) -> dict[str, torch.optim.AdamW]:
    """Return an optimizer for each interaction that trains an opponent, by plugin name."""
    rate = options.learning_rate * options.interaction_rate
    return {
        hosted.entry.name: torch.optim.AdamW(parameters, lr=rate, betas=_OPPONENT_BETAS)
        for hosted in model.hosted_interactions
        if (parameters := opponent_parameters(hosted))
    }


def gradient_cosine(one: Tensor, other: Tensor, parameters: Sequence[nn.Parameter]) -> float:
    """Return the cosine of the gradients of two losses; 0 where either is zero.

    Above 0 a small step for one loss lowers the other too, below 0 it raises it (Yu et al., 2020,
    "Gradient Surgery for Multi-Task Learning", arXiv 2001.06782). The losses' graph is kept.
    """
    left, right = (_flat_gradient(loss, parameters) for loss in (one, other))
    return float(torch.cosine_similarity(left, right, dim=0))


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return the norm of all gradients together; 0 where there is none."""
    norms = [p.grad.norm() for p in parameters if p.grad is not None]
    return torch.stack(norms).norm() if norms else torch.zeros(())


def _flat_gradient(loss: Tensor, parameters: Sequence[nn.Parameter]) -> Tensor:
    if not loss.requires_grad:
        return torch.zeros(sum(parameter.numel() for parameter in parameters))
    found = torch.autograd.grad(
        loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return torch.cat([gradient.flatten() for gradient in found])
