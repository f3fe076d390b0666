"""Two results files beside one another, or two configurations of one file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from dgljoint._internal.text import plural
from dgljoint.config.run_config import flat
from dgljoint.errors import DataError
from dgljoint.evaluation.comparison import Difference, compare_pairs, holm
from dgljoint_bench.reporting.pairing import Pair, Side, named
from dgljoint_bench.reporting.titles import COSTS, CPU_SECONDS
from dgljoint_bench.results.records import DONE, FAILED, MODEL, NO_MODEL, CellRecord, DataRecord

# Time and memory; the others follow from what is trained.
_COSTS = ("seconds", CPU_SECONDS, "peak_megabytes")
# They tell cells apart, or say where the same data lie.
_OF_THE_CELL = {"fold", "seed", "data"}


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of one row on both sides.

    Attributes:
        row: ``model``, or the classifier whose figure it is.
        figure: its short name, possibly with a deadline.
        found: the figure; the reference is the first side.
        holm: ``found.p`` corrected for all figures of the comparison.
    """

    row: str
    figure: str
    found: Difference
    holm: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a cell takes, the mean over the pairs of which it is known on both sides.

    Attributes:
        name: of :data:`~dgljoint_bench.reporting.titles.COSTS`.
        first: of the reference.
        second: of the other side.
        ratio: second / first; ``None`` where the first is 0.
    """

    name: str
    first: float
    second: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that differs.

    Attributes:
        name: its path.
        first: of the reference; ``None`` for one that is absent.
        second: of the other side.
        pairs: how many pairs differ in it; the values are those of the first of them.
    """

    name: str
    first: Any
    second: Any
    pairs: int


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs of one configuration on one table.

    Attributes:
        suite: its name.
        table: its name.
        caution: how it is cut, where events are not kept apart.
        configuration: of the second side; ``""`` for classifiers without a model.
        pairs: done on both sides.
        figures: those that both sides have.
        lost: row and name of figures that only the reference has, in some pair.
        costs: those that are known on both sides.
        settings: those that differ.
    """

    suite: str
    table: str
    caution: str
    configuration: str
    pairs: int
    figures: tuple[Compared, ...]
    lost: tuple[tuple[str, str], ...]
    costs: tuple[Cost, ...]
    settings: tuple[Setting, ...]

    @property
    def title(self) -> str:
        """Its table and configuration."""
        table = f"{self.table} ({self.caution})" if self.caution else self.table
        return f"{table}, {self.configuration or 'without a model'}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that the reference has and the other side failed in."""

    suite: str
    cell: str
    message: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What :func:`compare` found.

    Attributes:
        first: name of the reference.
        second: name of the other side.
        groups: by table and configuration, in the reference's order.
        failures: cells done in the reference that failed in the other side.
        versions: those that differ, the reference's first; ``None`` for what is absent.
        notes: what was left out.
    """

    first: str
    second: str
    groups: tuple[Group, ...]
    failures: tuple[Failure, ...]
    versions: dict[str, tuple[str | None, str | None]]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def compare(
    first: Side, second: Side, pairs: Sequence[Pair], *, figures: Collection[str] = (),
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare two sides pair by pair.

    Folds and seeds of a table are pairs alike; p-values are corrected for all figures together.

    Args:
        first: the reference.
        second: the other side.
        pairs: their cells; at least one.
        figures: short names, a name without a deadline for all deadlines; by default those that
            the reference's suites show.
        notes: made while pairing.

    Raises:
        DataError: no pair has a figure in common, and no cell failed in the second side alone.
    """
    done = [pair for pair in pairs if pair.first.state == pair.second.state == DONE]
    failed = [p for p in pairs if p.first.state == DONE and p.second.state == FAILED]
    grouped: defaultdict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for pair in done:
        key = pair.second.key
        grouped[key.suite, key.data, key.configuration].append(pair)
    groups = []
    for (suite, table, configuration), some in grouped.items():
        shown = figures or first.suites[suite].figures
        record = first.tables[suite][table]
        groups.append(_group(suite, record, configuration, some, shown))
    if not failed and not any(group.figures for group in groups):
        raise DataError(
            f"{first.name} and {second.name} have no figure in common of "
            f"{plural(len(pairs), 'cell')} that both hold",
            hint="choose a figure that both have: --figure NAME",
        )
    return Comparison(
        first=first.name,
        second=second.name,
        groups=_corrected(groups),
        failures=tuple(_failure(pair.second) for pair in failed),
        versions=_versions(done),
        notes=(*notes, *_failed_in_the_first(first, pairs)),
    )


def _group(
    suite: str, record: DataRecord, configuration: str, pairs: Sequence[Pair],
    shown: Collection[str],
) -> Group:
    rows = [MODEL] if configuration != NO_MODEL else _in_order(p.first.figures for p in pairs)
    return Group(
        suite=suite,
        table=record.name,
        caution=record.caution,
        configuration=configuration,
        pairs=len(pairs),
        figures=tuple(one for row in rows for one in _figures(pairs, row, shown)),
        lost=tuple((row, name) for row in rows for name in _lost(pairs, row, shown)),
        costs=tuple(_costs(pairs)),
        settings=tuple(_settings(pairs)),
    )


def _figures(pairs: Sequence[Pair], row: str, shown: Collection[str]) -> Iterable[Compared]:
    both = [(pair.first.figures.get(row, {}), pair.second.figures.get(row, {})) for pair in pairs]
    for name in _in_order(ours for ours, _ in both):
        if _is_shown(name, shown):
            known = [(ours[name], theirs[name]) for ours, theirs in both
                     if name in ours and name in theirs]
            if known:
                ours, theirs = zip(*known, strict=True)
                yield Compared(row, name, compare_pairs(ours, theirs))


def _lost(pairs: Sequence[Pair], row: str, shown: Collection[str]) -> Iterable[str]:
    both = [(pair.first.figures.get(row, {}), pair.second.figures.get(row, {})) for pair in pairs]
    for name in _in_order(ours for ours, _ in both):
        if _is_shown(name, shown) and any(name in ours and name not in two for ours, two in both):
            yield name


def _is_shown(name: str, shown: Collection[str]) -> bool:
    return name in shown or name.partition("@")[0] in shown


def _costs(pairs: Sequence[Pair]) -> Iterable[Cost]:
    for name in _COSTS:
        of = COSTS[name].of
        values = [(of(pair.first), of(pair.second)) for pair in pairs]
        known = [(a, b) for a, b in values if a is not None and b is not None]
        if known:
            first, second = (fmean(side) for side in zip(*known, strict=True))
            yield Cost(name, first, second, second / first if first else None)


def _settings(pairs: Sequence[Pair]) -> Iterable[Setting]:
    found: dict[str, Setting] = {}
    for pair in pairs:
        mine, theirs = flat(pair.first.config), flat(pair.second.config)
        for name in _in_order((mine, theirs)):
            ours, other = mine.get(name), theirs.get(name)
            if ours != other and name not in _OF_THE_CELL:
                before = found.get(name, Setting(name, ours, other, 0))
                found[name] = replace(before, pairs=before.pairs + 1)
    return (found[name] for name in sorted(found))


def _versions(pairs: Sequence[Pair]) -> dict[str, tuple[str | None, str | None]]:
    """Return the versions that differ, those of all pairs that differ in them."""
    found: defaultdict[str, list[tuple[str | None, str | None]]] = defaultdict(list)
    for pair in pairs:
        mine, theirs = pair.first.versions, pair.second.versions
        for name in mine | theirs:
            if mine.get(name) != theirs.get(name):
                found[name].append((mine.get(name), theirs.get(name)))
    return {
        name: (_listed(one for one, _ in found[name]), _listed(other for _, other in found[name]))
        for name in sorted(found)
    }


def _listed(versions: Iterable[str | None]) -> str | None:
    return ", ".join(sorted({version for version in versions if version is not None})) or None


def _failure(cell: CellRecord) -> Failure:
    return Failure(cell.key.suite, str(cell.key), cell.message or "it is not known why")


def _failed_in_the_first(first: Side, pairs: Sequence[Pair]) -> Iterable[str]:
    for state, also in ((DONE, "alone"), (FAILED, "and in the other, too")):
        keys = [p.first.key for p in pairs if p.first.state == FAILED and p.second.state == state]
        if keys:
            yield f"{first.name}: {plural(len(keys), 'cell')} failed in it {also}: {named(keys)}"


def _in_order(names: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))


def _corrected(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Correct the p-values of all figures of all groups together."""
    known = [one.found.p for group in groups for one in group.figures if one.found.p is not None]
    corrected = iter(holm(known))
    return tuple(
        replace(
            group,
            figures=tuple(
                one if one.found.p is None else replace(one, holm=next(corrected))
                for one in group.figures
            ),
        )
        for group in groups
    )
