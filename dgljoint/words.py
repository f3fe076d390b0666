"""Words of messages."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Say how many there are of what.

    >>> plural(1, "cell"), plural(1200, "cell")
    ('1 cell', '1,200 cells')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
