"""The nodes by which a graph that is divided among processes gives the gradients of the whole.

See :mod:`dgljoint.training.passes` for how they work together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from dgljoint.training.processes import Processes


def join(
    group: Processes, places: Sequence[Sequence[int]], own: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Lay the rows of all processes end to end, for several tensors in one exchange.

    The gradient is that of this process's rows, times the number of processes.

    Args:
        group: the processes.
        places: for each tensor, where the rows of each process start and end among all.
        own: this process's rows; those beyond its place are left out.
    """
    found: tuple[Tensor, ...] = _Joined.apply(  # type: ignore[no-untyped-call]  # torch's
        group, places, *own
    )
    return found


def agree(group: Processes, x: Tensor) -> Tensor:
    """Return ``x``; its gradient is averaged over the processes."""
    same: Tensor = _Agreed.apply(group, x)  # type: ignore[no-untyped-call]  # torch's
    return same


def average(group: Processes, parameters: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Return the parameters; their gradients are averaged over the processes, in one exchange."""
    same: tuple[Tensor, ...] = _AveragedParameters.apply(  # type: ignore[no-untyped-call]  # torch's
        group, *parameters
    )
    return same


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, group: Processes, places: Sequence[Sequence[int]], *own: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.group, ctx.own = group, [len(rows) for rows in own]
        # Nothing is computed for rows that no loss rests on.
        ctx.set_materialize_grads(False)
        ctx.ranges = [(place[group.rank], place[group.rank + 1]) for place in places]
        joined = []
        for place, (start, stop), rows in zip(places, ctx.ranges, own, strict=True):
            whole = rows.new_zeros(place[-1], *rows.shape[1:])
            whole[start:stop] = rows[: stop - start]
            joined.append(whole)
        # The sum of tables that are zero outside one's own rows: exact, and one exchange.
        flat = group.sum_(torch.cat([whole.flatten() for whole in joined]))
        parts = torch.split(flat, [whole.numel() for whole in joined])
        return tuple(
            part.view_as(whole).clone() for part, whole in zip(parts, joined, strict=True)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        found: list[Tensor | None] = []
        for gradient, (start, stop), rows in zip(gradients, ctx.ranges, ctx.own, strict=True):
            if gradient is None:
                found.append(None)
                continue
            mine = gradient.new_zeros(rows, *gradient.shape[1:])
            mine[: stop - start] = gradient[start:stop] * ctx.group.size
            found.append(mine)
        return (None, None, *found)


class _Agreed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, group: Processes, x: Tensor) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        (gradient,) = gradients
        return None, ctx.group.sum_(gradient.clone()).div_(ctx.group.size)


class _AveragedParameters(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, group: Processes, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.group = group
        # A parameter no loss reaches keeps no gradient at all, as in one process.
        ctx.set_materialize_grads(False)
        return tuple(parameter.view_as(parameter) for parameter in parameters)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        there = [gradient for gradient in gradients if gradient is not None]
        if not there:
            return (None, *gradients)
        flat = ctx.group.sum_(torch.cat([gradient.flatten() for gradient in there]))
        sizes = [gradient.numel() for gradient in there]
        parts = iter(torch.split(flat.div_(ctx.group.size), sizes))
        return (
            None,
            *(None if old is None else next(parts).view_as(old) for old in gradients),
        )
