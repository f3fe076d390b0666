"""Graph convolutions over the cascade as an undirected tree."""

from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Dropout, Encoder, multiply, xavier
from dgljoint_plugins.shared.convolution import both_ways


class GCN(Encoder):
    """Kipf & Welling (2017), equation 2: ``h' = relu(D^-1/2 (A + I) D^-1/2 h W)``.

    The last layer has no rectifier, since its output is no class score but a representation.
    """

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.dropout = Dropout(dropout)
        xavier(self)

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Encode. Shapes: ``x`` (N, D) to (N, D)."""
        neighbours = both_ways(batch, x)
        for number, layer in enumerate(self.layers):
            if number:
                x = self.dropout(x.relu())
            x = multiply(neighbours, layer(x))
        return x
