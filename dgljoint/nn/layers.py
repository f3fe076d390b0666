"""Small parts of models: initialisation, and a dropout whose mask is cheap to draw."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_STEPS = 1 << 16  # a number of 16 bits decides over one entry


def xavier(module: nn.Module) -> nn.Module:
    """Initialise every linear map and embedding of ``module`` after Glorot & Bengio (2010).

    Weights are drawn from the Xavier uniform distribution, biases are zero.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding | nn.EmbeddingBag):
            nn.init.xavier_uniform_(part.weight)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
    return module


class Dropout(nn.Dropout):
    """Zeroes a share of the entries in training and scales the others up (Srivastava et al., 2014).

    It is :class:`torch.nn.Dropout`, but draws 16 random bits per entry where PyTorch draws a whole
    random number, which on a CPU is most of a dropout's time. So the share is ``p`` to within
    2^-17, and entries are scaled by the inverse of the exact share kept. Draws come from PyTorch's
    global generator of the device.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Drop entries. Shapes: any, to the same."""
        kept = round((1 - self.p) * _STEPS)
        if not self.training or kept == _STEPS:
            return x
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        # Four entries a word; without bounds the uppermost bit would always be zero.
        bits = words.random_(-(1 << 63), None).view(torch.int16)[: x.numel()].view(x.shape)
        scale, bound = _STEPS / kept if kept else 0.0, kept - _STEPS // 2
        if x.device.type == "cpu":
            # NumPy compares sixteen times as fast.
            mask = torch.from_numpy(np.multiply(bits.numpy() < bound, np.float32(scale)))
        else:
            mask = (bits < bound).float().mul_(scale)
        return x * mask.to(x.dtype)
