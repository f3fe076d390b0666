"""Made-up words for the synthetic reader: an endless list, the same everywhere."""

from __future__ import annotations

_SYLLABLES = tuple(
    consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u")
)
_SHORTEST = 3  # syllables; shorter words look like real ones


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
