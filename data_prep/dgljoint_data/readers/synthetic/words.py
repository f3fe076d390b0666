"""Made-up words, and the texts of planted worlds."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dgljoint_data.readers.synthetic.planted import CAMPS

_SYLLABLES = tuple(
    consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u")
)
_SHORTEST = 3  # syllables; shorter words look like real ones

# Lists of words, by length: of everybody, of each class, of each camp.
_COMMON, _CLASS, _CAMP = 40, 5, 10
# Where each list starts among the made-up words.
_CLASS_START = _COMMON
_CAMP_START = _CLASS_START + 2 * _CLASS
_WORDS = _CAMP_START + CAMPS * _CAMP
# Shares of these lists in a text.
_SHARES = (0.2, 0.2, 0.6)
_SHORTEST_TEXT, _LONGEST_TEXT = 5, 12

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def word(number: int) -> str:
    """Return the word of a number; different numbers give different words.

    >>> word(0), word(1), word(71)
    ('bababa', 'bebaba', 'bebeba')
    """
    base = len(_SYLLABLES)
    parts: list[str] = []
    while number or len(parts) < _SHORTEST:
        number, digit = divmod(number, base)
        parts.append(_SYLLABLES[digit])
    return "".join(parts)


@cache
def _all_words() -> NDArray[np.str_]:
    """Return the words of planted worlds, in the order of their numbers."""
    return np.array([word(number) for number in range(_WORDS)])


def write(
    rng: np.random.Generator, camp: Ints, label: int, own_word: float
) -> tuple[list[str], Floats]:
    """Write a text for each of N posts, and return what the texts show of the class.

    The first word of every text is of its camp, so that a camp is never in doubt.

    Args:
        rng: draws the words.
        camp: (N,) below CAMPS.
        label: the class, 0 or 1.
        own_word: chance that a class word is of the class's own list, below 1.

    Returns:
        N texts, and the (N, 2) log probability of each by class, up to a constant.
    """
    lengths = rng.integers(_SHORTEST_TEXT, _LONGEST_TEXT + 1, size=len(camp))
    total, ends = int(lengths.sum()), lengths.cumsum()
    source = rng.choice(len(_SHARES), size=total, p=_SHARES)
    source[ends - lengths] = 2
    shown = np.where(rng.random(total) < own_word, label, 1 - label)
    choices = (
        (rng.random(total) ** 2 * _COMMON).astype(np.int64),  # some words are frequent
        _CLASS_START + rng.integers(_CLASS, size=total) + _CLASS * shown,
        _CAMP_START + rng.integers(_CAMP, size=total) + _CAMP * np.repeat(camp, lengths),
    )
    words = _all_words()[np.choose(source, choices)].tolist()
    texts = [
        " ".join(words[end - length : end])
        for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
    ]
    post = np.repeat(np.arange(len(camp)), lengths)[source == 1]
    counts = np.zeros((len(camp), 2))
    np.add.at(counts, (post, shown[source == 1]), 1)
    return texts, counts @ np.log([[own_word, 1 - own_word], [1 - own_word, own_word]])
