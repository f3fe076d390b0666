"""Bi-directional graph convolutions with source-post enhancement."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Dropout, Encoder, xavier
from dgljoint_plugins.nn.convolution import spread_down, spread_up

Spread = Callable[[CascadeBatch, Tensor], Tensor]


class BiGCN(Encoder):
    """Bian et al. (2020): one stack of convolutions down the tree, one up, source added to both.

    The paper drops edges at random (DropEdge); here the edges hidden as targets do the same.
    Its class scores pool the posts of both stacks; here a linear map of both gives each post a
    representation, and pooling is the rumor head's.

    Args:
        width: D.
        dropout: share dropped between the two layers of a stack.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.down = _Stack(width, dropout, spread_down)
        self.up = _Stack(width, dropout, spread_up)
        self.join = nn.Linear(4 * width, width)
        xavier(self)

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Encode. Shapes: ``x`` (N, D) to (N, D)."""
        joined: Tensor = self.join(torch.cat((*self.down(batch, x), *self.up(batch, x)), dim=1))
        return joined


class _Stack(nn.Module):
    """Two convolutions in one direction; each input is enhanced by the source's."""

    def __init__(self, width: int, dropout: float, spread: Spread) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.second_source = nn.Linear(width, width, bias=False)
        self.dropout = Dropout(dropout)
        self.spread = spread

    def forward(self, batch: CascadeBatch, x: Tensor) -> tuple[Tensor, Tensor]:
        first = self.spread(batch, self.first(x))
        # [h | source] W, multiplied once a cascade instead of once a post.
        source = self.second_source(self.dropout(x[batch.root].relu()))[batch.cascade_of]
        second = self.second(self.dropout(first.relu())) + source
        return self.spread(batch, second).relu(), first[batch.root][batch.cascade_of]
