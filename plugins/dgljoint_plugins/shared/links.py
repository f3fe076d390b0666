"""What a link head says of the edges that are observed."""

import torch
from torch import Tensor

from dgljoint.nn import CascadeBatch, ScoreLinks, log_softmax_over_groups


def candidate_parents(batch: CascadeBatch, most: int) -> Tensor:
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


def predicted_links(
    score_links: ScoreLinks, batch: CascadeBatch, most: int
) -> tuple[Tensor, Tensor]:
    """Return the graph that the link head predicts for the observed posts.

    Its edges are the (2, P) :func:`candidate_parents`, each with its probability among those of its
    post, (P,), a constant.
    """
    pairs = candidate_parents(batch, most)
    posts, group = torch.unique_consecutive(pairs[0], return_inverse=True)
    with torch.no_grad():
        scores = score_links(pairs).float()
        return pairs, log_softmax_over_groups(scores, group, len(posts)).exp()


def gain_of_links(score_links: ScoreLinks, batch: CascadeBatch, most: int) -> Tensor:
    """Return by how much the link head predicts each observed link better than a guess, in nats.

    ``log p + log n``, where ``p`` is the probability of the observed parent among ``n`` posts: it
    and those of :func:`candidate_parents`. It is minus the link's surprise, on a scale that the
    number of posts does not change; 0 for posts without an observed link. Shapes: to (N,).
    """
    parent, child = batch.edges
    count = len(batch.kind)
    own = torch.full_like(batch.kind, -1).index_copy(0, child, parent)
    rivals = candidate_parents(batch, most)
    rivals = rivals[:, own[rivals[0]] != rivals[1]]
    pairs = torch.cat((batch.edges.flip(0), rivals), dim=1)
    number = torch.zeros_like(batch.kind).index_add(0, pairs[0], torch.ones_like(pairs[0]))
    scores = score_links(pairs).float()
    log_p = log_softmax_over_groups(scores, pairs[0], count)[: len(child)]
    gain = log_p + number[child].to(log_p.dtype).log()
    return gain.new_zeros(count).index_copy(0, child, gain)
