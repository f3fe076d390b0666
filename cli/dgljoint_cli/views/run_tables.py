"""Tables of the runs on disk: their list, one of them, several beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from dgljoint._internal.text import plural
from dgljoint.evaluation.scores import TITLES
from dgljoint.runs.listing import BROKEN, FINISHED, RESUMABLE, RUNNING, STARTED, RunSummary
from dgljoint_cli.views.rendering import facts as fact_table
from dgljoint_cli.views.rendering import stretches, titled
from dgljoint_cli.views.table import Table

if TYPE_CHECKING:
    from dgljoint.runs.comparing import Beside, Compared, RunComparison
    from dgljoint.runs.facts import RunFacts
    from dgljoint.runs.settings import Setting

_NOTHING = "–"
_BAR = 20
_STYLES = {FINISHED: "green", RUNNING: "yellow", RESUMABLE: "cyan", BROKEN: "red"}
_COURSE = {"score": "score", "accuracy": "accuracy", "macro_f1": "macro F1", "mrr": "MRR"}
_BASIS = {
    "pairs": "95 % intervals by resampling pairs",
    "cascades": "one pair: 95 % intervals by resampling its cascades, which say nothing of what "
    "another seed or fold would give",
    "nothing": "one pair: its difference alone, which may be chance",
}


def run_tables(found: Sequence[RunSummary]) -> list[RenderableType]:
    """Lay out the list of runs, a row each, and under it why some are broken."""
    made = Table(
        "name", "date", "tasks", "data", "state", "accuracy", "macro F1", "MRR", "best epoch",
        "split", "fold", "seed", "encoder", "plugins", prose=["state", "plugins"], over=True,
        drop=["plugins", "encoder", "seed", "fold", "split", "best epoch"],
    )
    for column in made.columns[5:9] + made.columns[10:12]:
        column.justify = "right"
    for run in found:
        made.add_row(
            run.name, _plain(run.date), _plain(run.tasks), _plain(run.data),
            Text(state_of(run), style=_STYLES.get(run.state, "")),
            *(_figure(run.figures.get(name)) for name in ("accuracy", "macro_f1", "mrr")),
            _plain(run.best_epoch), _plain(run.split), _plain(run.fold), _plain(run.seed),
            _plain(run.encoder), ", ".join(run.plugins),
        )
    return [made, *(f"{run.name} is broken: {run.cause}" for run in found if run.cause)]


def state_of(run: RunSummary) -> str:
    """Say how a run stands."""
    if run.state == RUNNING:
        return f"running, {run.epoch} of {run.epochs} epochs done"
    if run.state == RESUMABLE:
        return f"resumable at epoch {run.epoch} of {run.epochs}"
    return f"{run.state}, nothing saved yet" if run.state == STARTED else run.state


def run_details(facts: RunFacts, changed: Sequence[Setting]) -> list[RenderableType]:
    """Lay out one run."""
    from dgljoint_cli.views.evaluation_tables import score_tables

    parts = [titled(f"{facts.summary.name} · {state_of(facts.summary)}", _description(facts))]
    settings = Table("setting", "value", "default", prose=["value", "default"])
    for setting in changed:
        settings.add_row(setting.name, str(setting.value), _plain(setting.default))
    parts.append(titled("differs from the defaults", settings if changed else "nothing"))
    parts += course_tables(facts.records)
    if "test" in facts.scores:
        parts += score_tables(facts.scores["test"], facts.protocol)
    return parts


def course_tables(records: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """Lay out the course of the epochs in few rows, each the mean of some."""
    if not records:
        return ["no epoch has ended yet"]
    parts = []
    for section, title in (
        ("losses", "losses, means over steps"), ("weights", "weights of the losses")
    ):
        names = _names(records, section)
        made = Table("epochs", *names, numbers=True)
        for named, which in stretches(len(records)):
            means = (_mean(records[which], section, name) for name in names)
            made.add_row(named, *map(_figure, means))
        parts.append(titled(title, made))
    figures = [name for name in _COURSE if name in _names(records, "validation")]
    made = Table("epochs", *map(_COURSE.__getitem__, figures), "gradient cosine", numbers=True)
    made.add_column("score, 0 to 1")
    for named, which in stretches(len(records)):
        some = records[which]
        best = any(record.get("best") is True for record in some)
        score = _mean(some, "validation", "score") or 0.0
        made.add_row(
            named, *(_figure(_mean(some, "validation", name)) for name in figures),
            _figure(_mean(some, "diagnostics", "gradient_cosine")),
            "█" * round(score * _BAR) + (" best so far" if best else ""),
        )
    return [*parts, titled("validation", made)]


def comparison_tables(found: RunComparison) -> list[RenderableType]:
    """Lay out a comparison: a table a side, what differs, what was left out."""
    parts: list[RenderableType] = []
    for side in found.sides:
        made = Table(*_COLUMNS, numbers=True)
        for row in side.rows:
            made.add_row(*_cells(row, side))
        parts.append(titled(f"{_title(side, found)} · {_BASIS[side.basis]}", made))
        settings = Table("differs in", "A", "B", prose=["differs in", "A", "B"])
        for name, (ours, theirs) in side.settings.items():
            settings.add_row(name, _plain(ours), _plain(theirs))
        parts.append(titled("settings", settings if side.settings else "no setting differs"))
    return [*parts, *_remarks(found)]


def comparison_markdown(found: RunComparison) -> str:
    """Write a comparison as Markdown."""
    lines: list[str] = []
    for side in found.sides:
        lines += [f"**{_escaped(_title(side, found))}**", "", _row(_COLUMNS)]
        lines += ["| --- |" + " ---: |" * (len(_COLUMNS) - 1)]
        lines += [_row(_cells(row, side)) for row in side.rows]
        lines += ["", f"{_BASIS[side.basis]}.", ""]
        lines += [
            f"- {_escaped(f'{name}: {ours!r}, {theirs!r}')}"
            for name, (ours, theirs) in side.settings.items()
        ]
        lines += [""] * bool(side.settings)
    return "\n".join([*lines, *(f"{_escaped(remark)}\n" for remark in _remarks(found))])


_COLUMNS = (
    "test figure", "A", "B", "B - A", "sd", "95 % interval", "p", "p, Holm", "B wins/ties/loses",
)


def _title(side: Beside, found: RunComparison) -> str:
    of = found.protocol
    several = len(side.cells) > 1
    where = f"{of.data}, split {of.split}: {of.kept}" if several else str(of)
    pairs = plural(len(side.cells), "pair")
    return f"A = {found.reference} · B = {side.name} · {pairs} of {where}"


def _cells(row: Compared, side: Beside) -> tuple[str, ...]:
    made = row.found
    return (
        TITLES[row.metric],
        _figure(made.first),
        _figure(made.second),
        f"{made.difference:+.3f}",
        _figure(made.sd),
        "{:+.3f} to {:+.3f}".format(*made.interval) if made.interval else _NOTHING,
        _chance(made.p),
        _chance(row.holm),
        f"{made.wins}/{made.ties}/{made.losses}" if len(side.cells) > 1 else _NOTHING,
    )


def _remarks(found: RunComparison) -> list[str]:
    from dgljoint.evaluation.comparison import MIN_FOR_INTERVAL, MIN_FOR_TEST, SIGNIFICANCE

    remarks = []
    pairs = {len(side.cells) for side in found.sides}
    if any(1 < count < MIN_FOR_INTERVAL for count in pairs):
        remarks.append(f"fewer than {MIN_FOR_INTERVAL} pairs: too few for an interval")
    if any(1 < count < MIN_FOR_TEST for count in pairs):
        remarks.append(
            f"fewer than {MIN_FOR_TEST} pairs: too few for a test, none could fall below "
            f"{SIGNIFICANCE}"
        )
    return [*remarks, *found.notes]


def _description(facts: RunFacts) -> RenderableType:
    from dgljoint.runs.stored import section, tables

    manifest, summary = facts.manifest, facts.summary
    data, packages = section(manifest, "data"), section(manifest, "packages")
    versions = {"dgljoint": manifest.get("dgljoint"), "python": manifest.get("python"), **packages}
    plugins = [
        f"{row.get('name')} ({row.get('distribution')} {row.get('version')})"
        for row in tables(manifest.get("plugins"))
    ]
    parts = section(manifest, "parts")
    values = {
        "data": str(facts.protocol),
        "digest": _plain(data.get("content_digest", data.get("digest"))),
        "parts": ", ".join(f"{name} {size}" for name, size in parts.items()) or _NOTHING,
        "seed": str(facts.config.seed),
        "components": ", ".join(plugins),
        "parameters": _plain(manifest.get("parameters")),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "epochs": f"{summary.epoch} of at most {summary.epochs}; "
        f"selected: {_plain(summary.best_epoch)}",
    }
    return fact_table(values)


def _names(records: Sequence[Mapping[str, Any]], section: str) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record.get(section, ())))


def _mean(records: Sequence[Mapping[str, Any]], section: str, name: str) -> float | None:
    from dgljoint.runs.stored import number

    values = [number(record.get(section, {}).get(name)) for record in records]
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _plain(value: object) -> str:
    return _NOTHING if value is None else str(value)


def _figure(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"


def _chance(p: float | None) -> str:
    return _NOTHING if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")
