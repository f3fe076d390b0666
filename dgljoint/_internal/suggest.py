"""Closest matches for names that do not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: str, known: Iterable[str]) -> list[str]:
    """Return at most two of ``known`` that ``name`` may be meant for, the likeliest first.

    Besides names that are spelled alike, these are names that ``name`` abbreviates: by the first
    letters of their words, or by one of the words.

    >>> closest("lr", ["learning_rate", "clip"])
    ['learning_rate']
    """
    names = sorted(set(known))
    words = {each: each.replace("-", "_").split("_") for each in names}
    short = [each for each in names if name == "".join(word[:1] for word in words[each])]
    close = get_close_matches(name, names, n=2, cutoff=0.6)
    parts = [each for each in names if name in words[each]]
    return list(dict.fromkeys((*short, *close, *parts)))[:2]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest of ``known``, or lists them all.

    >>> did_you_mean("contrastiv", ["contrastive", "fixed"])
    "did you mean 'contrastive'?"
    """
    names = sorted(set(known))
    close = closest(name, names)
    if close:
        return "did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    return "known: " + (", ".join(names) if names else "none")
