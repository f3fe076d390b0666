"""The tasks' gradients combined at the shared representation, by TorchJD's methods."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchjd import aggregation
from torchjd.linalg import QuadprogProjector

from dgljoint.nn import LossTable, LossWeighter, Step
from dgljoint_plugins.weighters import gradient_balancing as declared

_RIDGE = 1e-6
_NEWTON_STEPS = 200
_CONVERGED = 1e-9

Rule = Callable[[Tensor, Tensor], Tensor]
"""(m, m) inner products of m gradients, and the places (m,) of their losses, to (m,) weights."""


class GradientBalancing(LossWeighter):
    """Gives the shared part of the model a combination of the tasks' gradients.

    With z the shared representation and ``g_k`` the gradient of task k's loss by it, a method
    chooses weights from the inner products ``<g_i, g_j>``, and all that z rests on is trained by
    ``sum_k w_k g_k``, with weight 1 for auxiliary losses. What is after z is trained by the plain
    sum. Methods that average the gradients are multiplied by their number; a loss that does not
    reach z in a step keeps weight 1. Inner products are in double precision and divided by the mean
    squared norm, which keeps small gradients above the thresholds of TorchJD.
    """

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule = rule

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the weights of the gradients by the shared representation."""
        return losses.with_auxiliary(self._weights(losses.of_tasks().jacobian(step.shared)))

    def backward(self, losses: LossTable, step: Step) -> Tensor:
        """Add the plain sum's gradients, but the combination from z on; return its weights."""
        rows = losses.of_tasks().jacobian(step.shared)
        weights = self._weights(rows)
        # What the combination of the tasks adds to the plain sum, auxiliary losses included.
        added = ((weights - 1) @ rows).view_as(step.shared)
        hook = step.shared.register_hook(  # type: ignore[no-untyped-call]  # torch's
            lambda plain: plain + added
        )
        try:
            losses.values().sum().backward()  # type: ignore[no-untyped-call]  # torch's
        finally:
            hook.remove()
        return losses.with_auxiliary(weights)

    @torch.no_grad()
    def _weights(self, rows: Tensor) -> Tensor:
        """Return the weights of the gradients. Shapes: (K, N * D) to (K,)."""
        wide = rows.double()
        gramian = (wide @ wide.T).cpu()
        weights = torch.ones(len(rows), dtype=gramian.dtype)
        reach = gramian.diagonal().nonzero().squeeze(1)
        # What is not finite is left to the engine, which stops the run at such a gradient.
        if len(reach) > 1 and bool(gramian.isfinite().all()):
            gramian = gramian[reach][:, reach]
            weights[reach] = self.rule(gramian / gramian.diagonal().mean(), reach)
        return weights.to(rows)


def make(method: str, options: Any, names: Sequence[str]) -> GradientBalancing:
    """Return the weighter of a method for K tasks of these names."""
    return GradientBalancing(_RULES[method](options, names))


def _pcgrad(options: object, names: Sequence[str]) -> Rule:
    weighting = aggregation.PCGradWeighting()  # a sum, not an average
    return lambda gramian, reach: weighting(gramian)


def _aligned_mtl(options: declared.AlignedMTLOptions, names: Sequence[str]) -> Rule:
    preference = _preference(options, names)

    def rule(gramian: Tensor, reach: Tensor) -> Tensor:
        share = preference[reach] / preference[reach].sum()
        return len(gramian) * aggregation.AlignedMTLWeighting(share, options.scale)(gramian)

    return rule


def _upgrad(options: declared.UPGradOptions, names: Sequence[str]) -> Rule:
    preference = _preference(options, names)
    # TorchJD's 1e-4 is meant for single precision.
    projector = QuadprogProjector(reg_eps=1e-10)

    def rule(gramian: Tensor, reach: Tensor) -> Tensor:
        # The same projection, for unit gradients: or what is added to the diagonal would leave
        # gradients much smaller than the others unprotected.
        cosine, norm = _directions(gramian)
        share = preference[reach] / preference[reach].sum()
        return len(gramian) * aggregation.UPGradWeighting(norm * share, projector)(cosine) / norm

    return rule


def _nash_mtl(options: object, names: Sequence[str]) -> Rule:
    """Return the rule that solves ``w_i <g_i, sum_j w_j g_j> = 1`` for all i.

    For unit gradients of cosines C it is where ``w'Cw / 2 - sum log w`` is least, which damped
    Newton steps find from anywhere. TorchJD solves a sequence of convex problems, which can fail.
    """

    def rule(gramian: Tensor, reach: Tensor) -> Tensor:
        cosine, norm = _directions(gramian)
        # Gradients that cancel have no solution; the ridge keeps their weights below a thousand.
        cosine = cosine + _RIDGE * torch.eye(len(cosine), dtype=cosine.dtype)
        weights = torch.ones_like(norm)
        for _ in range(_NEWTON_STEPS):
            slope = cosine @ weights - 1 / weights
            move = torch.linalg.solve(cosine + weights.pow(-2).diag(), slope)
            decrement = (move @ slope).sqrt()
            weights = weights - move / (1 + decrement)
            if decrement < _CONVERGED:
                break
        return weights / norm

    return rule


def _mean_of(weighting: aggregation.Weighting[Any]) -> Rule:
    """Return the rule of a method that averages."""
    return lambda gramian, reach: len(gramian) * weighting(gramian)


def _directions(gramian: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosines (m, m) of the gradients and their norms (m,)."""
    norm = gramian.diagonal().sqrt()
    return gramian / norm.outer(norm), norm


def _preference(options: declared.UPGradOptions, names: Sequence[str]) -> Tensor:
    """Return what each task is to count. Shapes: (K,)."""
    # A task without an option of its own counts as much as the two do by default.
    return torch.tensor([getattr(options, name, 1.0) for name in names], dtype=torch.float64)


_RULES: dict[str, Callable[[Any, Sequence[str]], Rule]] = {
    "aligned_mtl": _aligned_mtl,
    # TorchJD's 1e-4 would take gradients ten thousand times apart for a stationary point.
    "cagrad": lambda of, names: _mean_of(aggregation.CAGradWeighting(of.c, norm_eps=1e-6)),
    "imtl_g": lambda of, names: _mean_of(aggregation.IMTLGWeighting()),
    "mgda": lambda of, names: _mean_of(aggregation.MGDAWeighting(of.tolerance, of.iterations)),
    "nash_mtl": _nash_mtl, "pcgrad": _pcgrad, "upgrad": _upgrad,
}
