"""Graph attention over the cascade as an undirected tree."""

import torch
from torch import Tensor, nn

from dgljoint import nn as joint
from dgljoint_plugins.encoders.gat import GATOptions


class GAT(joint.Encoder):
    """Velickovic et al. (2018), equations 1 to 6; docs/encoders/gat.md has them.

    Where D is no multiple of the heads, their width is rounded up. The last layer's heads are
    averaged and nothing follows, since its output is a representation.
    """

    def __init__(self, options: GATOptions, width: int) -> None:
        super().__init__()
        self.dropout = joint.Dropout(options.dropout)
        self.layers = nn.ModuleList()
        size = width
        for _ in range(options.layers - 1):
            head_width = -(-width // options.heads)
            self.layers.append(_Layer(size, options.heads, head_width, options))
            size = options.heads * head_width
        self.layers.append(_Layer(size, options.last_heads, width, options))

    def forward(self, batch: joint.CascadeBatch, x: Tensor) -> Tensor:
        """Encode. Shapes: ``x`` (N, D) to (N, D)."""
        *inner, last = self.layers
        for layer in inner:
            x = self.dropout(nn.functional.elu(layer(batch, x).flatten(1)))
        encoded: Tensor = last(batch, x).mean(1)
        return encoded


class _Layer(nn.Module):
    """H heads of width K over an input of width D."""

    def __init__(self, width: int, heads: int, head_width: int, options: GATOptions) -> None:
        super().__init__()
        self.shape = (heads, head_width)
        self.slope = options.slope
        self.map = nn.Linear(width, heads * head_width, bias=False)
        self.of_source = nn.Parameter(torch.empty(self.shape))
        self.of_destination = nn.Parameter(torch.empty(self.shape))
        self.bias = nn.Parameter(torch.zeros(self.shape))
        self.dropout = joint.Dropout(options.dropout)
        joint.xavier(self)
        # Glorot's bound for the paper's vector, a map from 2 K numbers to one
        bound = (6 / (2 * head_width + 1)) ** 0.5
        nn.init.uniform_(self.of_source, -bound, bound)
        nn.init.uniform_(self.of_destination, -bound, bound)

    def forward(self, batch: joint.CascadeBatch, x: Tensor) -> Tensor:
        """Attend. Shapes: ``x`` (N, D) to (N, H, K)."""
        mapped = self.map(x).view(-1, *self.shape)
        source, destination = batch.neighbourhood
        scores = nn.functional.leaky_relu(
            (mapped * self.of_source).sum(2).index_select(0, source)
            + (mapped * self.of_destination).sum(2).index_select(0, destination),
            self.slope,
        )
        weights = self.dropout(joint.softmax_over_neighbourhoods(batch, scores))
        return joint.sum_over_neighbourhoods(batch, weights, mapped) + self.bias
