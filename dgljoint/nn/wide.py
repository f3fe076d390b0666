"""The linear path next to the graph: from what is known of a cascade as a whole to its class."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch
from dgljoint.ops.sparse import SomeRows

# The length that a typical vector of the source's text is scaled to. Columns of a cascade's own
# features vary by 1 each, and so would the hundreds of columns of a sentence vector, which together
# would drown the others: a penalty on weights is a statement about the scale of what they weigh.
_TEXT_LENGTH = 4.0


class WidePath(nn.Module):
    """A linear map to class logits, as in Wide & Deep Learning (Cheng et al., 2016).

    https://arxiv.org/abs/1606.07792: the deep model generalises and the linear one, penalised by
    itself, keeps what few cascades can teach reliably. Its inputs are the features of cascades and,
    of each dense feature of posts, the row of the source::

        logits = W [s; x_source] + b + (the rumor head's)

    It starts at zero. ``of_cascades`` and ``source_dense`` are the columns of each feature, at
    least one. Unlike in the paper both parts have the same optimizer, and what keeps this one from
    following the training set is a penalty of its own (``train.wide_decay``).
    """

    def __init__(
        self, classes: int, of_cascades: Mapping[str, int], source_dense: Mapping[str, int]
    ) -> None:
        super().__init__()
        self._of_cascades = tuple(of_cascades)
        self._scale = {name: _TEXT_LENGTH / size**0.5 for name, size in source_dense.items()}
        columns = sum(of_cascades.values()) + sum(source_dense.values())
        # Without a draw: the rest of the model is drawn the same with it and without.
        self.weight = nn.Parameter(torch.zeros(classes, columns))
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, batch: CascadeBatch) -> Tensor:
        """Return (B, C) logits to add."""
        parts = [batch.cascade_features[name] for name in self._of_cascades]
        for name, scale in self._scale.items():
            x = batch.features[name]
            if isinstance(x, SomeRows):
                parts.append(x.at(batch.root) * scale)
            elif isinstance(x, Tensor):
                parts.append(x.index_select(0, batch.root) * scale)
        return nn.functional.linear(torch.cat(parts, dim=1), self.weight, self.bias)
