"""Configurations of one table compared, paired over folds and seeds.

Pairs are not independent: folds share most of what is trained on, and seeds of one fold share all
of it. Both tests below therefore find too much rather than too little (Nadeau & Bengio, 2003,
https://doi.org/10.1023/A:1024068626366), and show nothing of other data sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dgljoint.evaluation.comparison import (
    MIN_FOR_INTERVAL,
    SIGNIFICANCE,
    Difference,
    compare_pairs,
    holm,
)
from dgljoint_bench.reporting.rank_tests import ROPE, Posterior, signed_rank
from dgljoint_bench.reporting.rows import CONFIGURATION, Row
from dgljoint_bench.reporting.titles import lower_is_better


@dataclass(frozen=True, slots=True)
class AgainstReference:
    """One metric of one configuration compared with the reference."""

    configuration: str
    figure: str
    pairs: int  # folds and seeds that both have
    found: Difference  # the differences, configuration - reference
    p: float | None  # `found.p` corrected by Holm for all configurations of the table and figure
    # how likely the configuration is worse, practically equal or better; `None` for fewer pairs
    # than an interval needs
    posterior: Posterior | None


@dataclass(frozen=True, slots=True)
class Best:
    """The configuration with the best mean of a figure."""

    figure: str
    configuration: str  # whose mean is the best
    # folds and seeds shared with each other configuration that has the figure
    pairs: tuple[int, ...]
    # the largest of the p-values, corrected by Holm, of all comparisons with the others; `None`
    # where one of them has too few pairs for a test, or there is none
    p: float | None
    significant: bool  # whether it is better than every other, by that test


def against_reference(
    rows: Iterable[Row], reference: str, figure: str, *, rope: float = ROPE
) -> list[AgainstReference]:
    """Compare every other configuration with the reference."""
    having = _having(rows, figure)
    first = next((row for row in having if row.name == reference), None)
    if first is None:
        return []
    found = []
    for row in having:
        pairs = _pairs(first, row, figure)
        if row is not first and pairs:
            found.append((row.name, pairs, compare_pairs(*_sides(pairs))))
    corrected = _corrected([difference.p for _, _, difference in found])
    return [
        AgainstReference(name, figure, len(pairs), difference, p, _posterior(pairs, figure, rope))
        for (name, pairs, difference), p in zip(found, corrected, strict=True)
    ]


def best_of(rows: Iterable[Row], figure: str, *, complete: bool = True) -> Best | None:
    """Find the configuration with the best mean, and whether it is better than every other.

    Returns:
        ``None`` where no configuration has the figure.
    """
    sign = -1 if lower_is_better(figure) else 1
    having = _having(rows, figure)
    if not having:
        return None
    top = max(having, key=lambda row: sign * row.figures[figure].mean)  # the first of equals
    pairs = [_pairs(row, top, figure) for row in having if row is not top]
    found = [compare_pairs(*_sides(some)) if some else None for some in pairs]
    p_values = [None if one is None else one.p for one in found]
    known = [p for p in p_values if p is not None]
    largest = max(holm(known)) if known and len(known) == len(p_values) else None
    return Best(
        figure=figure,
        configuration=top.name,
        pairs=tuple(map(len, pairs)),
        p=largest,
        significant=complete and largest is not None and largest < SIGNIFICANCE
        and all(one is not None and sign * one.difference > 0 for one in found),
    )


def _having(rows: Iterable[Row], figure: str) -> list[Row]:
    return [row for row in rows if row.kind == CONFIGURATION and figure in row.figures]


def _pairs(first: Row, second: Row, figure: str) -> list[tuple[float, float]]:
    ours, theirs = first.values[figure], second.values[figure]
    return [(ours[place], theirs[place]) for place in sorted(ours.keys() & theirs.keys())]


def _sides(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [one for one, _ in pairs], [other for _, other in pairs]


def _corrected(p_values: Sequence[float | None]) -> list[float | None]:
    known = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(known) for p in p_values]


def _posterior(pairs: Sequence[tuple[float, float]], figure: str, rope: float) -> Posterior | None:
    if len(pairs) < MIN_FOR_INTERVAL:
        return None
    sign = -1 if lower_is_better(figure) else 1
    return signed_rank([sign * (other - one) for one, other in pairs], rope=rope)
