"""``dgljoint runs``: the runs on disk, listed, shown and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgljoint_cli import arguments, console, views
from dgljoint_cli.commands.evaluate import is_several, show_scores

if TYPE_CHECKING:
    from dgljoint.runs.listing import RunFacts, RunSummary, Setting

_FIGURES = ("accuracy", "macro_f1", "mrr")
_SORTS = (
    "name", "date", "tasks", "data", "split", "fold", "seed", "encoder", "state", "best_epoch",
    *_FIGURES,
)


@click.group(
    cls=console.SuggestingGroup,
    epilog=console.examples("dgljoint runs list", "dgljoint runs compare STUDY_A STUDY_B"),
)
def runs() -> None:
    """List, show, compare and report the runs on disk."""


@console.verb(
    "dgljoint runs list", "dgljoint runs list studies --sort macro_f1",
    "dgljoint runs list --format json", of=runs, name="list",
)
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option(
    "--sort", type=click.Choice(_SORTS), default="name", show_default=True,
    help="What to sort by: figures from the best down, all else upwards.",
)
def list_runs(folder: Path | None, sort: str, as_json: bool) -> None:
    """List the runs in DIR and in its folders, at any depth: runs/ by default.

    Metrics are those of the test set. Only the runs' own descriptions are read, so that
    hundreds are listed in a moment; an unreadable run is listed as broken, with the reason.
    """
    from dgljoint._internal.files import held_folders
    from dgljoint.runs.listing import find_runs, summarize

    where, held = folder or Path("runs"), held_folders()
    found = [summarize(path, _name_below(where, path), held) for path in find_runs(where)]
    found.sort(key=lambda run: _order(run, sort))
    console.show(
        [run.to_dict() for run in found],
        lambda: views.run_tables.run_tables(found) if found else [f"there are no runs in {where}"],
        as_json=as_json,
    )


@console.verb(
    "dgljoint runs show runs/demo-bigcn-contrastive-event0-s0",
    "dgljoint runs show RUN --format json",
    of=runs,
)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=arguments.complete_run)
def show(run: Path, as_json: bool) -> None:
    """Show one run: settings, versions, data, the course of its epochs, its figures.

    Settings are those that differ from the defaults. RUN may be a folder of several runs: the
    scores of each, their mean and their standard deviation are shown.
    """
    if is_several(run):
        from dgljoint.runs.several import several_runs, stored_scores

        show_scores(stored_scores(several_runs(run)), run, as_json=as_json)
        return
    from dgljoint.plugins.registry import installed_registry
    from dgljoint.runs.listing import changed_settings, read_facts

    facts = read_facts(run)
    changed = changed_settings(facts.config, installed_registry())
    console.show(
        describe_run(facts, changed), lambda: views.run_tables.run_details(facts, changed),
        as_json=as_json,
    )


@console.verb(
    "dgljoint runs compare RUN_A RUN_B",
    "dgljoint runs compare baseline attention hybrid --metric macro_f1 --metric mrr",
    "dgljoint runs compare STUDY_A STUDY_B --format markdown",
    of=runs, formats=False,
)
@click.argument(
    "sides", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="A B...",
    shell_complete=arguments.complete_run,
)
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", shell_complete=arguments.complete_figure,
    help="Figure to compare; repeatable. By default accuracy, macro_f1, mrr, mrr_not_source, "
    "mrr_without_source and hits1.",
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "markdown"]), default="table",
    show_default=True, help="Form of the result on stdout.",
)
def compare(sides: tuple[Path, ...], metrics: tuple[str, ...], form: str) -> None:
    """Compare finished runs on their test parts.

    Each of A, B, ... is a run folder, or a folder of runs that differ in fold and seed alone (such
    as train --folds all --seeds 0-4 makes); A is what the others are compared with. Runs of the
    same fold and seed are paired.

    From five pairs on the difference has a 95 % interval, by resampling pairs; from six on it is
    tested (Wilcoxon's signed ranks, corrected by Holm for all rows shown). For one pair the
    events of its test set are resampled.
    """
    from dgljoint.runs.compare_folders import METRICS, compare_runs
    from dgljoint_bench.reporting.titles import check_figures

    check_figures(metrics)
    found = compare_runs(sides, metrics or METRICS)
    if form == "json":
        console.print_json(found.to_dict())
    elif form == "markdown":
        click.echo(views.comparison_tables.run_comparison_markdown(found))
    else:
        views.rendering.render(*views.comparison_tables.run_comparison_tables(found))


@console.verb("dgljoint runs report RUN", "dgljoint runs report RUN --format json", of=runs)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=arguments.complete_run)
def report(run: Path, as_json: bool) -> None:
    """Write a run's report.html and model_card.md again.

    Both are written at the end of training. They are made from the run folder; the data
    are not needed. A run that has not ended gets a report of its epochs so far. Where RUN is a
    folder of several runs, those of every run are written, and a report.html over all of them.
    """
    if is_several(run):
        _report_several(run, as_json=as_json)
        return
    from dgljoint.reporting.write import write_reports

    page, card = write_reports(run)
    if as_json:
        console.print_json({"run": run, "report": page, "model_card": card})
        return
    click.echo(f"{page}\n{card}")


def _report_several(folder: Path, *, as_json: bool) -> None:
    """Write the report of every run again, and a page over all of them."""
    from dgljoint.reporting.write import write_reports
    from dgljoint.runs.several import several_runs, stored_scores, write_page

    several = several_runs(folder)
    scores = stored_scores(several)
    written = [write_reports(run.path) for run in several.runs]
    page = write_page(scores, folder)
    if as_json:
        runs = [
            {"run": run.path, "report": report, "model_card": card}
            for run, (report, card) in zip(several.runs, written, strict=True)
        ]
        console.print_json({"folder": folder, "report": page, "runs": runs})
        return
    click.echo("\n".join(str(file) for file in (page, *(one for pair in written for one in pair))))


def describe_run(facts: RunFacts, changed: list[Setting]) -> dict[str, Any]:
    """Describe a run as plain values."""
    from dataclasses import asdict

    return {
        **facts.summary.to_dict(),
        "protocol": {**asdict(facts.protocol), "kept": facts.protocol.kept},
        "manifest": facts.manifest,
        "changed_settings": {setting.name: setting.value for setting in changed},
        "config": facts.config.model_dump(mode="json"),
        "epochs_done": facts.records,
        "scores": {part: scores.to_dict() for part, scores in facts.scores.items()},
    }


def _name_below(folder: Path, path: Path) -> str:
    return path.name if path == folder else str(path.relative_to(folder))


def _order(run: RunSummary, key: str) -> tuple[bool, Any, str]:
    """Put what has no such value last."""
    value = run.figures.get(key) if key in _FIGURES else getattr(run, key)
    if value is None:
        return True, 0, run.name
    return False, -value if key in _FIGURES else value, run.name
