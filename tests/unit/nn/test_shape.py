"""The numbers of a cascade's shape, against a reference that walks one tree at a time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.batch.shape import SHAPE_COLUMNS, shape
from dgljoint.data.cascade import Kind
from dgljoint.data.observation import Observation, first_posts
from dgljoint.data.store import CascadeColumns
from dgljoint.tasks.targets import targets_after

LOG_DAY = np.log1p(86_400)


def forest(rng: np.random.Generator, sizes: list[int], *, timed: bool = True) -> CascadeColumns:
    """Make random cascades: deep ones and wide ones, with posts at the same second."""
    parent, delay, kind = [], [], []
    for size in sizes:
        first, near = len(parent), int(rng.integers(1, max(size, 2)))
        times = np.sort(np.floor(rng.exponential(1.0, size) ** 4 * 900))
        for number in range(size):
            low = max(0, number - near) if rng.random() < 0.6 else 0
            parent.append(first + int(rng.integers(low, number)) if number else -1)
            delay.append(times[number] if number and timed else 0.0)
            kind.append(int(rng.integers(1, len(Kind))) if number else Kind.SOURCE)
    return CascadeColumns(
        index=np.arange(len(sizes)), post_ptr=np.cumsum([0, *sizes]),
        posts=np.arange(len(parent)), parent=np.array(parent, np.int64),
        delay_seconds=np.array(delay), kind=np.array(kind, np.uint8),
    )


def whole(columns: CascadeColumns) -> np.ndarray:
    return shape(columns, np.zeros(len(columns.posts), bool))


def days(seconds: float) -> float:
    return float(np.log1p(seconds) / LOG_DAY)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(np.floor(share * (len(values) - 1) + 0.5))] if values else 0.0


def part(some: float, all_: float) -> float:
    return some / all_ if all_ > 0 else 0.0


def mean(values: list[float]) -> float:
    return part(sum(values), len(values))


def reference(parent: list[int], delay: list[float], kind: list[int]) -> dict[str, float]:
    """Compute the numbers of one cascade, post by post."""
    size, below, answers = len(parent), list(range(1, len(parent))), {}
    depth, members = [0] * size, [1] * size
    children = [sum(other == post for other in parent) for post in range(size)]
    for post in below:
        above = post
        while above > 0:
            above = parent[above]
            depth[post] += 1
            members[above] += 1
    count, direct = len(below), [post for post in below if depth[post] == 1]
    answered = [post for post in below if children[post]]
    found = {
        "posts": np.log1p(count), "answered": np.log1p(len(answered)),
        "share answered": part(len(answered), count), "leaves": np.log1p(count - len(answered)),
        "direct": np.log1p(len(direct)), "share direct": part(len(direct), count),
    }
    names = {"replies": Kind.REPLY, "retweets": Kind.RETWEET, "quotes": Kind.QUOTE}
    for name, number in names.items():
        answers[name] = [post for post in below if kind[post] == number]
        found[name] = np.log1p(len(answers[name]))
        found[f"share of {name}"] = part(len(answers[name]), count)
        both = set(answers[name]) & set(direct)
        found[f"share of {name} that are direct"] = part(len(both), len(answers[name]))
    found |= tree(below, depth, children, members)
    found |= times(below, depth, parent, delay, answers)
    return found | pace([delay[post] for post in below], depth, kind)


def tree(below: list[int], depth: list[int], children: list[int], size: list[int]) -> dict:
    count = len(below)
    depths = [float(depth[post]) for post in below]
    widths = [sum(min(d, 5) == level for d in depths) for level in range(1, 6)]
    found = {
        "depth": np.log1p(max(depths, default=0)), "mean depth": mean(depths),
        "deviation of depth": np.std(depths) if depths else 0, "width": np.log1p(max(widths)),
    }
    for level in range(2, 6):
        found[f"posts of depth {level}"] = np.log1p(widths[level - 1])
        found[f"share of depth {level}"] = part(widths[level - 1], count)
    most = sorted((children[post] for post in below), reverse=True)
    for rank in (1, 2, 3):
        # Of fewer replies than that the least answered one.
        value = most[min(rank, len(most)) - 1] if most else 0
        found[f"answers to a reply, rank {rank}"] = np.log1p(value)
    shares = [part(number, count) for number in children]
    found["concentration of answers"] = sum(share**2 for share in shares)
    found["entropy of answers"] = -sum(share * np.log(share) for share in shares if share)
    largest = max((size[post] for post in below if depth[post] == 1), default=0)
    found["largest branch"] = np.log1p(largest)
    found["share of largest branch"] = part(largest, count)
    pairs = (count + 1) * count / 2
    found["mean distance"] = part(sum(size[p] * (count + 1 - size[p]) for p in below), pairs)
    return found


def times(
    below: list[int], depth: list[int], parent: list[int], delay: list[float],
    answers: dict[str, list[int]],
) -> dict[str, float]:
    found = {}
    for share in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0):
        found[f"delay, quantile {share}"] = days(quantile([delay[p] for p in below], share))
    for name in ("replies", "retweets"):
        for share in (0.0, 0.5, 1.0):
            value = quantile([delay[post] for post in answers[name]], share)
            found[f"delay of {name}, quantile {share}"] = days(value)
    for name, hours in {
        "1 min": 1 / 60, "5 min": 1 / 12, "15 min": 1 / 4, "1 h": 1, "3 h": 3, "6 h": 6,
        "12 h": 12, "1 d": 24, "3 d": 72, "10 d": 240,
    }.items():
        within = sum(delay[post] <= hours * 3600 + 1e-6 for post in below)
        found[f"posts within {name}"] = np.log1p(within)
    for number in (1, 2, 5, 10, 20, 50, 100, 200):
        value = delay[below[min(number, len(below)) - 1]] if below else 0.0
        found[f"delay of post {number}"] = days(value)
    for level in (2, 3):
        value = min((delay[post] for post in below if depth[post] == level), default=0.0)
        found[f"delay of the first at depth {level}"] = days(value)
    waits = [delay[post] - delay[parent[post]] for post in below if depth[post] > 1]
    for share in (0.1, 0.5, 0.9):
        found[f"wait for an answer, quantile {share}"] = days(quantile(waits, share))
    return found


def pace(delay: list[float], depth: list[int], kind: list[int]) -> dict[str, float]:
    count, last = len(delay), delay[-1] if delay else 0.0
    gaps = [right - left for left, right in pairwise([0.0, *delay])]
    found = {}
    for share in (0.1, 0.25, 0.5, 0.75, 0.9, 1.0):
        found[f"gap, quantile {share}"] = days(quantile(gaps, share))
    middle, spread = mean(gaps), float(np.std(gaps)) if gaps else 0.0
    found["burstiness"] = part(spread - middle, spread + middle)
    logs = [days(gap) for gap in gaps]
    found["deviation of log gaps"] = float(np.std(logs)) if logs else 0.0
    left, right = np.array(logs[:-1]), np.array(logs[1:])
    varies = len(left) > 0 and left.std() * right.std() > 1e-12
    found["memory of gaps"] = float(np.corrcoef(left, right)[0, 1]) if varies else 0.0
    life = max(last, 1.0)
    found["share in the first tenth of the time"] = part(sum(t <= 0.1 * life for t in delay), count)
    found["share in the first half of the time"] = part(sum(t <= 0.5 * life for t in delay), count)
    found["share in the last tenth of the time"] = part(sum(t > 0.9 * life for t in delay), count)
    found["median delay by the last"] = part(quantile(delay, 0.5), last)
    groups = {
        "replies": [n for n in range(count) if kind[n + 1] == Kind.REPLY],
        "deep posts": [n for n in range(count) if depth[n + 1] > 1],
    }
    early = [n for n in range(count) if n < count / 4]
    for name, places in groups.items():
        found[f"mean place of {name}"] = mean([n / count for n in places])
        found[f"share of {name} in the first quarter"] = part(
            len(set(early) & set(places)), len(early)
        )
    return found


@given(st.integers(0, 2**32 - 1))
def test_the_numbers_are_those_of_a_walk_through_each_tree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = forest(rng, [1, 2, 3, *rng.integers(4, 60, 4).tolist()])
    for number, row in enumerate(whole(columns)):
        posts = slice(*columns.post_ptr[number : number + 2].tolist())
        parent = [-1, *(columns.parent[posts][1:] - posts.start).tolist()]
        expected = reference(
            parent, columns.delay_seconds[posts].tolist(), columns.kind[posts].tolist()
        )
        assert set(expected) == set(SHAPE_COLUMNS)
        for name, value in zip(SHAPE_COLUMNS, row, strict=True):
            assert value == pytest.approx(expected[name], abs=2e-5), name


@given(st.integers(0, 2**32 - 1))
def test_a_shape_does_not_depend_on_the_other_cascades(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, 5).tolist()
    columns = forest(rng, sizes)
    together = whole(columns)
    for number in range(5):
        posts = slice(*columns.post_ptr[number : number + 2].tolist())
        parent = columns.parent[posts] - posts.start
        parent[0] = -1
        alone = replace(
            columns, index=np.array([0]), post_ptr=np.array([0, sizes[number]]),
            posts=columns.posts[posts], parent=parent,
            delay_seconds=columns.delay_seconds[posts], kind=columns.kind[posts],
        )
        np.testing.assert_array_equal(whole(alone)[0], together[number])


@given(st.integers(0, 2**32 - 1))
def test_nothing_after_the_cut_reaches_a_shape(seed: int) -> None:
    """Posts after it may have any parents, times and kinds, or not exist."""
    rng = np.random.default_rng(seed)
    columns = forest(rng, rng.integers(2, 30, 5).tolist())
    cut = Observation("20%-100%", shares=(0.2, 1.0)).cuts(columns, rng)
    hidden = targets_after(columns, cut).hidden
    shapes = shape(columns, hidden)
    np.testing.assert_array_equal(shapes, whole(first_posts(columns, cut)))
    first = columns.post_ptr[:-1][columns.cascade_of]
    other = replace(
        columns,
        parent=np.where(hidden, first, columns.parent),
        delay_seconds=np.where(hidden, columns.delay_seconds * 3 + 7, columns.delay_seconds),
        kind=np.where(hidden, Kind.QUOTE, columns.kind).astype(np.uint8),
    )
    np.testing.assert_array_equal(shapes, shape(other, hidden))


def test_cascades_without_times_or_without_answers_have_a_shape() -> None:
    rng = np.random.default_rng(0)
    untimed = whole(forest(rng, [1, 2, 40], timed=False))
    assert np.isfinite(untimed).all()
    assert not untimed[0].any(), "of a source alone every number is 0"
    timing = [n for n, name in enumerate(SHAPE_COLUMNS) if "delay" in name or "gap" in name]
    assert not untimed[:, timing].any()
    assert whole(forest(rng, [])).shape == (0, len(SHAPE_COLUMNS))
