"""Texts of nearly the same words, found exactly and without comparing all.

Two texts are near-duplicates when the Jaccard similarity of their sets of words (links and mentions
aside) is at least nine tenths; in a script without spaces, whose words are pairs of characters,
eight tenths, since a character that differs changes two pairs. Two sets of up to eighteen words
(eight pairs) are that similar only when one lacks at most a single word of the other, which is
looked up. Longer ones must share several of their rarest words (the prefix filter of Chaudhuri,
Ganti & Kaushik, 2006, Bayardo, Ma & Srikant, 2007, and Wang, Li & Feng, 2012).
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint_data.features.tokens import URL, USER, is_unspaced, tokenize

_WORD_BYTES = array("i").itemsize


@dataclass(frozen=True, slots=True)
class _Bound:
    """From which similarity on two sets are near-duplicates, and how such sets are found."""

    # The similarity is a fraction: with floating point, rounding would decide at the bound.
    numerator: int
    denominator: int
    # Two near-duplicates, the larger of up to this many words, differ by at most one word.
    looked_up: int
    # The others, by the size of a pair's larger set: the sizes that both are of, and how many words
    # of their prefixes they share at least. The more, the fewer comparisons and the more keys.
    bands: tuple[tuple[int, int | None, int], ...]

    def met(self, one: Set[Any], other: Set[Any]) -> bool:
        common = len(one & other)
        return self.denominator * common >= self.numerator * (len(one) + len(other) - common)


_WORDS = _Bound(9, 10, looked_up=18, bands=((18, 40, 3), (36, 200, 2), (180, None, 1)))
_PAIRS = _Bound(8, 10, looked_up=8, bands=((8, 40, 3), (32, 200, 2), (160, None, 1)))

Ints = NDArray[np.int64]


def words_of(text: str) -> frozenset[str]:
    """Return what is compared of a text: its distinct words, without links and mentions."""
    return frozenset(tokenize(text)) - {URL, USER}


def alike(one: Set[str], other: Set[str]) -> bool:
    """Return whether two sets of words are near-duplicates."""
    pairs = all(_is_mostly(map(is_unspaced, words)) for words in (one, other))
    return (_PAIRS if pairs else _WORDS).met(one, other)


def near_duplicate_groups(texts: Sequence[str]) -> Ints:
    """Return the near-duplicates of C texts, as :func:`compare_texts` groups them."""
    return compare_texts(texts)[1]


def compare_texts(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """Group C texts by their words, and as near-duplicates: (C,) positions of each group's first.

    One without words is like no other.
    """
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
    _join(first, _WORDS, near)
    unspaced = list(map(is_unspaced, numbers))
    if any(unspaced):
        of_pairs = {
            key: place for key, place in first.items()
            if _is_mostly(unspaced[word] for word in _words(key))
        }
        _join(of_pairs, _PAIRS, near)
    return equal, near.groups()


def merge_groups(one: Sequence[int] | Ints, other: Sequence[int] | Ints) -> Ints:
    """Number C entries by the first of each group; those equal in either are of one."""
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


def _is_mostly(flags: Iterable[bool]) -> bool:
    counted = Counter(flags)
    return counted[True] > counted[False]


def _join(first: Mapping[bytes, int], bound: _Bound, near: Joined) -> None:
    _join_looked_up(first, bound, near)
    longest = max(map(_size, first), default=0)
    for low, high, shared in bound.bands:
        limit = longest + 1 if high is None else high
        band = [key for key in first if low <= _size(key) < limit]
        if len(band) > 1:
            _join_compared(band, shared, first, bound, near)


def _join_looked_up(first: Mapping[bytes, int], bound: _Bound, near: Joined) -> None:
    smallest = -(-bound.denominator // (bound.denominator - bound.numerator))  # 9 of 10, 4 of 5
    for key, place in first.items():
        if smallest <= _size(key) <= bound.looked_up:
            for start in range(0, len(key), _WORD_BYTES):
                other = first.get(key[:start] + key[start + _WORD_BYTES :])
                if other is not None:
                    near.join(place, other)


def _join_compared(
    keys: list[bytes], shared: int, first: Mapping[bytes, int], bound: _Bound, near: Joined
) -> None:
    """Join those of some sets that are near-duplicates and share ``shared`` words of prefixes."""
    frequency = Counter(word for key in keys for word in _words(key))
    combined, owner = array("q"), array("i")
    for number, key in enumerate(keys):
        rarest_first = sorted(_words(key), key=lambda word: (frequency[word], word))
        # So many words at least are common to a near-duplicate; any more than the rest are not.
        common = -(-bound.numerator * len(rarest_first) // bound.denominator)
        prefix = rarest_first[: len(rarest_first) - common + shared]
        made = list(map(hash, combinations(prefix, shared)))
        combined.extend(made)
        owner.extend([number] * len(made))
    for members in _runs(np.array(combined), np.array(owner)):
        places = [first[keys[number]] for number in members]
        if len(set(map(near.find, places))) == 1:
            continue
        sets = [frozenset(_words(keys[number])) for number in members]
        for one, other in combinations(range(len(members)), 2):
            apart = near.find(places[one]) != near.find(places[other])
            if apart and bound.met(sets[one], sets[other]):
                near.join(places[one], places[other])


def _runs(value: Ints, owner: Ints) -> Iterator[list[int]]:
    order = np.argsort(value, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(value[order]) != 0, True)) + 1
    starts = np.concatenate(([0], ends[:-1]))
    several = ends - starts > 1
    for start, end in zip(starts[several].tolist(), ends[several].tolist(), strict=True):
        yield owner[order[start:end]].tolist()
