"""Weights and views that are a formula, for values that are checked in."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Representations

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def filled(module: ModuleT) -> ModuleT:
    """Set every trainable parameter to a wave of its own frequency."""
    with torch.no_grad():
        for number, parameter in enumerate(p for p in module.parameters() if p.requires_grad):
            parameter.copy_(_wave(parameter.shape, 1.3 + 0.37 * number) / 2)
    return module


def filled_views(batch: CascadeBatch, width: int) -> Representations:
    """Make representations of waves."""
    rows = (len(batch.kind), width)
    return Representations(*(_wave(rows, frequency) for frequency in (1.7, 2.3, 2.9)))


def _wave(shape: tuple[int, ...], frequency: float) -> Tensor:
    size = int(torch.Size(shape).numel())
    return (torch.arange(size, dtype=torch.float64) * frequency).sin().float().reshape(shape)
