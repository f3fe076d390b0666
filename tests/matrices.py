"""A batch's edges as dense matrices, for formulas written out."""

from __future__ import annotations

import torch
from torch import Tensor

from dgljoint.nn import CascadeBatch


def adjacency(batch: CascadeBatch) -> Tensor:
    """(N, N), entry (child, parent) is 1."""
    source, destination = batch.graph.edges()
    matrix = torch.zeros(len(batch.kind), len(batch.kind))
    matrix[destination, source] = 1
    return matrix


def normalised(matrix: Tensor) -> Tensor:
    """D^-1/2 (A + I) D^-1/2, D the row sums of A + I."""
    looped = matrix + torch.eye(len(matrix))
    root = looped.sum(1).rsqrt()
    return root[:, None] * looped * root
