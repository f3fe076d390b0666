"""Bring the posts of one thread into the order a cascade has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """The posts that can be reached from the source, in time order, parents first.

    Attributes:
        post: numbers of the M posts in the input, the source first.
        parent: (M,) int32 place of each one's parent in ``post``; -1 for the source.
        seconds: (M,) float64 times; those in ``moved`` are their parent's.
        moved: posts that were earlier than their parent, by their number in the input.
    """

    post: list[int]
    parent: NDArray[np.int32]
    seconds: NDArray[np.float64]
    moved: list[int]


def arrange(parent: Sequence[int], seconds: Sequence[float], source: int) -> Arranged:
    """Order N posts of a thread by time.

    A post that is dated before its parent gets its parent's time: who answers whom is known, one
    of the two clocks was wrong. Nothing then asks a model for the parent of such a post, since
    only strictly earlier posts are candidates.

    Args:
        parent: the number of each post's parent; -1 for none. The source's is not looked at.
        seconds: when each was posted.
        source: number of the source.
    """
    children: list[list[int]] = [[] for _ in parent]
    for child, above in enumerate(parent):
        if above >= 0 and child != source:
            children[above].append(child)
    time = list(seconds)
    moved = []
    reached = [source]
    for above in reached:  # grows on the way: breadth first
        for child in children[above]:
            if time[child] < time[above]:
                moved.append(child)
                time[child] = time[above]
            reached.append(child)
    # The sort is stable and parents stand first already: of equal times they stay first.
    reached.sort(key=time.__getitem__)
    place = {post: number for number, post in enumerate(reached)}
    return Arranged(
        post=reached,
        parent=np.array([-1] + [place[parent[post]] for post in reached[1:]], np.int32),
        seconds=np.array([time[post] for post in reached], np.float64),
        moved=moved,
    )
