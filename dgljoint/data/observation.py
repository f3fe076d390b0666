"""How much of a cascade is observed: a share of its posts, a number of them, or a time.

It is one notion for training, validation and test: later posts exist for nobody but the task that
ranks their parents, and early detection removes even those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from dgljoint.errors import UsageError

# A configuration is checked without NumPy, which takes longer to import than a listing of runs.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dgljoint.data.columns import CascadeColumns

    Index = NDArray[np.int64]

EVERYTHING = "all"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FORM = re.compile(r"([1-9]\d{0,8})p|(\d{1,9}(?:\.\d{1,9})?)([smhd]?)", re.ASCII)
_SHARE = r"(\d{1,3}(?:\.\d{1,9})?)%"
_SHARES = re.compile(rf"{_SHARE}(?:-{_SHARE})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Observation:
    """How much of a cascade is observed; all of it where only ``text``, as it was given, is set.

    ``seconds`` count from the source, and a post at that very time is observed; ``posts`` counts
    the source as well. ``shares`` are the least and the largest share of the posts, by time.
    """

    text: str
    seconds: float | None = None
    posts: int | None = None
    shares: tuple[float, float] | None = None

    @classmethod
    def of_share(cls, share: float) -> Self:
        """Observe a share of the posts, in [0, 1], and the source always."""
        return cls(f"{100 * share:g}%", shares=(share, share))

    @property
    def drawn(self) -> bool:
        """Whether the cut differs from one look at a cascade to the next."""
        return self.shares is not None and self.shares[0] < self.shares[1]

    def cuts(self, columns: CascadeColumns, rng: np.random.Generator | None = None) -> Index:
        """Return (B,) the number of first posts of each cascade that are observed, at least 1.

        Shares are rounded up to whole posts; a range of them needs ``rng``, which draws one per
        cascade, uniformly. By a share a cascade without times is observed whole: nothing in it is
        later. By a time or a number of posts only its source is: nothing in it is known to be
        early. Apart from the number of posts, of which a share is taken, no later post matters.
        """
        import numpy as np

        sizes = np.diff(columns.post_ptr)
        if self.shares is not None:
            share: float | NDArray[np.float64] = self.shares[0]
            if self.drawn:
                if rng is None:
                    raise ValueError(f"'{self.text}' is drawn, and there is no generator")
                share = rng.uniform(*self.shares, size=len(sizes))
            seen = np.ceil(sizes * share - 1e-9).astype(np.int64).clip(min=1)
            return np.where(columns.timed, seen, sizes)
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
        """Return what is observed of the cascades: later posts are not among them."""
        return first_posts(columns, self.cuts(columns))


def first_posts(columns: CascadeColumns, count: Index) -> CascadeColumns:
    """Cut cascades down to their first ``count`` (B,) posts, at least 1 of each."""
    import numpy as np

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


def parse_observation(text: str) -> Observation:
    """Read an observation.

    ``75%`` is a share of the posts and ``50%-100%`` one drawn from a range; ``30s``, ``10m``,
    ``1.5h`` and ``2d`` are times since the source, and ``0`` shows it alone; ``10p`` is the first
    ten posts; ``all`` is the whole cascade.
    """
    shares = _SHARES.fullmatch(text)
    if shares is None:
        return _parse(text, "observation", "a share as 75%, a range of shares as 50%-100%, ")
    low = float(shares[1]) / 100
    high = float(shares[2]) / 100 if shares[2] else low
    if not 0 < low <= high <= 1:
        raise UsageError(
            f"observation '{text}' is no share of a cascade",
            hint="write shares above 0% and up to 100%, the lower one first: 50%-100%",
        )
    return Observation(text, shares=(low, high))


def parse_deadlines(text: str) -> tuple[Observation, ...]:
    """Read deadlines with commas between them: times, numbers of posts, and ``all``."""
    found = tuple(_parse(part.strip(), "deadline") for part in text.split(","))
    named = [deadline.text for deadline in found]
    for name in named:
        if named.count(name) > 1:
            raise UsageError(f"deadline '{name}' is named twice", hint="name it once")
    return found


def _parse(text: str, what: str, shares: str = "") -> Observation:
    if text == EVERYTHING:
        return Observation(text)
    form = _FORM.fullmatch(text)
    if form is None:
        several = "" if shares else "; with commas between them: 0,10m,1h,all"
        raise UsageError(
            f"{what} '{text}' cannot be read",
            hint=f"write {shares}a time as 30s, 10m, 1.5h or 2d, a number of posts as 10p, or all"
            f"{several}",
        )
    posts, number, unit = form.groups()
    if posts:
        return Observation(text, posts=int(posts))
    if not unit and float(number):
        raise UsageError(
            f"{what} '{text}' has no unit",
            hint=f"write {text}s, {text}m, {text}h or {text}d, or {text}p for posts",
        )
    return Observation(text, seconds=float(number) * _SECONDS.get(unit, 1))
