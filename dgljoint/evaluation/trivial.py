"""Guesses that need no model, on the information the model has: the bar to clear.

Each gives every post a value, whoever attaches to it: a later post's parent is guessed to be the
earlier post of the highest value.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgljoint.batch.batch import CascadeBatch


def source(batch: CascadeBatch) -> Tensor:
    """Guess the source post. Returns (N,)."""
    return torch.zeros_like(batch.kind).index_fill(0, batch.root, 1)


def latest(batch: CascadeBatch) -> Tensor:
    """Guess the latest earlier post. Returns (N,)."""
    return torch.arange(len(batch.kind), device=batch.device)


def most_replied_to(batch: CascadeBatch) -> Tensor:
    """Guess the post with most observed children. Returns (N,)."""
    return batch.children


GUESSES: dict[str, Callable[[CascadeBatch], Tensor]] = {
    "source": source,
    "latest": latest,
    "most replied-to": most_replied_to,
}
