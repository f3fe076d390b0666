"""Link heads whose every parameter counts, and numbers of posts for them."""

from __future__ import annotations

import numpy as np
import torch

from dgljoint.data.store import CascadeColumns
from dgljoint.tasks.heads import CascadePredictor
from dgljoint.tasks.link_numbers import ANSWERS, ARRIVED, LinkNumbers
from dgljoint.tasks.targets import _earlier_posts


def random_head(width: int) -> CascadePredictor:
    """Return a head with random kernels, slopes and reaches, which start at 0."""
    head = CascadePredictor(width)
    for parameter in (head.kernels, head.slopes, head.reach.weight, head.reach.bias):
        torch.nn.init.normal_(parameter)
    return head


def random_numbers(of: CascadeColumns, seed: int) -> LinkNumbers:
    """Make up whole numbers, few of them, of posts that are all pending."""
    rng, posts = np.random.default_rng(seed), len(of.parent)
    earlier = _earlier_posts(of)[1]
    columns = len(ARRIVED) + len(ANSWERS)
    last = np.where(rng.random(posts) < 0.3, of.delay_seconds + rng.integers(0, 3, posts), -np.inf)
    return LinkNumbers(
        delay_seconds=torch.from_numpy(of.delay_seconds),
        last_child_seconds=torch.from_numpy(last),
        numbers=torch.from_numpy(rng.integers(0, 3, (posts, columns))).float(),
        earlier=torch.from_numpy(earlier), pending=torch.ones(posts, dtype=torch.bool),
    )
