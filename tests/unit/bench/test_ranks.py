"""Average ranks, Friedman's test and Nemenyi's critical difference."""

from __future__ import annotations

import math

import pytest

from dgljoint_bench.reporting.statistics import average_ranks


def test_ranks_are_averaged_over_blocks_and_ties_share_their_places() -> None:
    found = average_ranks({"b": [0.9, 0.5, 0.7], "a": [0.8, 0.5, 0.6], "c": [0.1, 0.6, 0.6]})
    # By hand: block 1: b 1, a 2, c 3; block 2: c 1, a and b 2.5; block 3: b 1, a and c 2.5.
    assert found.names == ("b", "c", "a")
    assert found.ranks == pytest.approx((4.5 / 3, 6.5 / 3, 7 / 3))
    assert found.blocks == 3


def test_the_lowest_is_best_where_it_is_said() -> None:
    found = average_ranks({"a": [0.1, 0.2], "b": [0.3, 0.4]}, lower_is_better=True)
    assert found.names == ("a", "b")
    assert found.ranks == (1.0, 2.0)


def test_critical_difference_is_that_of_the_published_table() -> None:
    # Demšar 2006, section 3.2.2: four classifiers on 14 data sets, q = 2.569, CD = 1.25.
    blocks = {name: [float(place)] * 14 for place, name in enumerate("abcd")}
    found = average_ranks(blocks)
    assert found.critical_difference == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)


def test_friedman_statistic_is_that_worked_out_by_hand() -> None:
    # Ranks 1, 2, 3 in all of 4 blocks: chi-squared = 12 · 4 / (3 · 4) · (1 + 4 + 9 − 3 · 4) = 8
    # with 2 degrees of freedom, of which the upper tail is exp(−4).
    found = average_ranks({"a": [3.0] * 4, "b": [2.0] * 4, "c": [1.0] * 4})
    assert found.friedman_p == pytest.approx(math.exp(-4))


def test_cliques_are_the_largest_groups_within_the_critical_difference() -> None:
    # Four sides, 14 blocks: 1.254. Ranks 1, 2, 3, 4: only neighbours are that near.
    found = average_ranks({name: [-float(place)] * 14 for place, name in enumerate("abcd")})
    assert found.cliques == (("a", "b"), ("b", "c"), ("c", "d"))
    # With 2 blocks, 3.317: no two differ.
    few = average_ranks({name: [-float(place)] * 2 for place, name in enumerate("abcd")})
    assert few.cliques == (("a", "b", "c", "d"),)
    # With 40 blocks, 0.742: all differ.
    many = average_ranks({name: [-float(place)] * 40 for place, name in enumerate("abcd")})
    assert many.cliques == ()


def test_what_cannot_be_tested_is_not_tested() -> None:
    two = average_ranks({"a": [1.0, 2.0], "b": [0.0, 3.0]})
    assert two.friedman_p is None
    assert two.ranks == (1.5, 1.5)
    one = average_ranks({"a": [1.0], "b": [0.0], "c": [0.5]})
    assert (one.friedman_p, one.critical_difference, one.cliques) == (None, None, ())
    assert average_ranks({}).names == ()
    assert average_ranks({"a": []}).blocks == 0


def test_sides_that_never_differ_are_not_told_apart() -> None:
    same = [0.1 + 0.2, 0.5]
    found = average_ranks({"a": same, "b": [0.3, 0.5], "c": same})
    assert found.ranks == (2.0, 2.0, 2.0)
    assert found.friedman_p == 1.0
    assert found.cliques == (("a", "b", "c"),)
