"""Guesses that need no model, on the information the model has: the bar to clear."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from dgljoint.nn.batch import CascadeBatch


def source(batch: CascadeBatch) -> Tensor:
    """Guess the source post. Returns (P,)."""
    candidate = batch.pairs[1]
    return (candidate == batch.root[batch.cascade_of[candidate]]).long()


def latest(batch: CascadeBatch) -> Tensor:
    """Guess the latest earlier post. Returns (P,)."""
    return batch.pairs[1]


def most_replied_to(batch: CascadeBatch) -> Tensor:
    """Guess the post with most observed children. Returns (P,)."""
    return batch.children[batch.pairs[1]]


GUESSES: dict[str, Callable[[CascadeBatch], Tensor]] = {
    "source": source,
    "latest": latest,
    "most replied-to": most_replied_to,
}
