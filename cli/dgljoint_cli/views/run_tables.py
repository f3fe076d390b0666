"""Tables of the runs on disk: their list, one of them, and those of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from dgljoint._internal.text import plural
from dgljoint.evaluation.scores import MODEL
from dgljoint.evaluation.verdicts import verdict_line
from dgljoint.runs import listing, stored
from dgljoint.runs.summary import (
    FIGURES,
    StudySummary,
    pooled_notes,
    spread_table,
    spread_verdicts,
)
from dgljoint_cli.views.rendering import Table, stretches, titled
from dgljoint_cli.views.rendering import facts as fact_table

if TYPE_CHECKING:
    from dgljoint.runs.many.study import Study

_NOTHING = "–"
_BAR = 20
_STYLES = {
    listing.FINISHED: "green", listing.RUNNING: "yellow", listing.RESUMABLE: "cyan",
    listing.BROKEN: "red",
}
_COURSE = {"score": "score", "accuracy": "accuracy", "macro_f1": "macro F1", "mrr": "MRR"}


def run_tables(found: Sequence[listing.RunSummary]) -> list[RenderableType]:
    """Show the list of runs, and under it why some are broken."""
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


def state_of(run: listing.RunSummary) -> str:
    """Return the state of a run in words."""
    if run.state == listing.RUNNING:
        return f"running, {run.epoch} of {run.epochs} epochs done"
    if run.state == listing.RESUMABLE:
        return f"resumable at epoch {run.epoch} of {run.epochs}"
    return f"{run.state}, nothing saved yet" if run.state == listing.STARTED else run.state


def run_details(
    facts: listing.RunFacts, changed: Sequence[listing.Setting]
) -> list[RenderableType]:
    """Show one run."""
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
    """Show the epochs in few rows, each the mean of some."""
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


def _description(facts: listing.RunFacts) -> RenderableType:
    manifest, summary = facts.manifest, facts.summary
    data, packages = stored.section(manifest, "data"), stored.section(manifest, "packages")
    versions = {"dgljoint": manifest.get("dgljoint"), "python": manifest.get("python"), **packages}
    plugins = [
        f"{row.get('name')} ({row.get('distribution')} {row.get('version')})"
        for row in stored.tables(manifest.get("plugins"))
    ]
    parts = stored.section(manifest, "parts")
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
    values = [stored.number(record.get(section, {}).get(name)) for record in records]
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _plain(value: object) -> str:
    return _NOTHING if value is None else str(value)


def _figure(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"


def summary_tables(summary: StudySummary) -> list[RenderableType]:
    """Show the model and the trivial baselines, and which runs are missing."""
    title = f"test set of {summary.protocol.data}, {summary.extent}"
    found = spread_verdicts(summary.figures)
    beaten = {FIGURES[name] for name, verdict in found.items() if verdict.beats}
    table = spread_table(summary.figures, summary.done)
    made = Table(*table.columns, numbers=True)
    for row, *cells in table.rows:
        made.add_row(row, *(
            Text(cell, style="bold" if row == MODEL and column in beaten else "")
            for cell, column in zip(cells, table.columns[1:], strict=True)
        ))
    body = made if summary.figures else "no run has metrics"
    parts: list[RenderableType] = [titled(title, body, verdict_line(found))]
    parts += pooled_notes(summary.figures)
    if missing := summary.missing:
        parts.append(f"NOT IN THE TABLE, {plural(len(missing), 'run')}: {'; '.join(missing)}")
    return parts


def plan_table(study: Study, jobs: int) -> RenderableType:
    """Show the runs that would be made."""
    from dgljoint.runs.many import study as of

    sizes = list(study.sizes[0])
    made = Table("run", "state", *sizes, prose=["state"], over=True)
    for column in made.columns[2:]:
        column.justify = "right"
    for job, counts in zip(study.jobs, study.sizes, strict=True):
        made.add_row(job.folder.name, of.state_of(job), *(f"{counts[size]:,}" for size in sizes))
    runs = plural(len(study.jobs), "run")
    title = f"{runs}, {jobs} at a time, in {study.folder}: cascades of each set"
    return titled(title, made)
