"""Texts that say the same in nearly the same words, found exactly and without comparing all.

Two texts are near-duplicates when the Jaccard similarity of their sets of words (links and
mentions aside) is at least nine tenths. Two sets of up to eighteen words are that similar only
when they are equal or when one lacks a single word of the other, which is looked up. Longer ones
must share several of their few rarest words (the prefix filter of Chaudhuri, Ganti & Kaushik,
2006, and Bayardo, Ma & Srikant, 2007, with prefixes as long as Wang, Li & Feng, 2012, make them),
so only sets with such a combination in common are compared.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint_data.features.tokens import URL, USER, tokenize

_WORD_BYTES = array("i").itemsize

# As a fraction of integers: at the bound, floating point would decide by rounding.
_NUMERATOR, _DENOMINATOR = 9, 10

# Of two different sets, the larger of up to this many words, none differ by more than one word.
_LOOKED_UP = 18
# The others, by the size of a pair's larger set: the sizes that both are of, and how many words
# of their prefixes they share at least. The more, the fewer comparisons, but the more combinations.
_BANDS = ((18, 40, 3), (36, 200, 2), (180, None, 1))

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Which of C texts are alike: each one's number is the position of the first of its group.

    Attributes:
        equal: (C,) texts of the same words.
        near: (C,) near-duplicates, directly or through others.
    """

    equal: Ints
    near: Ints


def words_of(text: str) -> frozenset[str]:
    """Return what is compared of a text: its distinct words, without links and mentions."""
    return frozenset(tokenize(text)) - {URL, USER}


def alike(one: Set[Any], other: Set[Any]) -> bool:
    """Say whether two sets of words are near-duplicates."""
    common = len(one & other)
    return _DENOMINATOR * common >= _NUMERATOR * (len(one) + len(other) - common)


def near_duplicate_groups(texts: Sequence[str]) -> Ints:
    """Number C texts so that near-duplicates, directly or through others, get one number.

    A text without words is like no other.

    Returns:
        (C,) the position of the first text of each one's group.
    """
    return compare_texts(texts).near


def compare_texts(texts: Sequence[str]) -> Likeness:
    """Group C texts; one without words is like no other."""
    numbers: dict[str, int] = {}
    # The numbers of its words in order, four bytes each, are a set of words: they can be a key,
    # and take a tenth of a set's memory.
    first: dict[bytes, int] = {}
    equal = np.arange(len(texts))
    for place, text in enumerate(texts):
        words = sorted(numbers.setdefault(word, len(numbers)) for word in words_of(text))
        if words:
            equal[place] = first.setdefault(array("i", words).tobytes(), place)
    near = Joined(len(texts))
    for place, leader in enumerate(equal.tolist()):
        near.join(place, leader)
    _join_looked_up(first, near)
    for low, high, shared in _BANDS:
        limit = len(numbers) + 1 if high is None else high
        band = [key for key in first if low <= _size(key) < limit]
        if len(band) > 1:
            _join_compared(band, shared, first, near)
    return Likeness(equal, near.groups())


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
        low, high = sorted((self.find(one), self.find(other)))
        self._leader[high] = low

    def groups(self) -> Ints:
        """Return the first entry of each entry's group."""
        found = (self.find(entry) for entry in range(len(self._leader)))
        return np.fromiter(found, np.int64, len(self._leader))

    def find(self, entry: int) -> int:
        """Return the first entry of an entry's group."""
        leader = self._leader
        while leader[entry] != entry:
            leader[entry] = leader[leader[entry]]
            entry = leader[entry]
        return entry


def _size(key: bytes) -> int:
    return len(key) // _WORD_BYTES


def _words(key: bytes) -> list[int]:
    return array("i", key).tolist()


def _join_looked_up(first: Mapping[bytes, int], near: Joined) -> None:
    """Join sets with those of their words but one."""
    # 9 of 10 is the smallest such pair.
    for key, place in first.items():
        if _DENOMINATOR <= _size(key) <= _LOOKED_UP:
            for start in range(0, len(key), _WORD_BYTES):
                other = first.get(key[:start] + key[start + _WORD_BYTES :])
                if other is not None:
                    near.join(place, other)


def _join_compared(
    keys: list[bytes], shared: int, first: Mapping[bytes, int], near: Joined
) -> None:
    """Join those of some sets that are near-duplicates and share ``shared`` words of prefixes."""
    frequency = Counter(word for key in keys for word in _words(key))
    combined, owner = array("q"), array("i")
    for number, key in enumerate(keys):
        rarest_first = sorted(_words(key), key=lambda word: (frequency[word], word))
        # So many words at least are common to a near-duplicate; any more than the rest are not.
        common = -(-_NUMERATOR * len(rarest_first) // _DENOMINATOR)
        prefix = rarest_first[: len(rarest_first) - common + shared]
        made = list(map(hash, combinations(prefix, shared)))
        combined.extend(made)
        owner.extend([number] * len(made))
    for members in _runs(np.array(combined), np.array(owner)):
        sets = [frozenset(_words(keys[number])) for number in members]
        places = [first[keys[number]] for number in members]
        for one, other in combinations(range(len(members)), 2):
            apart = near.find(places[one]) != near.find(places[other])
            if apart and alike(sets[one], sets[other]):
                near.join(places[one], places[other])


def _runs(value: Ints, owner: Ints) -> Iterator[list[int]]:
    """Yield the owners of each value that has several."""
    order = np.argsort(value, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(value[order]) != 0, True)) + 1
    starts = np.concatenate(([0], ends[:-1]))
    several = ends - starts > 1
    for start, end in zip(starts[several].tolist(), ends[several].tolist(), strict=True):
        yield owner[order[start:end]].tolist()
