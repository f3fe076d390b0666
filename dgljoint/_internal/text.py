"""Words of messages, closest names, and numbers as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from dgljoint.errors import UsageError


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


_MOST = 1000
_SECONDS_A_MINUTE = 60


def plural(count: int, noun: str) -> str:
    """Say how many there are of what.

    >>> plural(1, "cell"), plural(1200, "cell")
    ('1 cell', '1,200 cells')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def all_of_one_class(count: int, name: str, where: str = "") -> str:
    """Say that all labelled cascades are of one class.

    >>> all_of_one_class(12, "true", " of the test set")
    "all 12 labelled cascades of the test set are of one class, 'true'"
    >>> all_of_one_class(1, "true")
    "the only labelled cascade is of class 'true'"
    """
    if count == 1:
        return f"the only labelled cascade{where} is of class '{name}'"
    return f"all {count:,} labelled cascades{where} are of one class, '{name}'"


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


def parse_numbers(text: str, option: str, also: str = "") -> tuple[int, ...]:
    """Read ``0,2``, ``0-4`` or both; return the numbers in order, each once.

    Args:
        text: as it was given.
        option: or argument by which, for the message.
        also: what else may be given, for the message.

    Raises:
        UsageError: it is something else, or a thousand numbers and more.
    """
    found: set[int] = set()
    for item in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", item, re.ASCII)
        if match is None:
            raise UsageError(
                f"{option} {text!r} is no list of numbers: found {item.strip()!r}",
                hint=f"for example: {option} 0-4, or {option} 0,2"
                + (f", or {option} {also}" if also else ""),
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(
                f"{option} {text!r}: {item.strip()!r} ends before it starts",
                hint=f"for example: {option} {last}-{first}",
            )
        if last - first + len(found) >= _MOST:
            raise UsageError(f"{option} {text!r} are more numbers than runs anybody waits for")
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def show_duration(seconds: float) -> str:
    """Write a duration for people: two units at most."""
    if seconds < _SECONDS_A_MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _SECONDS_A_MINUTE)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
