"""Words of messages, closest names, and numbers as people write them."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import pairwise

from dgljoint.errors import UsageError

_MOST = 1000
_SECONDS_PER_MINUTE = 60


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
    if close := closest(name, names):
        return "did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    return "known: " + (", ".join(names) if names else "none")


def plural(count: int, noun: str) -> str:
    """Return a number and its noun.

    >>> plural(1, "run"), plural(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def all_of_one_class(count: int, name: str, where: str = "") -> str:
    """Return a clause about labelled cascades of a single class.

    >>> all_of_one_class(12, "true", " of the test set")
    "all 12 labelled cascades of the test set are of one class, 'true'"
    >>> all_of_one_class(1, "true")
    "the only labelled cascade is of class 'true'"
    """
    if count == 1:
        return f"the only labelled cascade{where} is of class '{name}'"
    return f"all {count:,} labelled cascades{where} are of one class, '{name}'"


def number_list(numbers: Sequence[int]) -> str:
    """Write numbers in order, as short as possible.

    >>> number_list((0, 1, 2, 5, 7, 8))
    '0-2,5,7-8'
    """
    known = sorted(numbers)
    starts = [0, *(n for n, (a, b) in enumerate(pairwise(known), 1) if b != a + 1), len(known)]
    stretches = [known[start:end] for start, end in pairwise(starts) if start < end]
    return ",".join(str(s[0]) if len(s) == 1 else f"{s[0]}-{s[-1]}" for s in stretches)


def parse_numbers(text: str, option: str, also: str = "") -> tuple[int, ...]:
    """Read ``0,2``, ``0-4`` or both; return the numbers in order, each once.

    ``option`` and ``also``, another value that it takes, are named in the message.
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
    if seconds < _SECONDS_PER_MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _SECONDS_PER_MINUTE)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
