"""A small model with as many losses as one likes, for a loss weighter to weigh."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from dgljoint.nn import LossTable, Step
from dgljoint.tasks.losses import TASKS

_ROWS = 6
_AUXILIARY = 0.5


class ToyProblem:
    """Losses that share one map and have a head each, in the order of ``names``.

    Loss ``k`` is the mean square of ``tanh(X W) h_k`` minus a hidden target of its own, times its
    scale; ``X`` is drawn anew for every step.

    >>> problem = ToyProblem(("cascade", "rumor"))
    >>> losses, step = problem.step()
    >>> weights = weighter.backward(losses, step)
    >>> problem.descend()
    >>> weighter.after_step(losses, problem.losses_again(), step)

    Args:
        names: of the losses, the tasks first.
        seed: of everything drawn.
        width: D of the shared representation.
        scales: factor of each loss, by name; 1 for those left out.
        held_out: whether the steps have a probe.
    """

    def __init__(
        self, names: Sequence[str] = TASKS, *, seed: int = 0, width: int = 8,
        scales: Mapping[str, float] | None = None, held_out: bool = True,
    ) -> None:
        self.names = tuple(names)
        self.width = width
        self.scales = dict(scales or {})
        self.held_out = held_out
        self.number = 0
        self._seed = seed
        self._coefficients = {name: _AUXILIARY for name in names if name not in TASKS}
        generator = torch.Generator().manual_seed(seed)

        def drawn(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator) * math.pow(width, -0.5)

        self._targets = {name: drawn(width) for name in self.names}
        self.parameters = {
            "shared": nn.Parameter(drawn(width, width)),
            **{f"head.{name}": nn.Parameter(drawn(width)) for name in self.names},
        }

    def step(
        self, *, learning_rate: float = 0.05, total: int = 100, steps_per_epoch: int = 5
    ) -> tuple[LossTable, Step]:
        """Return the losses of the next step and what a weighter may know of it."""
        number = self.number
        self.number += 1
        inputs = self._inputs(2 * number)
        shared = self._shared(inputs, self.parameters)
        raw = self._losses(inputs, shared, self.parameters, self.names)
        step = Step(
            number=number,
            total=total,
            epoch=number // steps_per_epoch,
            learning_rate=learning_rate,
            parameters=self.parameters,
            step_size=lambda name: learning_rate,
            pooled=shared.detach().mean(0).expand(2, -1),
            shared=shared,
            probe=self._probe(2 * number + 1) if self.held_out else None,
        )
        return LossTable(raw, self._coefficients), step

    def losses_again(self) -> LossTable:
        """Return the losses of the last step under the parameters as they are now, detached."""
        inputs = self._inputs(2 * (self.number - 1))
        with torch.no_grad():
            shared = self._shared(inputs, self.parameters)
            raw = self._losses(inputs, shared, self.parameters, self.names)
        return LossTable(raw, self._coefficients)

    def descend(self, rate: float = 0.05) -> None:
        """Move every parameter against its gradient, and forget the gradient."""
        with torch.no_grad():
            for parameter in self.parameters.values():
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad, alpha=rate)
                parameter.grad = None

    def _inputs(self, number: int) -> Tensor:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        return torch.randn(_ROWS, self.width, generator=generator)

    def _shared(self, inputs: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return (inputs @ parameters["shared"]).tanh()

    def _losses(
        self, inputs: Tensor, shared: Tensor, parameters: Mapping[str, Tensor],
        names: Sequence[str],
    ) -> dict[str, Tensor]:
        return {
            name: (shared @ parameters[f"head.{name}"] - inputs @ self._targets[name])
            .square()
            .mean()
            * self.scales.get(name, 1.0)
            for name in names
        }

    def _probe(self, number: int) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
        inputs = self._inputs(number)

        def probe(changed: Mapping[str, Tensor]) -> dict[str, Tensor]:
            parameters = {**self.parameters, **changed}
            tasks = [name for name in self.names if name in TASKS]
            return self._losses(inputs, self._shared(inputs, parameters), parameters, tasks)

        return probe
