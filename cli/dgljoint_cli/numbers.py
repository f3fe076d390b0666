"""Numbers on the command line: limits, sets of them, ``0,2`` and ``0-4``, and durations."""

from __future__ import annotations

import math
import re

import click

from dgljoint.errors import UsageError

_MOST = 1000
_SECONDS_A_MINUTE = 60


def parse_numbers(text: str, option: str, also: str = "") -> tuple[int, ...]:
    """Read ``0,2``, ``0-4`` or both; return the numbers in order, each once.

    Args:
        text: as it was given.
        option: by which, for the message.
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


def finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no limit, as a callback of an option: nothing is above nan."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no limit")
    return value


def show_duration(seconds: float) -> str:
    """Write a duration for people: two units at most."""
    if seconds < _SECONDS_A_MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _SECONDS_A_MINUTE)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
