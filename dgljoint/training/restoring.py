"""Put the tensors of a checkpoint where they belong, or say why they do not.

A checkpoint may be of another model, of another version, or made up by somebody else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dgljoint.errors import DataError, one_line

_ADAM = {"step", "exp_avg", "exp_avg_sq"}


@contextmanager
def fitting(what: object) -> Iterator[None]:
    """Turn what a checkpoint that does not fit raises into a message.

    Args:
        what: it is, or where it lies.

    Raises:
        DataError: in place of whatever loading it raised.
    """
    try:
        yield
    except (
        AttributeError, IndexError, KeyError, OverflowError, RecursionError, RuntimeError,
        TypeError, ValueError,
    ) as error:
        raise DataError(
            f"{what}: the checkpoint is that of another model: {one_line(error)}",
            hint="its configuration was changed or another version of dgljoint wrote it: train "
            "again in another --out",
        ) from error


def load_model(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Load a state of ``model``; shapes and types must be its own, parameters finite.

    Raises:
        ValueError: they are not.
        RuntimeError: tensors are missing or too many.
    """
    parameters = {name for name, _ in model.named_parameters()}
    for name, expected in model.state_dict().items():
        # What a module keeps beside tensors it must check itself.
        if isinstance(expected, Tensor) and name in state:
            _check_tensor(name, state[name], expected, finite=name in parameters)
    model.load_state_dict(state)


def load_adam(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load the moments and rates of an Adam; its settings stay those of the configuration.

    Raises:
        ValueError: they are not those of the optimizer's parameters.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments = dict(state["state"])
    for number, kept in moments.items():
        if not (type(number) is int and 0 <= number < len(parameters)) or set(kept) != _ADAM:
            raise ValueError(f"the optimizer has no state {number!r} of {sorted(kept)}")
        for name, value in kept.items():
            expected = torch.zeros(()) if name == "step" else parameters[number]
            _check_tensor(f"optimizer {number} {name}", value, expected, finite=True)
            if name != "exp_avg" and bool((value < 0).any()):
                raise ValueError(f"optimizer {number} {name} is below 0")
    groups = optimizer.state_dict()["param_groups"]
    for group, kept in zip(groups, state["param_groups"], strict=True):
        group["lr"] = float(kept["lr"])
        if not (math.isfinite(group["lr"]) and group["lr"] >= 0):
            raise ValueError(f"the optimizer has a learning rate of {group['lr']}")
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def _check_tensor(name: str, found: object, expected: Tensor, *, finite: bool) -> None:
    if not isinstance(found, Tensor):
        raise ValueError(f"{name} is a {type(found).__name__}, expected a tensor")  # noqa: TRY004
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise ValueError(
            f"{name} is {found.dtype} {tuple(found.shape)}, expected {expected.dtype} "
            f"{tuple(expected.shape)}"
        )
    if finite and not bool(torch.isfinite(found).all()):
        raise ValueError(f"{name} has values that are not finite")
