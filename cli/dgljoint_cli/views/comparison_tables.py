"""Tables of ``dgljoint benchmark compare``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from dgljoint._internal.text import plural
from dgljoint.evaluation.comparison import MIN_FOR_INTERVAL, MIN_FOR_TEST, Difference
from dgljoint_bench.reporting.titles import COSTS, lower_is_better, title_of
from dgljoint_bench.results.records import MODEL
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table

if TYPE_CHECKING:
    from dgljoint_bench.reporting.comparison import Compared, Comparison, Group, Setting

_NOTHING = "–"


def comparison_tables(found: Comparison) -> list[RenderableType]:
    """Lay out a comparison: a table a configuration, costs, what differs, what was left out."""
    parts: list[RenderableType] = [f"A = {found.first} · B = {found.second}", ""]
    several = len({group.suite for group in found.groups}) > 1
    where = {
        id(group): f"{group.suite}: {group.title}" if several else group.title
        for group in found.groups
    }
    for group in found.groups:
        made = Table(
            "test figure", "A", "B", "B - A", "sd", "95 % interval", "p", "p, Holm",
            "B wins/ties/loses", numbers=True,
        )
        for one in group.figures:
            made.add_row(_title(one), *_figures(one.found), _chance(one.holm), _count(one))
        title = f"{where[id(group)]} · {plural(group.pairs, 'pair')}"
        parts.append(titled(title, made if group.figures else "no figure in common"))
    costs = Table("what a cell takes, mean", "", "A", "B", "B / A", numbers=True)
    costs.columns[1].justify = "left"
    for group in found.groups:
        for place, cost in enumerate(group.costs):
            costs.add_row(
                "" if place else where[id(group)], COSTS[cost.name].title,
                f"{cost.first:.1f}", f"{cost.second:.1f}",
                _NOTHING if cost.ratio is None else f"{cost.ratio:.2f}",
            )
    parts += [costs, ""] if costs.row_count else []
    parts += _differing(_settings(found.groups, where), "settings")
    parts += _differing([(n, "", a, b) for n, (a, b) in found.versions.items()], "versions")
    failed = [f"failed in B: {one.cell}: {one.message}" for one in found.failures]
    return [*parts, *failed, *_remarks(found.groups), *found.notes]


def _title(one: Compared) -> str:
    title = title_of(one.figure)
    return title if one.row == MODEL else f"{one.row}: {title}"


def _figures(made: Difference) -> tuple[str, ...]:
    return (
        f"{made.first:.3f}",
        f"{made.second:.3f}",
        f"{made.difference:+.3f}",
        _NOTHING if made.sd is None else f"{made.sd:.3f}",
        "{:+.3f} to {:+.3f}".format(*made.interval) if made.interval else _NOTHING,
        _chance(made.p),
    )


def _count(one: Compared) -> str:
    counts = [one.found.wins, one.found.ties, one.found.losses]
    return "/".join(map(str, reversed(counts) if lower_is_better(one.figure) else counts))


def _chance(p: float | None) -> str:
    return _NOTHING if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _settings(
    groups: Iterable[Group], where: Mapping[int, str]
) -> list[tuple[str, str, Any, Any]]:
    """Return what differs, each once however many configurations differ in it."""
    found: dict[tuple[str, str, str], tuple[Setting, list[str]]] = {}
    for group in groups:
        for one in group.settings:
            shares = "" if one.pairs == group.pairs else f" ({one.pairs} of {group.pairs} pairs)"
            key = (one.name, repr(one.first), repr(one.second))
            found.setdefault(key, (one, []))[1].append(where[id(group)] + shares)
    return [(one.name, _places(of), one.first, one.second) for one, of in found.values()]


def _places(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _differing(rows: list[tuple[str, str, Any, Any]], what: str) -> list[RenderableType]:
    if not rows:
        return [f"no difference in {what}"]
    placed = any(of for _, of, _, _ in rows)
    made = Table(
        "differs in", "A", "B", *["of"] * placed, prose=["differs in", "A", "B", "of"]
    )
    for name, of, first, second in rows:
        made.add_row(name, _plain(first), _plain(second), *[of] * placed)
    return [titled(what, made)]


def _remarks(groups: Iterable[Group]) -> list[str]:
    least = min((group.pairs for group in groups), default=MIN_FOR_TEST)
    return [
        f"fewer than {number} pairs have no {what}"
        for number, what in ((MIN_FOR_INTERVAL, "interval"), (MIN_FOR_TEST, "test"))
        if least < number
    ]


def _plain(value: object) -> str:
    return _NOTHING if value is None else str(value)
