"""Near-duplicate texts: what comparing all pairs finds, in less time."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint_data.near_duplicates import alike, merge_groups, near_duplicate_groups, words_of

ALPHABET = [f"word{number}" for number in range(14)]


def brute_force(texts: list[str]) -> list[int]:
    """Compare all pairs and join until nothing changes."""
    sets = [words_of(text) for text in texts]
    group = list(range(len(texts)))
    pairs = [
        (a, b) for a, b in combinations(range(len(texts)), 2)
        if sets[a] and sets[b] and alike(sets[a], sets[b])
    ]
    for _ in texts:
        for a, b in pairs:
            group[a] = group[b] = min(group[a], group[b])
    return group


# Nearly whole alphabets: most pairs are close to the bound.
close_texts = st.lists(
    st.sets(st.sampled_from(ALPHABET), max_size=4).map(
        lambda missing: " ".join(word for word in ALPHABET if word not in missing)
    ),
    max_size=12,
)
any_texts = st.lists(
    st.lists(st.sampled_from(ALPHABET), max_size=12).map(" ".join), max_size=15
)


@given(st.one_of(close_texts, any_texts))
def test_the_groups_are_those_of_comparing_all_pairs(texts: list[str]) -> None:
    assert near_duplicate_groups(texts).tolist() == brute_force(texts)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("RT @a: Boy found ALIVE http://t.co/x", "boy found alive, rt @b", True),
        ("a1 b1 c1 d1 e1 f1 g1 h1 i1 j1", "a1 b1 c1 d1 e1 f1 g1 h1 i1", True),  # 9 of 10
        ("a1 b1 c1 d1 e1 f1 g1 h1 i1", "a1 b1 c1 d1 e1 f1 g1 h1", False),  # 8 of 9
        ("", "", False),
        ("http://a.b", "@someone", False),
    ],
)
def test_the_bound_and_what_counts_as_a_word(one: str, other: str, same: bool) -> None:
    first, second = near_duplicate_groups([one, other])
    assert (first == second) == same


def test_many_equal_and_many_different_texts_take_no_quadratic_time() -> None:
    rng = np.random.default_rng(0)
    texts = ["the same words every time"] * 20_000
    texts += [" ".join(f"w{n}" for n in rng.integers(0, 5000, 12)) for _ in range(20_000)]
    started = time.perf_counter()
    groups = near_duplicate_groups(texts)
    # Comparing all pairs of the different ones alone takes minutes.
    assert time.perf_counter() - started < 10
    assert (groups[:20_000] == 0).all()


def test_groupings_are_merged_through_one_another() -> None:
    assert merge_groups([5, 5, 7, 8, 9], [0, 1, 1, 2, 3]).tolist() == [0, 0, 0, 3, 4]
