"""The numbers of posts that the link head reads, apart from their views: times and counts.

All of them are known when a target arrives: times of posts up to it, and counts of the observed
tree. A post whose edge is hidden is a candidate without observed children, of which only its time
of arrival is known.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dgljoint.batch.batch import CascadeBatch

ARRIVED = (
    "source",  # 1 for the source, whose attraction is of its own kind
    "observed",  # 1 for a post whose answers could have been observed
    "pause",  # seconds since the moment before it in which a post arrived: short within a burst
)
ANSWERS = (
    "children",  # observed replies to the post and retweets of it
    "descendants",  # posts below it in the observed tree
)
"""What makes a post attract answers: flags, seconds and counts, none below 0.

What is known of it when it arrives, and the answers that it has had by the cut.
"""


@dataclass(frozen=True, eq=False)
class LinkNumbers:
    """The numbers of N posts, as :class:`~dgljoint.tasks.heads.CascadePredictor` takes them in."""

    delay_seconds: Tensor  # (N,) float64 since the source
    # (N,) float64, when the latest observed child arrived; -inf for a post without one
    last_child_seconds: Tensor
    numbers: Tensor  # (N, F) float32, log2(1 + x) of each of ARRIVED, then of ANSWERS
    earlier: Tensor  # (N,) int64, strictly earlier posts of the cascade
    # (N,) bool, true where the parent is hidden; others may be answers that are counted
    pending: Tensor


def link_numbers(batch: CascadeBatch) -> LinkNumbers:
    """Collect the numbers of a batch's posts."""
    parent, child = batch.edges
    delay = batch.delay_seconds
    last = torch.full_like(delay, float("-inf"))
    source = torch.zeros_like(batch.kind).index_fill(0, batch.root, 1)
    earlier, pause = _arrivals(batch)
    numbers = (source, batch.observed, pause, batch.children, batch.descendants)
    return LinkNumbers(
        delay_seconds=delay,
        last_child_seconds=last.scatter_reduce(0, parent, delay[child], "amax"),
        numbers=torch.stack([number.double() for number in numbers], dim=1).add(1).log2().float(),
        earlier=earlier, pending=~batch.observed,
    )


def _arrivals(batch: CascadeBatch) -> tuple[Tensor, Tensor]:
    """Count the strictly earlier posts of each post's cascade, and time it since the last of them.

    Returns (N,) int64, and (N,) float64 seconds, 0 without one. Posts of one moment are alike,
    however the rows of a batch are sorted.
    """
    order = batch.delay_seconds.argsort(stable=True)
    order = order[batch.cascade_of[order].argsort(stable=True)]
    delay, cascade = batch.delay_seconds[order], batch.cascade_of[order]
    begins = torch.ones_like(order, dtype=torch.bool)  # a cascade
    begins[1:] = cascade[1:] != cascade[:-1]
    moves = begins.clone()  # a cascade, or a moment of one
    moves[1:] |= delay[1:] != delay[:-1]
    place = torch.arange(len(order), device=batch.device)
    first, moment = (torch.where(x, place, 0).cummax(0).values for x in (begins, moves))
    pause = torch.where(moment > first, delay - delay[(moment - 1).clamp(min=0)], 0)
    unsorted = torch.empty_like(order).index_copy(0, order, place)
    return (moment - first)[unsorted], pause[unsorted]
