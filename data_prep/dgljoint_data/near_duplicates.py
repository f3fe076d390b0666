"""Texts that say the same in nearly the same words, found exactly and without comparing all.

Two texts are near-duplicates when the Jaccard similarity of their sets of words (links and
mentions aside) is at least nine tenths. Sets that similar must share one of their few rarest
words (the prefix filter of Chaudhuri, Ganti & Kaushik, 2006, and Bayardo, Ma & Srikant, 2007), so
an index of those words alone finds every pair; equal sets are compared once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dgljoint_data.features.tokens import URL, USER, tokenize

# As a fraction of integers: at the bound, floating point would decide by rounding.
_NUMERATOR, _DENOMINATOR = 9, 10

Ints = NDArray[np.int64]


def words_of(text: str) -> frozenset[str]:
    """Return what is compared of a text: its distinct words, without links and mentions."""
    return frozenset(tokenize(text)) - {URL, USER}


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Say whether two sets of words are near-duplicates."""
    common = len(one & other)
    return _DENOMINATOR * common >= _NUMERATOR * (len(one) + len(other) - common)


def near_duplicate_groups(texts: Sequence[str]) -> Ints:
    """Number C texts so that near-duplicates, directly or through others, get one number.

    A text without words is like no other.

    Returns:
        (C,) the position of the first text of each one's group.
    """
    first: dict[frozenset[str], int] = {}
    joined = Joined(len(texts))
    for place, text in enumerate(texts):
        words = words_of(text)
        if words:
            joined.join(place, first.setdefault(words, place))
    for one, other in _similar_pairs(list(first)):
        joined.join(first[one], first[other])
    return joined.groups()


def merge_groups(one: Sequence[int] | Ints, other: Sequence[int] | Ints) -> Ints:
    """Number C entries so that those with an equal number in either get one number.

    Returns:
        (C,) the position of the first entry of each one's group.
    """
    joined = Joined(len(one))
    for numbers in (one, other):
        first: dict[int, int] = {}
        for place, number in enumerate(np.asarray(numbers).tolist()):
            joined.join(place, first.setdefault(number, place))
    return joined.groups()


class Joined:
    """Entries 0 to ``count`` - 1, joined into groups pair by pair."""

    def __init__(self, count: int) -> None:
        self._leader = list(range(count))

    def join(self, one: int, other: int) -> None:
        """Put the groups of two entries together."""
        low, high = sorted((self._find(one), self._find(other)))
        self._leader[high] = low

    def groups(self) -> Ints:
        """Return the first entry of each entry's group."""
        found = (self._find(entry) for entry in range(len(self._leader)))
        return np.fromiter(found, np.int64, len(self._leader))

    def _find(self, entry: int) -> int:
        leader = self._leader
        while leader[entry] != entry:
            leader[entry] = leader[leader[entry]]
            entry = leader[entry]
        return entry


def _similar_pairs(
    sets: Iterable[frozenset[str]],
) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Yield every pair of near-duplicates among distinct, non-empty sets."""
    ordered = sorted(sets, key=len)
    frequency = Counter(word for words in ordered for word in words)
    index: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    for words in ordered:
        rarest_first = sorted(words, key=lambda word: (frequency[word], word))
        # So many words at least are common to a near-duplicate; any more than the rest are not.
        common = -(-_NUMERATOR * len(words) // _DENOMINATOR)
        prefix = rarest_first[: len(words) - common + 1]
        candidates = {other for word in prefix for other in index[word]}
        yield from ((words, other) for other in candidates if alike(words, other))
        for word in prefix:
            index[word].append(words)
