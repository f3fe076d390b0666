"""Which metrics of a result are shown, with trivial baselines next to the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from dgljoint._internal.tables import NOTHING, Sheet, TextTable, facts, figure
from dgljoint._internal.text import plural
from dgljoint.evaluation.scores import ALL, MODEL, TITLES, figures_of
from dgljoint.evaluation.verdicts import (
    MAJORITY,
    link_verdicts,
    rumor_baseline,
    rumor_verdicts,
    verdict_line,
)

if TYPE_CHECKING:
    from dgljoint.data.store import CascadeStore
    from dgljoint.evaluation.predicting import PooledViews, Predictions
    from dgljoint.evaluation.scores import Scores
    from dgljoint.runs.listing import RunSummary
    from dgljoint.training.run import RunResult
    from dgljoint.training.run_plan import Plan
    from dgljoint.training.transfer import Transfer

_ROWS = 10
_HEADLINE = ("accuracy", "macro_f1", "mrr", "hits1", "mrr_not_source")


def result_sheet(result: RunResult) -> Sheet:
    """Show both sets that a run is scored on, and the baselines of the test set."""
    rows = {
        f"model, {scores.part} set": figures_of(scores.to_dict())
        for scores in (result.validation, result.test)
    }
    rows |= _baselines(result.test)
    columns = ("accuracy", "macro_f1", "mrr", "hits1")
    cells = ((name, *(figure(of.get(column)) for column in columns)) for name, of in rows.items())
    table = TextTable(("", *map(TITLES.__getitem__, columns)), tuple(cells))
    title = f"Run {result.folder}: epoch {result.best_epoch}, chosen on the validation set"
    notes = ["the trivial baselines are those of the test set", *result.notes]
    if result.test.rumor is not None:
        notes.append(verdict_line(rumor_verdicts(result.test.rumor)))
    if ALL in result.test.links:
        notes.append(verdict_line(link_verdicts(result.test.links[ALL])))
    return Sheet(title, (table,), tuple(filter(None, notes)))


def _baselines(scores: Scores) -> dict[str, dict[str, float]]:
    found = {} if scores.rumor is None else {MAJORITY: rumor_baseline(scores.rumor)}
    links = scores.links[ALL].rows.items() if ALL in scores.links else ()
    return found | {f"parent: {name}": asdict(row) for name, row in links if name != MODEL}


def transfer_sheet(found: Transfer[Any]) -> Sheet:
    """Show the scores on another data set, and what was kept apart."""
    inner: Sheet = found.scores._sheet()
    title = f"Trained on {found.trained_on}, scored on {plural(found.cascades, 'cascade')} of "
    doubts = tuple(f"doubtful: {doubt}" for doubt in found.doubts)
    return Sheet(title + found.data, inner.tables, (*inner.notes, found.protocol, *doubts))


def run_sheet(summary: RunSummary) -> Sheet:
    """Show the state of a run, its main settings, and its metrics on the test set."""
    epochs = f"{summary.epoch} of at most {summary.epochs}"
    if summary.best_epoch is not None:
        epochs += f", epoch {summary.best_epoch} chosen"
    found = facts(
        state=summary.state + (f": {summary.cause}" if summary.cause else ""),
        data=summary.data, split=f"{summary.split}, fold {summary.fold}", seed=summary.seed,
        encoder=summary.encoder, plugins=", ".join(summary.plugins) or NOTHING, epochs=epochs,
    )
    tables = [found]
    shown = [name for name in _HEADLINE if name in summary.figures]
    if shown:
        row = (figure(summary.figures[name]) for name in shown)
        tables.append(TextTable(("test set", *map(TITLES.__getitem__, shown)), ((MODEL, *row),)))
    return Sheet(f"Run {summary.path}", tuple(tables))


def store_sheet(store: CascadeStore) -> Sheet:
    """Show what a cascade file holds."""
    return Sheet(
        f"CascadeStore {store.path}",
        (
            facts(
                data=store.name, cascades=f"{len(store):,}", posts=f"{store.posts:,}",
                classes=", ".join(store.label_names) or NOTHING,
                features=", ".join(store.features) or NOTHING,
                splits=", ".join(store.splits) or NOTHING,
            ),
        ),
    )


def plan_sheet(plan: Plan) -> Sheet:
    """Show what a run would be made of."""
    parts = ", ".join(f"{name} {size:,}" for name, size in plan.parts.items())
    components = (f"{one.kind} {one.name}" for one in plan.components)
    table = facts(
        data=plan.data.get("name"),
        split=f"{plan.split.get('name')}, fold {plan.split.get('fold')}",
        cascades=parts, components=", ".join(components), losses=", ".join(plan.losses),
        parameters=f"{plan.parameters:,}", steps_per_epoch=f"{plan.steps:,}",
    )
    return Sheet("Plan of a run; nothing is written", (table,), tuple(plan.notes))


def predictions_sheet(found: Predictions) -> Sheet:
    """Show the first cascades, and how many are of each class."""
    rows = tuple(_prediction(row) for row in islice(found.rows(), _ROWS))
    several = ("runs",) if found.runs is not None else ()
    columns = ("part", "cascade", "label", "predicted", "p", "posts", "observed", "MRR", *several)
    notes = []
    if len(found) > _ROWS:
        notes.append(f"… and {len(found) - _ROWS:,} more; .rows() gives all of them")
    if found.runs is not None:
        notes.append("each row is the mean over as many runs as the column shows")
    known = (f"{count:,} {part}" for part, count in found.parts.items() if count)
    notes.append(f"cascades by part of the run: {', '.join(known) or 'none'}")
    if found.predicted is not None:
        predicted = (f"{n} {found.predicted.count(n):,}" for n in found.label_names)
        notes.append(f"predicted: {', '.join(predicted)}")
    notes += [f"doubtful: {doubt}" for doubt in found.doubts]
    title = f"Predictions for {plural(len(found), 'cascade')}"
    return Sheet(title, (TextTable(columns, rows),) if rows else (), tuple(notes))


def _prediction(row: dict[str, Any]) -> tuple[str, ...]:
    predicted = row["predicted"]
    return (
        row["part"], row["cascade"], row["label"] or NOTHING, predicted or NOTHING,
        figure(row[f"p_{predicted}"] if predicted else None), f"{row['posts']:,}",
        f"{row['observed_posts']:,}", figure(row["mrr"]),
        *(str(row[name]) for name in ("runs",) if name in row),
    )


def views_sheet(found: PooledViews) -> Sheet:
    """Show the shapes of both views."""
    shapes: Iterable[tuple[str, str]] = (
        (name, str(view.shape)) for name, view in
        (("cascade", found.cascade), ("rumor", found.rumor))
    )
    title = f"Views of {plural(len(found.ids), 'cascade')}"
    return Sheet(title, (TextTable(("view", "shape"), tuple(shapes)),))
