"""Average ranks of several ways of training over several data sets or folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from dgljoint.evaluation.comparison import SIGNIFICANCE

MIN_FOR_FRIEDMAN = 3
"""Two sides are paired: Wilcoxon's test is theirs."""
# Equal shares differ in their last digits.
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Ranks:
    """How several sides rank over blocks, best first.

    Attributes:
        names: of the K sides, best first; equal ranks by name.
        ranks: average rank of each, 1 for one that is best in every block; equal values share
            the mean of their places.
        blocks: number of blocks.
        friedman_p: of Friedman's test that no side differs; ``None`` for fewer than three sides
            or two blocks.
        critical_difference: of average ranks, at a level of 0.05, by Nemenyi's test; ``None`` for
            one side or none, and where there is one block.
        cliques: sides, best first, of which no two differ by the critical difference; the largest
            such groups of two or more.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    blocks: int
    friedman_p: float | None
    critical_difference: float | None
    cliques: tuple[tuple[str, ...], ...]


def average_ranks(blocks: Mapping[str, Sequence[float]], *, lower_is_better: bool = False) -> Ranks:
    """Rank sides in every block and average.

    Friedman's test (1940, https://doi.org/10.1214/aoms/1177731944) is the one by chi-squared.
    Nemenyi's critical difference is q · sqrt(K (K + 1) / (6 N)) for K sides and N blocks, where q
    is the quantile of the studentized range of infinite degrees of freedom by sqrt(2): Demšar,
    2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, section 3.2.2,
    https://jmlr.org/papers/v7/demsar06a.html. Both take blocks for independent. Data sets are;
    folds of one data set share most of what they train on, so with them both find too much.

    Args:
        blocks: by side, its figure in each of the N blocks, in one order of blocks for all.
        lower_is_better: whether the lowest figure of a block has rank 1.

    Raises:
        ValueError: sides have different numbers of blocks.
    """
    sides = sorted(blocks)
    counts = {len(blocks[name]) for name in sides}
    if len(counts) > 1:
        raise ValueError(f"sides have different numbers of blocks: {sorted(counts)}")
    count = counts.pop() if counts else 0
    if not count:
        return Ranks((), (), 0, None, None, ())
    table = np.round(np.array([blocks[name] for name in sides], np.float64).T, _DIGITS)  # (N, K)
    placed = rankdata(table if lower_is_better else -table, axis=1).mean(axis=0)
    order = sorted(range(len(sides)), key=lambda side: (placed[side], sides[side]))
    names = tuple(sides[side] for side in order)
    ranks = tuple(float(placed[side]) for side in order)
    difference = _critical_difference(len(sides), count)
    return Ranks(
        names, ranks, count, _friedman(table), difference, _cliques(names, ranks, difference)
    )


def _friedman(table: NDArray[np.float64]) -> float | None:
    count, sides = table.shape
    if sides < MIN_FOR_FRIEDMAN or count < 2:
        return None
    if (table == table[:, :1]).all():  # the statistic is 0 / 0 where all are equal
        return 1.0
    return float(friedmanchisquare(*table.T).pvalue)


def _critical_difference(sides: int, count: int) -> float | None:
    if sides < 2 or count < 2:
        return None
    q = studentized_range.ppf(1 - SIGNIFICANCE, sides, inf) / sqrt(2)
    return float(q * sqrt(sides * (sides + 1) / (6 * count)))


def _cliques(
    names: tuple[str, ...], ranks: tuple[float, ...], difference: float | None
) -> tuple[tuple[str, ...], ...]:
    if difference is None:
        return ()
    found: list[tuple[str, ...]] = []
    reached = 0
    for first in range(len(names)):
        last = max(place for place, rank in enumerate(ranks) if rank - ranks[first] < difference)
        # One that ends where an earlier one does is a part of it.
        if last > first and last >= reached:
            found.append(names[first : last + 1])
            reached = last + 1
    return tuple(found)
