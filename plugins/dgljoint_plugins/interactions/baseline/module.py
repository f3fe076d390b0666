"""One graph layer over the links that the cascade task predicts, for the rumor task alone."""

from torch import Tensor, nn

from dgljoint import nn as joint
from dgljoint_plugins.interactions.baseline import BaselineOptions
from dgljoint_plugins.shared.links import predicted_links


class Baseline(joint.Interaction):
    """Today's practice: cascade to rumor only, at the output, by a reconstructed graph.

    For every observed post but the sources, the link head's scores of some earlier posts give a
    soft edge to each, and one graph layer in both directions over these edges adds to the
    rumor view; docs/interactions/baseline.md has the equations. The probabilities are constants to
    the rumor loss, so no gradient of it reaches the link head or the cascade view.
    """

    def __init__(self, options: BaselineOptions, width: int) -> None:
        super().__init__()
        self.candidates = options.candidates
        self.from_self = nn.Linear(width, width)
        self.from_parents = nn.Linear(width, width, bias=False)
        self.from_children = nn.Linear(width, width, bias=False)
        self.dropout = joint.Dropout(options.dropout)
        # Nothing is added at the start; gelu has a slope at 0, so all maps learn from there.
        for layer in (self.from_self, self.from_parents, self.from_children):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.from_self.bias)

    def inform_rumor(
        self, reps: joint.Representations, score_links: joint.ScoreLinks, batch: joint.CascadeBatch
    ) -> Tensor:
        """Return the rumor view after a layer over the predicted links. Shapes: (N, D)."""
        pairs, probability = predicted_links(score_links, batch, self.candidates)
        return self._layer(reps.rumor, pairs, probability)

    def _layer(self, x: Tensor, pairs: Tensor, weight: Tensor) -> Tensor:
        """Pass messages over weighted edges. Shapes: (N, D), (2, P) and (P,) to (N, D)."""
        parent = pairs[1]
        share = weight.new_zeros(len(x)).index_add(0, parent, weight).clamp(min=1)
        parents = joint.sum_over_edges(pairs.flip(0), weight, x)
        children = joint.sum_over_edges(pairs, weight / share[parent], x)
        message = self.from_self(x) + self.from_parents(parents) + self.from_children(children)
        view: Tensor = x + self.dropout(nn.functional.gelu(message))
        return view
