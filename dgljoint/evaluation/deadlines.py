"""Times by which a cascade is classified: later posts do not exist."""

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeColumns
from dgljoint.errors import UsageError

Index = NDArray[np.int64]

EVERYTHING = "all"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FORM = re.compile(r"([1-9]\d{0,8})p|(\d{1,9}(?:\.\d{1,9})?)([smhd]?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Deadline:
    """How much of a cascade is visible; all of it where only ``text``, as it was given, is set.

    ``seconds`` count from the source, and a post at that very time is visible; ``posts`` counts the
    source as well.
    """

    text: str
    seconds: float | None = None
    posts: int | None = None

    def visible(self, columns: CascadeColumns) -> Index:
        """Return (B,) the number of first posts of each cascade that are visible, at least 1.

        While all posts are as old as the source, only the source is visible: nothing is known to be
        early in a cascade without times. This depends on no later post.
        """
        sizes = np.diff(columns.post_ptr)
        if self.seconds is not None:
            early = columns.cascade_of[columns.delay_seconds <= self.seconds]
            seen = np.bincount(early, minlength=len(sizes))
        elif self.posts is not None:
            seen = np.minimum(sizes, self.posts)
        else:
            return sizes
        last = columns.delay_seconds[columns.post_ptr[:-1] + seen - 1]
        return np.where(last > 0, seen, 1)

    def cut(self, columns: CascadeColumns) -> CascadeColumns:
        """Return the cascades as they were at the deadline: later posts are not among them."""
        return first_posts(columns, self.visible(columns))


def first_posts(columns: CascadeColumns, count: Index) -> CascadeColumns:
    """Cut cascades down to their first ``count`` (B,) posts, at least 1 of each."""
    sizes = np.diff(columns.post_ptr)
    place = np.arange(len(columns.posts)) - np.repeat(columns.post_ptr[:-1], sizes)
    kept = place < np.repeat(count, sizes)
    post_ptr = np.concatenate(([0], count.cumsum()))
    moved = np.repeat(post_ptr[:-1] - columns.post_ptr[:-1], count)
    parent = columns.parent[kept]
    return replace(
        columns, post_ptr=post_ptr, posts=columns.posts[kept],
        parent=np.where(parent < 0, -1, parent + moved), delay_seconds=columns.delay_seconds[kept],
        kind=columns.kind[kept],
    )


def parse_deadlines(text: str) -> tuple[Deadline, ...]:
    """Read deadlines with commas between them.

    ``30s``, ``10m``, ``1.5h`` and ``2d`` are times since the source, ``0`` shows it alone;
    ``10p`` is the first ten posts; ``all`` is the whole cascade.
    """
    found = tuple(_parse(part.strip()) for part in text.split(","))
    named = [deadline.text for deadline in found]
    for name in named:
        if named.count(name) > 1:
            raise UsageError(f"deadline '{name}' is named twice", hint="name it once")
    return found


def _parse(text: str) -> Deadline:
    if text == EVERYTHING:
        return Deadline(text)
    form = _FORM.fullmatch(text)
    if form is None:
        raise UsageError(
            f"deadline '{text}' cannot be read",
            hint="write a time as 30s, 10m, 1.5h or 2d, a number of posts as 10p, or all; with "
            "commas between them: 0,10m,1h,all",
        )
    posts, number, unit = form.groups()
    if posts:
        return Deadline(text, posts=int(posts))
    if not unit and float(number):
        raise UsageError(
            f"deadline '{text}' has no unit",
            hint=f"write {text}s, {text}m, {text}h or {text}d, or {text}p for posts",
        )
    return Deadline(text, seconds=float(number) * _SECONDS.get(unit, 1))
