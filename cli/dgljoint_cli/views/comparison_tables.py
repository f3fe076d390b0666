"""Tables of ``dgljoint runs compare`` and ``dgljoint benchmark compare``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from dgljoint._internal.tables import NOTHING, figure
from dgljoint._internal.text import plural
from dgljoint.evaluation.comparison import MIN_FOR_TEST
from dgljoint.evaluation.metrics import MIN_FOR_INTERVAL
from dgljoint.evaluation.scores import MODEL
from dgljoint_bench.reporting.titles import COSTS, lower_is_better, title_of
from dgljoint_cli.views.rendering import Table, titled

if TYPE_CHECKING:
    from dgljoint.runs.compare_folders import ComparedSide, RunComparison
    from dgljoint.runs.comparing import Compared, Comparison, Group, Setting

_COLUMNS = (
    "test figure", "A", "B", "B - A", "sd", "95 % interval", "p", "p, Holm", "B wins/ties/loses",
)
_NOISE = ("test figure", "sd of A over seeds", "sd of B over seeds", "noise of B - A")
_BASIS = {
    "pairs": "95 % intervals by resampling pairs",
    "events": "one pair: 95 % intervals over the events of its test set, which show nothing of "
    "what another seed or fold would give",
    "nothing": "one pair: its difference alone, which may be chance",
}


def run_comparison_tables(found: RunComparison) -> list[RenderableType]:
    """Show a comparison of run folders: a table per side, what differs, what was left out."""
    parts: list[RenderableType] = []
    for side in found.sides:
        table = _difference_table(side.rows, len(side.cells))
        parts.append(titled(f"{_side_title(side, found)} · {_BASIS[side.basis]}", table))
        parts += _seed_noise(side)
        parts += _differing([(n, "", a, b) for n, (a, b) in side.settings.items()], "settings")
    return [*parts, *_side_remarks(found)]


def run_comparison_markdown(found: RunComparison) -> str:
    """Write a comparison of run folders as Markdown."""
    lines: list[str] = []
    for side in found.sides:
        lines += [f"**{_escaped(_side_title(side, found))}**", "", _row(_COLUMNS)]
        lines += ["| --- |" + " ---: |" * (len(_COLUMNS) - 1)]
        lines += [_row(_cells(row, len(side.cells))) for row in side.rows]
        lines += ["", f"{_BASIS[side.basis]}.", ""]
        lines += [
            f"- {title_of(metric)}: standard deviation over the seeds of a fold {one.first:.3f} "
            f"(A), {one.second:.3f} (B); B - A up to {one.floor:.3f} is noise"
            for metric, one in side.noise.items()
        ]
        lines += [""] * bool(side.noise)
        lines += [
            f"- {_escaped(f'{name}: {ours!r}, {theirs!r}')}"
            for name, (ours, theirs) in side.settings.items()
        ]
        lines += [""] * bool(side.settings)
    return "\n".join([*lines, *(f"{_escaped(note)}\n" for note in _side_remarks(found))])


def comparison_tables(found: Comparison) -> list[RenderableType]:
    """Show a comparison of results: a table per configuration, costs, what differs, what is out."""
    parts: list[RenderableType] = [f"A = {found.first} · B = {found.second}", ""]
    several = len({group.suite for group in found.groups}) > 1
    where = {
        id(group): f"{group.suite}: {group.title}" if several else group.title
        for group in found.groups
    }
    for group in found.groups:
        table = _difference_table(group.rows, group.pairs) if group.rows else "no figure in common"
        parts.append(titled(f"{where[id(group)]} · {plural(group.pairs, 'pair')}", table))
    costs = Table("what a run takes, mean", "", "A", "B", "B / A", numbers=True)
    costs.columns[1].justify = "left"
    for group in found.groups:
        for place, cost in enumerate(group.costs):
            costs.add_row(
                "" if place else where[id(group)], COSTS[cost.name].title,
                f"{cost.first:.1f}", f"{cost.second:.1f}",
                NOTHING if cost.ratio is None else f"{cost.ratio:.2f}",
            )
    parts += [costs, ""] if costs.row_count else []
    parts += _differing(_settings(found.groups, where), "settings")
    parts += _differing([(n, "", a, b) for n, (a, b) in found.versions.items()], "versions")
    failed = [f"failed in B: {one.cell}: {one.message}" for one in found.failures]
    return [*parts, *failed, *_remarks(group.pairs for group in found.groups), *found.notes]


def _side_title(side: ComparedSide, found: RunComparison) -> str:
    of = found.protocol
    where = f"{of.data}, split {of.split}: {of.kept}" if len(side.cells) > 1 else str(of)
    pairs = plural(len(side.cells), "pair")
    return f"A = {found.reference} · B = {side.name} · {pairs} of {where}"


def _side_remarks(found: RunComparison) -> list[str]:
    # Events are resampled for a single pair.
    several = (len(side.cells) for side in found.sides if len(side.cells) > 1)
    return [*_remarks(several), *found.notes]


def _seed_noise(side: ComparedSide) -> list[RenderableType]:
    """Show what other seeds alone change, where both sides have several on a fold."""
    if not side.noise:
        return []
    made = Table(*_NOISE, numbers=True)
    for metric, one in side.noise.items():
        made.add_row(title_of(metric), *map(figure, (one.first, one.second, one.floor)))
    return [titled("what other seeds alone change in one run, and in the mean of B - A", made)]


def _difference_table(rows: Iterable[Compared], pairs: int) -> Table:
    made = Table(*_COLUMNS, numbers=True)
    for one in rows:
        made.add_row(*_cells(one, pairs))
    return made


def _cells(one: Compared, pairs: int) -> tuple[str, ...]:
    found, title = one.found, title_of(one.metric)
    counts = [found.wins, found.ties, found.losses]
    return (
        title if one.row == MODEL else f"{one.row}: {title}",
        figure(found.first),
        figure(found.second),
        f"{found.difference:+.3f}",
        figure(found.sd),
        "{:+.3f} to {:+.3f}".format(*found.interval) if found.interval else NOTHING,
        _chance(found.p),
        _chance(one.holm),
        "/".join(map(str, reversed(counts) if lower_is_better(one.metric) else counts))
        if pairs > 1 else NOTHING,
    )


def _chance(p: float | None) -> str:
    return NOTHING if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _settings(groups: Iterable[Group], where: Mapping[int, str]) -> list[tuple[str, str, Any, Any]]:
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
    made = Table("differs in", "A", "B", *["of"] * placed, prose=["differs in", "A", "B", "of"])
    for name, of, first, second in rows:
        both = (NOTHING if value is None else str(value) for value in (first, second))
        made.add_row(name, *both, *[of] * placed)
    return [titled(what, made)]


def _remarks(pairs: Iterable[int]) -> list[str]:
    least = min(pairs, default=MIN_FOR_TEST)
    return [
        f"fewer than {number} pairs have no {what}"
        for number, what in ((MIN_FOR_INTERVAL, "interval"), (MIN_FOR_TEST, "test"))
        if least < number
    ]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")
