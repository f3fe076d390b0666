"""Tests: configurations of one table paired over folds and seeds, and ranks over all folds.

Pairs are not independent: folds share most of what is trained on, and seeds of one fold share all
of it. Both tests of pairs therefore find too much rather than too little (Nadeau & Bengio, 2003,
https://doi.org/10.1023/A:1024068626366), and show nothing of other data sets.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from dgljoint.evaluation import comparison as paired
from dgljoint.evaluation.metrics import MIN_FOR_INTERVAL
from dgljoint_bench.reporting.rows import CONFIGURATION, NOISE, Row
from dgljoint_bench.reporting.titles import lower_is_better

ROPE = 0.01  # metrics that differ by no more are practically equal: a point of a percentage
DRAWS = 20_000  # a probability of so many has a standard error of 0.0035 at most

_MIN_FOR_FRIEDMAN = 3  # two sides are paired: Wilcoxon's test is theirs
_DIGITS = 12  # equal shares differ in their last ones
_NORMAL = 1.96  # standard deviations that hold 95 % of a normal distribution
_PRIOR = 0.5  # strength of a difference of 0: that of the paper's own program


@dataclass(frozen=True, slots=True)
class Ranks:
    """How several sides rank over blocks, best first."""

    names: tuple[str, ...]  # of the K sides, best first; equal ranks by name
    ranks: tuple[float, ...]  # averages; equal values of a block share the mean of their places
    blocks: int  # number of blocks
    # of Friedman's test that no side differs; `None` for fewer than three sides or two blocks
    friedman_p: float | None
    # of average ranks, at a level of 0.05, by Nemenyi's test; `None` for one side or one block
    critical_difference: float | None
    # the largest groups of two or more sides of which no two differ by the critical difference
    cliques: tuple[tuple[str, ...], ...]


def average_ranks(blocks: Mapping[str, Sequence[float]], *, lower_is_better: bool = False) -> Ranks:
    """Rank sides in every block and average.

    Friedman's test (1940, https://doi.org/10.1214/aoms/1177731944) is the one by chi-squared.
    Nemenyi's critical difference is q · sqrt(K (K + 1) / (6 N)) for K sides and N blocks, where q
    is the quantile of the studentized range of infinite degrees of freedom, divided by sqrt(2):
    Demšar, 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, section
    3.2.2, https://jmlr.org/papers/v7/demsar06a.html. Both take blocks for independent. Data sets
    are; folds of one data set share most of what they train on, so with them both find too much.
    """
    sides = sorted(blocks)
    count = len(blocks[sides[0]]) if sides else 0
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
    if sides < _MIN_FOR_FRIEDMAN or count < 2:
        return None
    if (table == table[:, :1]).all():  # the statistic is 0 / 0 where all are equal
        return 1.0
    return float(friedmanchisquare(*table.T).pvalue)


def _critical_difference(sides: int, count: int) -> float | None:
    if sides < 2 or count < 2:
        return None
    q = studentized_range.ppf(1 - paired.SIGNIFICANCE, sides, inf) / sqrt(2)
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


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probabilities that the second of two sides is worse, practically equal or better."""

    worse: float
    equal: float
    better: float


def signed_rank(
    differences: Sequence[float], *, rope: float = ROPE, draws: int = DRAWS, seed: int = 0
) -> Posterior:
    """Weigh paired differences against a region of practical equivalence.

    The Bayesian signed-rank test of Benavoli, Corani, Demšar & Zaffalon, 2017, "Time for a Change:
    a Tutorial for Comparing Multiple Classifiers Through Bayesian Analysis", JMLR 18,
    https://jmlr.org/papers/v18/16-305.html. A Dirichlet process with a prior of strength 0.5 on a
    difference of 0 gives the weights of the differences z; the mass of the means (z_i + z_j) / 2
    below, within and above the region is computed for every draw, and a probability is the share
    of draws in which that one is the largest.
    """
    z = np.concatenate(([0.0], np.asarray(differences, np.float64)))
    means = np.round(np.add.outer(z, z) / 2, _DIGITS)
    strengths = np.concatenate(([_PRIOR], np.ones(len(z) - 1)))
    weights = np.random.default_rng(seed).dirichlet(strengths, size=draws)
    regions = (means < -rope, abs(means) <= rope, means > rope)
    mass = np.stack(
        [((weights @ region.astype(np.float64)) * weights).sum(axis=1) for region in regions]
    )
    # Masses that are equal differ in their last digits; they share the draw.
    largest = np.round(mass, _DIGITS) == np.round(mass.max(axis=0), _DIGITS)
    worse, equal, better = (largest / largest.sum(axis=0)).mean(axis=1)
    return Posterior(float(worse), float(equal), float(better))


@dataclass(frozen=True, slots=True)
class AgainstReference:
    """One metric of one configuration compared with the reference."""

    configuration: str
    figure: str
    pairs: int  # folds and seeds that both have
    found: paired.Difference  # the differences, configuration - reference
    p: float | None  # `found.p` corrected by Holm for all configurations of the table and figure
    posterior: Posterior | None  # `None` for fewer pairs than an interval needs


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """How far a metric of one configuration moves when nothing but the seeds changes.

    ``floor`` is 1.96 standard errors of the mean difference, or the difference itself where that
    is larger: of that size are differences between configurations that are equal.
    """

    configuration: str  # the row with other seeds
    of: str  # the configuration that it repeats
    figure: str
    pairs: int
    found: paired.Difference  # the differences, with other seeds - with its own
    floor: float


@dataclass(frozen=True, slots=True)
class Best:
    """The configuration with the best mean of a figure."""

    figure: str
    configuration: str  # whose mean is the best
    # folds and seeds shared with each other configuration that has the figure
    pairs: tuple[int, ...]
    p: float | None  # the largest of all comparisons, corrected; `None` where one is not tested
    significant: bool  # whether it is better than every other, by that test


def against_reference(
    rows: Iterable[Row], reference: str, figure: str, *, rope: float = ROPE
) -> list[AgainstReference]:
    """Compare every other configuration with the reference, unless it trained the same."""
    given = list(rows)
    first = next((row for row in given if row.name == reference and figure in row.figures), None)
    if first is None:
        return []
    found = []
    for row in _having(given, figure):
        pairs = _pairs(first, row, figure)
        if row.name not in (first.name, first.same_as) and pairs:
            found.append((row.name, pairs, paired.compare_pairs(*_sides(pairs))))
    corrected = _corrected([difference.p for _, _, difference in found])
    return [
        AgainstReference(name, figure, len(pairs), difference, p, _posterior(pairs, figure, rope))
        for (name, pairs, difference), p in zip(found, corrected, strict=True)
    ]


def noise_floor(rows: Iterable[Row], configuration: str, figure: str) -> NoiseFloor | None:
    """Compare a configuration with itself under other seeds; ``None`` where one of both lacks."""
    having = {row.name: row for row in rows if figure in row.values}
    own = having.get(configuration)
    other = next((row for row in having.values() if row.kind == NOISE), None)
    pairs = _pairs(own, other, figure) if own and other else []
    if own is None or other is None or not pairs:
        return None
    found = paired.compare_pairs(*_sides(pairs))
    error = 0.0 if found.sd is None else _NORMAL * found.sd / sqrt(len(pairs))
    floor = max(abs(found.difference), error)
    return NoiseFloor(other.name, own.name, figure, len(pairs), found, floor)


def best_of(rows: Iterable[Row], figure: str, *, complete: bool = True) -> Best | None:
    """Find the configuration with the best mean; ``None`` where none has the figure."""
    sign = -1 if lower_is_better(figure) else 1
    having = _having(rows, figure)
    if not having:
        return None
    top = max(having, key=lambda row: sign * row.figures[figure].mean)  # the first of equals
    pairs = [_pairs(row, top, figure) for row in having if row is not top]
    found = [paired.compare_pairs(*_sides(some)) if some else None for some in pairs]
    p_values = [None if one is None else one.p for one in found]
    known = [p for p in p_values if p is not None]
    largest = max(paired.holm(known)) if known and len(known) == len(p_values) else None
    return Best(
        figure=figure,
        configuration=top.name,
        pairs=tuple(map(len, pairs)),
        p=largest,
        significant=complete and largest is not None and largest < paired.SIGNIFICANCE
        and all(one is not None and sign * one.difference > 0 for one in found),
    )


def _having(rows: Iterable[Row], figure: str) -> list[Row]:
    """Return the configurations that have a figure, each once under whatever names it has."""
    return [
        row for row in rows
        if row.kind == CONFIGURATION and figure in row.figures and not row.same_as
    ]


def _pairs(first: Row, second: Row, figure: str) -> list[tuple[float, float]]:
    # a date-matched AUC may exist of all folds together alone
    ours, theirs = first.values.get(figure, {}), second.values.get(figure, {})
    return [(ours[place], theirs[place]) for place in sorted(ours.keys() & theirs.keys())]


def _sides(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [one for one, _ in pairs], [other for _, other in pairs]


def _corrected(p_values: Sequence[float | None]) -> list[float | None]:
    known = iter(paired.holm([p for p in p_values if p is not None]))
    return [None if p is None else next(known) for p in p_values]


def _posterior(pairs: Sequence[tuple[float, float]], figure: str, rope: float) -> Posterior | None:
    if len(pairs) < MIN_FOR_INTERVAL:
        return None
    sign = -1 if lower_is_better(figure) else 1
    return signed_rank([sign * (other - one) for one, other in pairs], rope=rope)
