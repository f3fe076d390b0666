"""Weights and inputs that depend on no random numbers, for values that are written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from dgljoint.data.store import CascadeStore
from dgljoint.nn import CascadeBatch
from dgljoint.tasks.targets import TargetPairs
from toys import toy_batch, toy_cascade, write_store


def fix_weights(module: nn.Module) -> None:
    """Fill every parameter with sines, each parameter with others."""
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            place = torch.arange(parameter.numel(), dtype=torch.float64)
            parameter.copy_((place * 1.7 + number).sin().view_as(parameter) * 0.6)


def fixed_rows(batch: CascadeBatch, width: int, shift: float = 0.0) -> torch.Tensor:
    """Make (N, D) inputs."""
    place = torch.arange(len(batch.kind) * width, dtype=torch.float64)
    return (place * 0.9 + shift).sin().float().view(-1, width)


def fixed_batch(tmp_path: Path) -> CascadeBatch:
    """Make two cascades, of five posts and of two; post 3, the parent of 4, is asked for."""
    cascades = [toy_cascade("a", [-1, 0, 0, 1, 3]), toy_cascade("b", [-1, 0])]
    store = CascadeStore(write_store(tmp_path / "fixed.h5", cascades))
    targets = TargetPairs(
        hidden=np.arange(7) == 3,
        pairs=np.array([[3, 3, 3], [0, 1, 2]]),
        is_parent=np.array([False, True, False]),
    )
    return toy_batch(store, [0, 1], targets=targets)
