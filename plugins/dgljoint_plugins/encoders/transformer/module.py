"""Self-attention over the posts of a cascade."""

import math

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeAttention, CascadeBatch, Dropout, Encoder, PairBias, xavier
from dgljoint_plugins.encoders.transformer import TransformerOptions
from dgljoint_plugins.shared.trees import Forest

_WAVES = 16
# The paper's 10,000 is for hundreds of positions; depths, and logarithms of seconds, stay below
# this, and the longer waves would be flat.
_LONGEST = 100.0


class Transformer(Encoder):
    """Layers of Vaswani et al. (2017), with the posts of a cascade for the words of a sentence.

    Normalisation is first (Xiong et al., 2020, arXiv 2002.04745), which trains without the paper's
    warm-up, and the engine normalises the last output. A post attends as in
    :func:`dgljoint.nn.attend`. Of places it knows depth and time, added to the input, or the
    distance in the tree, a bias of the score that is learned from zero for each head (Ying et al.,
    2021, arXiv 2106.05234, equation 6); docs/encoders/transformer.md has the equations.
    """

    def __init__(self, options: TransformerOptions, width: int) -> None:
        super().__init__()
        self.furthest = options.distances
        self.places = self.distance_bias = None
        if options.encoding == "depth_time":
            self.places = nn.Linear(4 * _WAVES, width, bias=False)
        else:
            self.distance_bias = nn.Parameter(torch.zeros(options.distances + 2, options.heads))
        self.layers = nn.ModuleList(_Layer(options, width) for _ in range(options.layers))
        xavier(self)

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Encode. Shapes: ``x`` (N, D) to (N, D)."""
        forest = Forest(batch)
        if self.places is not None:
            x = x + self.places(_encode_places(batch, forest).to(x.dtype))
        bias = self._bias(forest)
        for layer in self.layers:
            x = layer(batch, x, bias)
        return x

    def _bias(self, forest: Forest) -> PairBias | None:
        table, furthest = self.distance_bias, self.furthest
        if table is None:
            return None

        def bias(query: Tensor, key: Tensor) -> Tensor:
            distance = forest.distance(query, key, furthest)
            return nn.functional.embedding(distance, table).permute(0, 3, 1, 2)

        return bias


class _Layer(nn.Module):
    """One layer, normalisation first."""

    def __init__(self, options: TransformerOptions, width: int) -> None:
        super().__init__()
        inner = options.expansion * width
        self.attention_norm = nn.LayerNorm(width)
        self.attention = CascadeAttention(width, options.heads)
        self.causal = options.causal
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(
            nn.Linear(width, inner), nn.ReLU(), Dropout(options.dropout),
            nn.Linear(inner, width),
        )
        self.dropout = Dropout(options.dropout)

    def forward(self, batch: CascadeBatch, x: Tensor, bias: PairBias | None) -> Tensor:
        normed = self.attention_norm(x)
        attended = self.attention(normed, normed, batch, causal=self.causal, bias=bias)
        x = x + self.dropout(attended)
        encoded: Tensor = x + self.dropout(self.feed(self.feed_norm(x)))
        return encoded


def _encode_places(batch: CascadeBatch, forest: Forest) -> Tensor:
    """Return (N, 4 * waves): waves of the depth, zeros where it is not known, and of the time."""
    known = forest.root == batch.root[batch.cascade_of]
    depth = _waves(forest.depth) * known.unsqueeze(1)
    return torch.cat((depth, _waves(batch.delay_seconds.log1p())), dim=1)


def _waves(position: Tensor) -> Tensor:
    """Encode positions as in section 3.5 of the paper. Shapes: (N,) to (N, 2 * waves)."""
    number = torch.arange(_WAVES, device=position.device)
    angle = position.float().unsqueeze(1) * torch.exp(number * (-math.log(_LONGEST) / _WAVES))
    return torch.cat((angle.sin(), angle.cos()), dim=1)
