"""Words of messages and names."""

from __future__ import annotations

from collections.abc import Sequence


def plural(count: int, noun: str) -> str:
    """Say how many there are of what.

    >>> plural(1, "cell"), plural(1200, "cell")
    ('1 cell', '1,200 cells')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def number_list(numbers: Sequence[int]) -> str:
    """Write numbers in order, as short as it can be.

    >>> number_list((0, 1, 2, 5, 7, 8))
    '0-2,5,7-8'
    """
    stretches: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if stretches and number == stretches[-1][1] + 1:
            stretches[-1] = stretches[-1][0], number
        else:
            stretches.append((number, number))
    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in stretches
    )
