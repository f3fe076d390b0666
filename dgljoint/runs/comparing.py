"""Compare records of runs pair by pair: differences, intervals and tests.

One comparison for run folders (:mod:`dgljoint.runs.compare_folders`) and for results files
(``dgljoint_bench.reporting.comparison``), which read the sides and define the pairs.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any

from dgljoint._internal.text import plural
from dgljoint.config.run_config import classes_text
from dgljoint.errors import DataError
from dgljoint.evaluation.comparison import Difference, compare_pairs, holm
from dgljoint.evaluation.scores import MODEL
from dgljoint.runs.listing import differing
from dgljoint.runs.records import DONE, FAILED, NO_MODEL, Key, RunRecord

# Time and memory; the other costs follow from what is trained.
_COSTS = ("seconds", "cpu_seconds", "peak_megabytes")
OF_THE_RUN = {"fold", "seed", "data"}  # settings that identify a run, or where the same data are
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison."""

    name: str  # of the folder, the file or the configuration
    records: dict[Key, RunRecord]
    # by key, what must be the same on both sides of a pair
    asked: dict[Key, dict[str, Any]] = field(default_factory=dict)
    shown: dict[str, Collection[str]] = field(default_factory=dict)  # names of metrics by suite
    # by suite and table, how data are cut where events are not kept apart
    cautions: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs that were asked the same: the reference's, and the one it is compared with."""

    first: RunRecord
    second: RunRecord


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of one row on both sides."""

    row: str  # `model`, or the classifier whose metric it is
    metric: str  # its short name, possibly with a deadline
    found: Difference  # the differences; the reference is the first side
    holm: float | None = None  # `found.p` corrected for all metrics of the comparison


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost of a run, its mean over the pairs that know it: seconds, CPU seconds, memory."""

    name: str
    first: float
    second: float
    ratio: float | None  # second / first; `None` where the first is 0


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that differs in some pairs, with its path and the values in the first of them."""

    name: str
    first: Any
    second: Any
    pairs: int


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs of one configuration on one table."""

    suite: str
    table: str
    caution: str  # how it is cut, where events are not kept apart
    configuration: str  # of the second side; `""` for classifiers without a model
    pairs: int  # done on both sides
    rows: tuple[Compared, ...]
    # row and name of metrics that only the reference has, in some pair
    lost: tuple[tuple[str, str], ...]
    costs: tuple[Cost, ...]  # those that are known on both sides
    settings: tuple[Setting, ...]

    @property
    def title(self) -> str:
        """Its table and configuration."""
        table = f"{self.table} ({self.caution})" if self.caution else self.table
        return f"{table}, {self.configuration or 'without a model'}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that the reference has and that failed on the other side."""

    suite: str
    cell: str
    message: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What :func:`compare` found."""

    first: str
    second: str  # name of the other side
    groups: tuple[Group, ...]  # by table and configuration, in the reference's order
    failures: tuple[Failure, ...]  # runs done in the reference that failed on the other side
    # those that differ, the reference's first; `None` for what is absent
    versions: dict[str, tuple[str | None, str | None]]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        values = asdict(self)
        for group in values["groups"]:
            group["figures"] = [
                {"row": one["row"], "figure": one["metric"], "found": one["found"],
                 "holm": one["holm"]}
                for one in group.pop("rows")
            ]
        return values


def pair(
    first: Side, second: Side, *, hint: str, by: Callable[[Key], Key] = lambda key: key
) -> tuple[list[Pair], list[str]]:
    """Pair the runs of two sides; return notes on the runs without a counterpart, too."""
    ours = {by(key): one for key, one in first.records.items()}
    theirs = {by(key): one for key, one in second.records.items()}
    pairs = [Pair(one, theirs[key]) for key, one in ours.items() if key in theirs]
    if not pairs:
        raise DataError(
            f"{first.name} and {second.name} have no run in common: {_content(first)}; "
            f"{_content(second)}",
            hint="both need the same tables, folds and seeds",
        )
    for one in pairs:
        _check_asked(first, second, one, hint)
    notes = []
    for side, records, rest in ((first, ours, theirs), (second, theirs, ours)):
        if alone := [one.key for key, one in records.items() if key not in rest]:
            count = plural(len(alone), "run")
            notes.append(f"{side.name}: {count} without a counterpart: {_named(alone)}")
    return pairs, notes


def _check_asked(first: Side, second: Side, pair: Pair, hint: str) -> None:
    asked = (first.asked.get(pair.first.key, {}), second.asked.get(pair.second.key, {}))
    mine, theirs = (
        {**one, **_observed(record)}
        for one, record in zip(asked, (pair.first, pair.second), strict=True)
    )
    # A run that failed, or that trains no model, has no configuration.
    both = {name: (mine[name], theirs[name]) for name in mine if name in theirs}
    differ = [f"{name} {one} and {other}" for name, (one, other) in both.items() if one != other]
    if differ:
        key = pair.first.key
        where = f" on {key.data} (suite {key.suite})" if key.suite else ""
        raise DataError(
            f"{first.name} and {second.name} cannot be compared{where}: {'; '.join(differ)}",
            hint=hint,
        )


def _observed(record: RunRecord) -> dict[str, Any]:
    """Return what the configuration of a run asks; nothing of one that has none."""
    config = record.config
    if "cascade" not in config:
        return {}
    return {
        "cascade.observed_share": config["cascade"]["observed_share"],
        "classes": classes_text(config.get("labels", ()), config.get("merge", {})) or "all",
    }


def _named(keys: Collection[Key]) -> str:
    """Name runs, the first few of many."""
    several = len({key.suite for key in keys}) > 1
    shown = [f"{key.suite}: {key}" if several else str(key) for key in keys][:_MOST_NAMED]
    more = len(keys) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else [])])


def _content(side: Side) -> str:
    if not side.records:
        return f"{side.name} holds none"
    tables: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for key in side.records:
        tables[key.suite][key.data] = None
    suites = "; ".join(
        f"suite {suite}, tables {', '.join(some)}" for suite, some in tables.items() if suite
    )
    count = plural(len(side.records), "run")
    return f"{side.name} holds {count} of {suites or _named(side.records)}"


def compare(
    first: Side, second: Side, pairs: Sequence[Pair], *, metrics: Collection[str] = (),
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare two sides pair by pair.

    Folds and seeds of a table are pairs alike; p-values are corrected for all metrics together.
    """
    done = [pair for pair in pairs if pair.first.state == pair.second.state == DONE]
    broken = [p for p in pairs if p.first.state == DONE and p.second.state == FAILED]
    grouped: defaultdict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for pair in done:
        key = pair.second.key
        grouped[key.suite, key.data, key.configuration].append(pair)
    groups = [
        _group(key, first.cautions.get(key[:2], ""), some, list(metrics or first.shown[key[0]]))
        for key, some in grouped.items()
    ]
    if not broken and not any(group.rows for group in groups):
        raise DataError(
            f"{first.name} and {second.name} have no figure in common of "
            f"{plural(len(pairs), 'run')} that both hold",
            hint="choose a figure that both have: --figure NAME",
        )
    return Comparison(
        first=first.name,
        second=second.name,
        groups=tuple(corrected(groups)),
        failures=tuple(
            Failure(one.key.suite, str(one.key), one.message or "it is not known why")
            for one in (pair.second for pair in broken)
        ),
        versions=_versions(done),
        notes=(*notes, *_failed_in_the_first(first, pairs)),
    )


def _group(
    key: tuple[str, str, str], caution: str, pairs: Sequence[Pair], shown: Sequence[str]
) -> Group:
    suite, table, configuration = key
    rows = [MODEL] if configuration != NO_MODEL else _in_order(p.first.figures for p in pairs)
    found = [
        (row, name, [(ours.get(name), theirs.get(name)) for ours, theirs in both])
        for row in rows
        for both in [[(p.first.figures.get(row, {}), p.second.figures.get(row, {})) for p in pairs]]
        for name in _shown(_in_order(ours for ours, _ in both), shown)
    ]
    known = [
        (row, name, [(a, b) for a, b in values if a is not None and b is not None])
        for row, name, values in found
    ]
    return Group(
        suite=suite,
        table=table,
        caution=caution,
        configuration=configuration,
        pairs=len(pairs),
        rows=tuple(
            Compared(row, name, compare_pairs(*zip(*values, strict=True)))
            for row, name, values in known if values
        ),
        lost=tuple(
            (row, name) for row, name, values in found
            if any(a is not None and b is None for a, b in values)
        ),
        costs=tuple(_costs(pairs)),
        settings=tuple(_settings(pairs)),
    )


def _shown(names: Iterable[str], shown: Sequence[str]) -> list[str]:
    """Return the names that are shown, with any deadline, in the order of ``shown``."""
    places = {
        name: shown.index(name if name in shown else name.partition("@")[0])
        for name in names if name in shown or name.partition("@")[0] in shown
    }
    return sorted(places, key=lambda name: places[name])


def _costs(pairs: Sequence[Pair]) -> Iterable[Cost]:
    for name in _COSTS:
        values = [(getattr(pair.first, name), getattr(pair.second, name)) for pair in pairs]
        known = [(a, b) for a, b in values if a is not None and b is not None]
        if known:
            first, second = (fmean(side) for side in zip(*known, strict=True))
            yield Cost(name, first, second, second / first if first else None)


def _settings(pairs: Sequence[Pair]) -> Iterable[Setting]:
    found: dict[str, Setting] = {}
    for pair in pairs:
        for name, (ours, theirs) in differing(pair.first.config, pair.second.config).items():
            before = found.get(name, Setting(name, ours, theirs, 0))
            found[name] = replace(before, pairs=before.pairs + 1)
    return (found[name] for name in sorted(found) if name not in OF_THE_RUN)


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


def _failed_in_the_first(first: Side, pairs: Sequence[Pair]) -> Iterable[str]:
    for state, also in ((DONE, "alone"), (FAILED, "and in the other, too")):
        keys = [p.first.key for p in pairs if p.first.state == FAILED and p.second.state == state]
        if keys:
            yield f"{first.name}: {plural(len(keys), 'run')} failed in it {also}: {_named(keys)}"


def _in_order(names: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))


def corrected(groups: Sequence[Group]) -> list[Group]:
    """Correct the p-values of all metrics of all groups together."""
    known = [one.found.p for group in groups for one in group.rows if one.found.p is not None]
    found = iter(holm(known))
    return [
        replace(group, rows=tuple(
            one if one.found.p is None else replace(one, holm=next(found)) for one in group.rows
        ))
        for group in groups
    ]
