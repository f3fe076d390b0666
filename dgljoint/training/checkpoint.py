"""Checkpoints without pickle: one safetensors file, its nesting kept in the file's header.

A tree of dictionaries, lists, tensors and plain values is written as its tensors, named by their
place in the tree, and a JSON skeleton. Reading such a file runs no code. It may be of another
model or version, or made up by somebody else: what does not fit is refused.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from dgljoint._internal.files import write_bytes
from dgljoint.errors import DataError, one_line

_TENSOR = "$tensor"
_PAIRS = "$pairs"
_SKELETON = "skeleton"
_ADAM = {"step", "exp_avg", "exp_avg_sq"}


def save_tree(path: Path, tree: dict[str, Any]) -> None:
    """Write ``tree``, of tensors, containers and JSON values, to ``path`` atomically."""
    tensors: dict[str, Tensor] = {}
    skeleton = json.dumps(_take_apart(tree, "", tensors))
    # Copies of their own: safetensors refuses tensors that share memory.
    copies = {name: tensor.cpu().clone().contiguous() for name, tensor in tensors.items()}
    # Not ``save_file``: it makes temporary files of its own, which outlive a killed process.
    write_bytes(path, save(copies, metadata={_SKELETON: skeleton}))


def check_tree(tree: dict[str, Any]) -> None:
    """Raise the :class:`TypeError` of :func:`save_tree`, and write nothing."""
    json.dumps(_take_apart(tree, "", {}))


def load_tree(path: Path) -> dict[str, Any]:
    """Read what :func:`save_tree` wrote."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            skeleton = json.loads((file.metadata() or {})[_SKELETON])
        tree = _put_together(skeleton, tensors)
    except FileNotFoundError:
        raise DataError(f"{path}: no such checkpoint") from None
    except (
        SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError
    ) as error:
        raise DataError(f"{path}: not a readable checkpoint ({error})") from error
    if not isinstance(tree, dict):
        raise DataError(f"{path}: not a readable checkpoint")
    return tree


def _take_apart(value: Any, place: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors[place] = value.detach()
        return {_TENSOR: place}
    if isinstance(value, dict):
        # Pairs, not an object: an optimizer's keys are integers.
        return {
            _PAIRS: [
                [key, _take_apart(item, f"{place}/{key}", tensors)] for key, item in value.items()
            ]
        }
    if isinstance(value, list | tuple):
        return [_take_apart(item, f"{place}/{n}", tensors) for n, item in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{place}: a checkpoint cannot hold a {type(value).__name__}")


def _put_together(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _put_together(item, tensors) for key, item in value[_PAIRS]}
    if isinstance(value, list):
        return [_put_together(item, tensors) for item in value]
    return value


@contextmanager
def fitting(what: object) -> Iterator[None]:
    """Turn the exceptions of a checkpoint that does not fit into a :class:`DataError`."""
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
    """Load a state of ``model``; shapes and types must be its own, parameters finite."""
    parameters = {name for name, _ in model.named_parameters()}
    for name, expected in model.state_dict().items():
        # A module checks itself what it keeps besides tensors.
        if isinstance(expected, Tensor) and name in state:
            _check_tensor(name, state[name], expected, finite=name in parameters)
    model.load_state_dict(state)


def load_adam(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load the moments and rates of an Adam; its settings are still those of the configuration."""
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
