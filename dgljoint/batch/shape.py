"""The shape of a cascade: some 80 numbers of its observed tree and of its times.

Counts are logarithms, and so are times, on a scale where a day is 1. What a cascade does not have,
as the gap between two posts where there is one, is 0. A cascade's numbers depend on its observed
posts alone: on none that is hidden, and on no other cascade, to the last bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.batch.trees import places
from dgljoint.data.cascade import Kind
from dgljoint.data.store import CascadeColumns

Index = NDArray[np.int64]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]
Named = Iterator[tuple[str, Numbers]]

_LOG_DAY = float(np.log1p(86_400))
_KINDS = {"replies": Kind.REPLY, "retweets": Kind.RETWEET, "quotes": Kind.QUOTE}
_DEEPEST = 5  # posts of this depth and of any greater one are counted together
_SPANS = {
    "1 min": 60, "5 min": 300, "15 min": 900, "1 h": 3600, "3 h": 10_800, "6 h": 21_600,
    "12 h": 43_200, "1 d": 86_400, "3 d": 259_200, "10 d": 864_000,
}
_ORDINALS = (1, 2, 5, 10, 20, 50, 100, 200)
_QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
_FEW_QUANTILES = (0.0, 0.5, 1.0)
# A day of which nothing more is known has less than a second; no share of less is taken.
_SECOND = 1.0


def _share(part: Numbers, whole: Numbers) -> Numbers:
    """Divide (B,) by (B,), 0 by 0 being 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _log_days(seconds: Numbers) -> Numbers:
    # Not below 0, which batches of posts out of order, as a check makes them, would have.
    return np.log1p(np.maximum(seconds, 0)) / _LOG_DAY


class _Groups:
    """Values (K,) of some posts, taken together by the cascades (B,) that the posts are of.

    ``cascade`` (K,) is the cascade of each post, ascending.
    """

    def __init__(self, cascade: Index, cascades: int) -> None:
        self.cascade, self.cascades = cascade, cascades
        self.posts = np.bincount(cascade, minlength=cascades)
        self.count = self.posts.astype(np.float64)
        self._first = self.posts.cumsum() - self.posts

    def select(self, which: Mask) -> "_Groups":
        return _Groups(self.cascade[which], self.cascades)

    def sum(self, values: NDArray[np.generic]) -> Numbers:
        return np.bincount(self.cascade, values, self.cascades).astype(np.float64, copy=False)

    def mean(self, values: Numbers) -> Numbers:
        return _share(self.sum(values), self.count)

    def deviation(self, values: Numbers) -> Numbers:
        mean = self.mean(values)
        return np.sqrt(np.maximum(self.mean(values * values) - mean * mean, 0))

    def ordered(self, values: Numbers) -> Numbers:
        """Sort the values of each cascade."""
        return values[np.lexsort((values, self.cascade))]

    def at(self, ordered: Numbers, place: Index) -> Numbers:
        """Return value number ``place`` (B,) of each, the nearest there is, 0 of none."""
        found = np.zeros(self.cascades)
        some = self.posts > 0
        nearest = self._first + np.clip(place, 0, self.posts - 1)
        found[some] = ordered[nearest[some]]
        return found

    def quantile(self, ordered: Numbers, share: float) -> Numbers:
        """Return the value at ``share`` of each, the nearest in rank."""
        return self.at(ordered, np.floor(share * (self.posts - 1) + 0.5).astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """The K observed posts below the sources of B cascades; ``of`` has the cascade of each."""

    of: _Groups
    kind: NDArray[np.uint8]
    delay: Numbers  # seconds since the source, ascending in each cascade
    gap: Numbers  # seconds since the post before
    wait: Numbers  # seconds since the parent
    depth: Index  # 1 and more
    children: Numbers
    size: Numbers  # posts of the subtree, the post included
    direct: Numbers  # (B,) answers to the source


def _answers(columns: CascadeColumns, hidden: Mask) -> _Answers:
    parent = np.where(hidden, -1, columns.parent)
    depth, children, below = places(parent)
    seen = np.flatnonzero(~hidden)
    below_another = parent[seen] >= 0
    post, delay = seen[below_another], columns.delay_seconds
    return _Answers(
        of=_Groups(columns.cascade_of[post], len(columns.index)),
        kind=columns.kind[post], delay=delay[post],
        gap=np.diff(delay[seen], prepend=0.0)[below_another],
        wait=delay[post] - delay[parent[post]],
        depth=depth[post], children=children[post], size=below[post] + 1,
        direct=children[columns.post_ptr[:-1]],
    )


def _counts(answers: _Answers) -> Named:
    """Count posts, by kind and by what they answer."""
    of, direct = answers.of, answers.depth == 1
    yield "posts", np.log1p(of.count)
    for name, kind in _KINDS.items():
        which = answers.kind == kind
        count = of.sum(which)
        yield name, np.log1p(count)
        yield f"share of {name}", _share(count, of.count)
        yield f"share of {name} that are direct", _share(of.sum(which & direct), count)
    answered = of.sum(answers.children > 0)
    yield "answered", np.log1p(answered)
    yield "share answered", _share(answered, of.count)
    yield "leaves", np.log1p(of.count - answered)
    yield "direct", np.log1p(answers.direct)
    yield "share direct", _share(answers.direct, of.count)


def _tree(answers: _Answers) -> Named:
    """Measure depth, width, and how unequally answers are divided."""
    of, depth = answers.of, answers.depth.astype(np.float64)
    yield "depth", np.log1p(of.quantile(of.ordered(depth), 1.0))
    yield "mean depth", of.mean(depth)
    yield "deviation of depth", of.deviation(depth)
    level = np.minimum(answers.depth, _DEEPEST)
    widths = [of.sum(level == number) for number in range(1, _DEEPEST + 1)]
    yield "width", np.log1p(np.max(widths, axis=0))
    for number, width in enumerate(widths[1:], 2):
        yield f"posts of depth {number}", np.log1p(width)
        yield f"share of depth {number}", _share(width, of.count)
    most = of.ordered(answers.children)
    for back in (1, 2, 3):
        yield f"answers to a reply, rank {back}", np.log1p(of.at(most, of.posts - back))
    total = np.maximum(of.count, 1)
    shares, source = answers.children / total[of.cascade], answers.direct / total
    yield "concentration of answers", of.sum(shares * shares) + source * source
    yield "entropy of answers", of.sum(_surprise(shares)) + _surprise(source)
    branch = of.ordered(np.where(answers.depth == 1, answers.size, 0))
    largest = of.quantile(branch, 1.0)
    yield "largest branch", np.log1p(largest)
    yield "share of largest branch", _share(largest, of.count)
    # Structural virality (Goel et al., 2016): the mean distance of two posts. An edge is on the
    # path of the pairs that it parts.
    rest = (of.count + 1)[of.cascade] - answers.size
    pairs = of.count * (of.count + 1) / 2
    yield "mean distance", _share(of.sum(answers.size * rest), pairs)


def _surprise(share: Numbers) -> Numbers:
    return -share * np.log(np.maximum(share, np.finfo(float).tiny))


def _times(answers: _Answers) -> Named:
    """Measure when posts arrived."""
    of, delay = answers.of, answers.delay
    for share in _QUANTILES:
        yield f"delay, quantile {share}", _log_days(of.quantile(delay, share))
    for name in ("replies", "retweets"):
        which = answers.kind == _KINDS[name]
        some = of.select(which)
        for share in _FEW_QUANTILES:
            found = some.quantile(delay[which], share)
            yield f"delay of {name}, quantile {share}", _log_days(found)
    for name, seconds in _SPANS.items():
        yield f"posts within {name}", np.log1p(of.sum(delay <= seconds))
    for number in _ORDINALS:
        found = of.at(delay, np.full(of.cascades, number - 1))
        yield f"delay of post {number}", _log_days(found)
    for depth in (2, 3):
        which = answers.depth == depth
        found = of.select(which).quantile(delay[which], 0.0)
        yield f"delay of the first at depth {depth}", _log_days(found)
    which = answers.depth > 1
    some = of.select(which)
    waits = some.ordered(answers.wait[which])
    for share in (0.1, 0.5, 0.9):
        yield f"wait for an answer, quantile {share}", _log_days(some.quantile(waits, share))


def _pace(answers: _Answers) -> Named:
    """Measure how regular arrivals were, and in which part of the time they came."""
    of, delay, gap = answers.of, answers.delay, answers.gap
    ordered = of.ordered(gap)
    for share in (0.1, 0.25, 0.5, 0.75, 0.9, 1.0):
        yield f"gap, quantile {share}", _log_days(of.quantile(ordered, share))
    # Burstiness and memory of Goh & Barabási (2008), arXiv physics/0610233.
    mean, deviation = of.mean(gap), of.deviation(gap)
    yield "burstiness", _share(deviation - mean, deviation + mean)
    logs = _log_days(gap)
    yield "deviation of log gaps", of.deviation(logs)
    follows = np.zeros(len(logs), np.bool_)
    follows[1:] = of.cascade[1:] == of.cascade[:-1]
    next_ = np.flatnonzero(follows)
    some = of.select(follows)
    left, right = logs[next_ - 1], logs[next_]
    shared = some.mean(left * right) - some.mean(left) * some.mean(right)
    spread = some.deviation(left) * some.deviation(right)
    yield "memory of gaps", np.clip(_share(shared, spread), -1, 1)
    last = of.quantile(delay, 1.0)
    life = np.maximum(last, _SECOND)[of.cascade]
    for name, which in {
        "first tenth": delay <= 0.1 * life, "first half": delay <= 0.5 * life,
        "last tenth": delay > 0.9 * life,
    }.items():
        yield f"share in the {name} of the time", _share(of.sum(which), of.count)
    yield "median delay by the last", _share(of.quantile(delay, 0.5), last)


def _order(answers: _Answers) -> Named:
    """Measure whether replies and deep posts came early in the order of arrival."""
    of = answers.of
    number = np.arange(len(of.cascade)) - (of.posts.cumsum() - of.posts)[of.cascade]
    place = number / np.maximum(of.count, 1)[of.cascade]
    reply, deep = answers.kind == Kind.REPLY, answers.depth > 1
    for name, which in {"replies": reply, "deep posts": deep}.items():
        yield f"mean place of {name}", of.select(which).mean(place[which])
    early = place < 1 / 4
    first = of.sum(early)
    for name, which in {"replies": reply, "deep posts": deep}.items():
        yield f"share of {name} in the first quarter", _share(of.sum(early & which), first)


def _numbers(columns: CascadeColumns, hidden: Mask) -> Named:
    answers = _answers(columns, hidden)
    for part in (_counts, _tree, _times, _pace, _order):
        yield from part(answers)


def shape(columns: CascadeColumns, hidden: Mask) -> NDArray[np.float32]:
    """Return the (B, F) numbers of the cascades, of which the edges ``hidden`` (N,) are not seen.

    The source's fan-out, depths, widths and times are those of posts whose edge is seen.
    """
    return np.stack([values for _, values in _numbers(columns, hidden)], 1).astype(np.float32)


def _names() -> tuple[str, ...]:
    none = np.empty(0, np.int64)
    nothing = CascadeColumns(
        index=none, post_ptr=np.zeros(1, np.int64), posts=none, parent=none,
        delay_seconds=np.empty(0), kind=np.empty(0, np.uint8),
    )
    return tuple(name for name, _ in _numbers(nothing, np.empty(0, np.bool_)))


SHAPE_COLUMNS = _names()
