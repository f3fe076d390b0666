"""GraphSAGE over the cascade as an undirected tree."""

import torch
from torch import Tensor, nn

from dgljoint import nn as joint
from dgljoint_plugins.encoders.sage import SAGEOptions


class SAGE(joint.Encoder):
    """Hamilton et al. (2017), algorithm 1: a post and its neighbours, mapped apart and added.

    ``W h + U n`` is the paper's matrix on both end to end; as in the authors' code the last layer
    has no rectifier. All neighbours count: a cascade needs no draw of some to bound it.
    """

    def __init__(self, options: SAGEOptions, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _Layer(width, _Pool(width) if options.aggregator == "pool" else _Mean())
            for _ in range(options.layers)
        )
        self.dropout = joint.Dropout(options.dropout)
        joint.xavier(self)

    def forward(self, batch: joint.CascadeBatch, x: Tensor) -> Tensor:
        """Encode. Shapes: ``x`` (N, D) to (N, D)."""
        *inner, last = self.layers
        for layer in inner:
            x = self.dropout(nn.functional.normalize(layer(batch, x).relu(), dim=1))
        return nn.functional.normalize(last(batch, x), dim=1)


class _Layer(nn.Module):
    def __init__(self, width: int, aggregate: nn.Module) -> None:
        super().__init__()
        self.from_self = nn.Linear(width, width)
        self.from_neighbours = nn.Linear(width, width, bias=False)
        self.aggregate = aggregate

    def forward(self, batch: joint.CascadeBatch, x: Tensor) -> Tensor:
        mapped: Tensor = self.from_self(x) + self.from_neighbours(self.aggregate(batch, x))
        return mapped


class _Mean(nn.Module):
    """The mean of a post's parent and children, (N, D) to (N, D)."""

    def forward(self, batch: joint.CascadeBatch, x: Tensor) -> Tensor:
        neighbours = (batch.parents + batch.children).clamp(min=1).unsqueeze(1)
        return (joint.sum_to_children(batch, x) + joint.sum_to_parents(batch, x)) / neighbours


class _Pool(nn.Module):
    """The maximum over a post's parent and children of a layer of their own, (N, D) to (N, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.map = nn.Linear(width, width)

    def forward(self, batch: joint.CascadeBatch, x: Tensor) -> Tensor:
        mapped = self.map(x).relu()
        # Rectified: the zeros for those that have no parent or no child are below nothing.
        from_parent = joint.sum_to_children(batch, mapped)
        return torch.maximum(from_parent, joint.max_to_parents(batch, mapped))
