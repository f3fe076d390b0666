"""Checkpoints without pickle: one safetensors file, its nesting kept in the file's header.

A tree of dictionaries, lists, tensors and plain values is written as its tensors, named by their
place in the tree, and a JSON skeleton. Reading such a file runs no code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dgljoint._internal.files import write_bytes
from dgljoint.errors import DataError

_TENSOR = "$tensor"
_PAIRS = "$pairs"
_SKELETON = "skeleton"


def save_tree(path: Path, tree: dict[str, Any]) -> None:
    """Write ``tree`` to ``path`` atomically.

    Raises:
        RunFailedError: the file system refuses; what stood at ``path`` is untouched.
        TypeError: a value is no tensor, container or JSON value.
    """
    tensors: dict[str, torch.Tensor] = {}
    skeleton = json.dumps(_take_apart(tree, "", tensors))
    # Copies of their own: safetensors refuses tensors that share memory.
    copies = {name: tensor.cpu().clone().contiguous() for name, tensor in tensors.items()}
    # Not ``save_file``: it makes temporary files of its own, which outlive a killed process.
    write_bytes(path, save(copies, metadata={_SKELETON: skeleton}))


def check_tree(tree: dict[str, Any]) -> None:
    """Refuse what :func:`save_tree` would refuse, and write nothing.

    Raises:
        TypeError: a value is no tensor, container or JSON value.
    """
    json.dumps(_take_apart(tree, "", {}))


def load_tree(path: Path) -> dict[str, Any]:
    """Read what :func:`save_tree` wrote.

    Raises:
        DataError: the file is missing, damaged or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            skeleton = json.loads((file.metadata() or {})[_SKELETON])
        tree = _put_together(skeleton, tensors)
    except FileNotFoundError:
        raise DataError(f"{path}: no such checkpoint") from None
    except (
        # RecursionError: nested too deeply
        SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError,
    ) as error:
        raise DataError(f"{path}: not a readable checkpoint ({error})") from error
    if not isinstance(tree, dict):
        raise DataError(f"{path}: not a readable checkpoint")
    return tree


def _take_apart(value: Any, place: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
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


def _put_together(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _put_together(item, tensors) for key, item in value[_PAIRS]}
    if isinstance(value, list):
        return [_put_together(item, tensors) for item in value]
    return value
