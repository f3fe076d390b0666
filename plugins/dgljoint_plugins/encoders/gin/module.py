"""Graph isomorphism network over the cascade as an undirected tree."""

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Dropout, Encoder, sum_to_children, sum_to_parents, xavier
from dgljoint_plugins.encoders.gin import GINOptions


class GIN(Encoder):
    """Xu et al. (2019), equation 4.1: sums over neighbours, which distinguish multisets of them.

    The paper normalises over the batch; here a post is normalised over its own row, so that
    cascades stay apart. A linear map of every layer's row, the input's too, gives the
    representation.
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
