"""One graph layer over the links that the cascade task predicts, for the rumor task alone."""

import torch
from torch import Tensor, nn

from dgljoint import nn as joint
from dgljoint_plugins.interactions.baseline import BaselineOptions


class Baseline(joint.Interaction):
    """Today's practice: cascade to rumor only, at the output, by a reconstructed graph.

    For every observed post but the sources, the link head's scores of :func:`candidate_parents`
    give a soft edge to each, and one graph layer in both directions over these edges adds to the
    rumor view; docs/interactions/baseline.md has the equations. The probabilities are constants to
    the rumor loss, so no gradient of it reaches the link head or the cascade view.
    """

    def __init__(self, options: BaselineOptions, width: int) -> None:
        super().__init__()
        self.candidates = options.candidates
        self.from_self = nn.Linear(width, width)
        self.from_parents = nn.Linear(width, width, bias=False)
        self.from_children = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.dropout = joint.Dropout(options.dropout)
        joint.xavier(self)

    def inform_rumor(
        self, reps: joint.Representations, score_links: joint.ScoreLinks, batch: joint.CascadeBatch
    ) -> Tensor:
        """Return the rumor view after a layer over the predicted links. Shapes: (N, D)."""
        pairs = candidate_parents(batch, self.candidates)
        posts, group = torch.unique_consecutive(pairs[0], return_inverse=True)
        with torch.no_grad():
            scores = score_links(pairs).float()
            probability = joint.log_softmax_over_groups(scores, group, len(posts)).exp()
        return self._layer(reps.rumor, pairs, probability)

    def _layer(self, x: Tensor, pairs: Tensor, weight: Tensor) -> Tensor:
        """Pass messages over weighted edges. Shapes: (N, D), (2, P) and (P,) to (N, D)."""
        parent = pairs[1]
        share = weight.new_zeros(len(x)).index_add(0, parent, weight).clamp(min=1)
        parents = joint.sum_over_edges(pairs.flip(0), weight, x)
        children = joint.sum_over_edges(pairs, weight / share[parent], x)
        message = self.from_self(x) + self.from_parents(parents) + self.from_children(children)
        view: Tensor = self.norm(x + self.dropout(nn.functional.gelu(message)))
        return view


def candidate_parents(batch: joint.CascadeBatch, most: int) -> Tensor:
    """Pair every observed post but the sources with posts it may have answered, (2, P).

    They are its cascade's source, first, and the latest observed posts that are strictly earlier,
    at most ``most`` in all; posts of one moment are all candidates or none.
    """
    kept = batch.observed.index_fill(0, batch.root, False)
    post = kept.nonzero().squeeze(1)
    post = post[batch.delay_seconds[post].argsort(stable=True)]
    post = post[batch.cascade_of[post].argsort(stable=True)]
    cascade, delay = batch.cascade_of[post], batch.delay_seconds[post]
    place = torch.arange(len(post), device=post.device)
    new_moment = torch.ones_like(post, dtype=torch.bool)
    new_moment[1:] = (cascade[1:] != cascade[:-1]) | (delay[1:] != delay[:-1])
    # Of each post: where its moment begins, and where the next whole one does from there on.
    end = place.where(new_moment, 0).cummax(0).values
    next_moment = place.where(new_moment, len(post)).flip(0).cummin(0).values.flip(0)
    start = torch.maximum(torch.searchsorted(cascade, cascade), end - (most - 1))
    count = end - next_moment[start] + 1
    row = place.repeat_interleave(count)
    number = torch.arange(len(row), device=post.device) - (count.cumsum(0) - count)[row]
    latest = post[(next_moment[start][row] + number - 1).clamp(min=0)]
    return torch.stack((post[row], latest.where(number > 0, batch.root[cascade[row]])))
