"""What figures are called, and which way they are better."""

from __future__ import annotations

from collections.abc import Iterable

from dgljoint._internal.text import did_you_mean
from dgljoint.errors import UsageError
from dgljoint.evaluation.deadlines import EVERYTHING, parse_deadlines
from dgljoint.evaluation.scores import TITLES
from dgljoint.training.study_summary import FIGURES

_TITLES = {**TITLES, **FIGURES}
_LOWER = ("ece",)


def title_of(figure: str) -> str:
    """Return how a figure is called in print; its deadline is part of it."""
    name, _, deadline = figure.partition("@")
    return _TITLES.get(name, name) + (f", {deadline_title(deadline)}" if deadline else "")


def deadline_title(deadline: str) -> str:
    """Say how much of a cascade is seen by a deadline."""
    if deadline == EVERYTHING:
        return "whole cascade"
    if deadline.endswith("p"):
        return f"first {deadline.removesuffix('p')} posts"
    return "source alone" if deadline == "0" else f"within {deadline}"


def lower_is_better(figure: str) -> bool:
    """Say whether a small value of a figure is the better one."""
    return figure.partition("@")[0] in _LOWER


def check_figures(names: Iterable[str]) -> None:
    """Refuse what is no figure.

    Raises:
        UsageError: one of ``names`` is none.
    """
    for name in names:
        if name.partition("@")[0] not in _TITLES:
            raise UsageError(f"there is no figure '{name}'", hint=did_you_mean(name, _TITLES))


def in_order(deadlines: Iterable[str], asked: str) -> list[str]:
    """Sort deadlines as the suite has them; others follow by name.

    Args:
        deadlines: to sort.
        asked: the suite's, with commas between them; empty for none.
    """
    known = [one.text for one in parse_deadlines(asked)] if asked else []
    return sorted(
        deadlines,
        key=lambda name: (known.index(name) if name in known else len(known), name),
    )
