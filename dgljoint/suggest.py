"""Closest matches for names that do not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest of ``known``, or lists them all.

    >>> did_you_mean("contrastiv", ["contrastive", "fixed"])
    "did you mean 'contrastive'?"
    """
    names = sorted(set(known))
    close = get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    return "known: " + (", ".join(names) if names else "none")
