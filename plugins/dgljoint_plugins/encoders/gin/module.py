"""Graph isomorphism network over the cascade as an undirected tree."""

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Dropout, Encoder, sum_to_children, sum_to_parents, xavier
from dgljoint_plugins.encoders.gin import GINOptions


class GIN(Encoder):
    """Xu et al. (2019): sums over neighbours, which distinguish multisets of them.

    The neighbours N(v) of a post are its parent and its children. Layer k (equation 4.1)::

        h_k(v) = MLP_k((1 + e_k) h_{k-1}(v) + sum over u in N(v) of h_{k-1}(u))

    with ``e_k`` learned from 0 and two rectified linear maps in the MLP. The paper normalises after
    each map over the batch; here a post is normalised over its own row, between the maps only, so
    that cascades stay apart. A linear map of every layer's row, the input's too, gives the
    representation, where the paper pools them to class scores (equation 4.2).
    """

    def __init__(self, options: GINOptions, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _Layer(width, options.learn_epsilon) for _ in range(options.layers)
        )
        self.join = nn.Linear((options.layers + 1) * width, width)
        self.dropout = Dropout(options.dropout)
        xavier(self)

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Encode. Shapes: ``x`` (N, D) to (N, D)."""
        rows = [x]
        for layer in self.layers:
            rows.append(layer(batch, rows[-1]))
        encoded: Tensor = self.dropout(self.join(torch.cat(rows, dim=1)))
        return encoded


class _Layer(nn.Module):
    def __init__(self, width: int, learn_epsilon: bool) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(()), requires_grad=learn_epsilon)
        self.mlp = nn.Sequential(
            nn.Linear(width, width), nn.LayerNorm(width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
        )

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Shapes: ``x`` (N, D) to (N, D)."""
        neighbours = sum_to_children(batch, x) + sum_to_parents(batch, x)
        mapped: Tensor = self.mlp((1 + self.epsilon) * x + neighbours)
        return mapped
