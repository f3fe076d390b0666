"""Bi-directional graph convolutions with source-post enhancement."""

from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Dropout, Encoder, SparseRows, multiply, with_rows, xavier
from dgljoint_plugins.shared.convolution import one_way


class BiGCN(Encoder):
    """Bian et al. (2020): one stack of convolutions down the tree, one up, source added to both.

    The paper drops edges at random (DropEdge); here the edges hidden as targets do the same.
    Its class scores pool the posts of both stacks; here a linear map of both gives each post a
    representation, and pooling is the rumor head's.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.down = _Stack(width, dropout)
        self.up = _Stack(width, dropout)
        self.join = nn.Linear(4 * width, width)
        xavier(self)

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Encode. Shapes: ``x`` (N, D) to (N, D)."""
        to_children, to_parents = one_way(batch, x)
        x, source = with_rows(x, batch.root)
        source = source.relu()
        down, down_source = self.down(batch, x, source, to_children)
        up, up_source = self.up(batch, x, source, to_parents)
        # [down | its source | up | its source] W, each source multiplied only once.
        of_down, of_down_source, of_up, of_up_source = self.join.weight.t().chunk(4)
        sources = down_source @ of_down_source + up_source @ of_up_source + self.join.bias
        joined: Tensor = sources.index_select(0, batch.cascade_of)
        return joined.addmm(down, of_down).addmm(up, of_up)


class _Stack(nn.Module):
    """Two convolutions in one direction, (N, D) to (N, D); the (B, D) source's enhances each."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.second_source = nn.Linear(width, width, bias=False)
        self.dropout = Dropout(dropout)

    def forward(
        self, batch: CascadeBatch, x: Tensor, source: Tensor, neighbours: SparseRows
    ) -> tuple[Tensor, Tensor]:
        first, first_source = with_rows(multiply(neighbours, self.first(x)), batch.root)
        # [h | source] W, each source multiplied only once, not for each of its posts.
        enhanced = self.second_source(self.dropout(source)) + self.second.bias
        enhanced = enhanced.index_select(0, batch.cascade_of)
        second = enhanced.addmm(self.dropout(first.relu()), self.second.weight.t())
        return multiply(neighbours, second).relu(), first_source
