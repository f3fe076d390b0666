"""Verbs on a folder of runs instead of a single one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgljoint.errors import UsageError
from dgljoint_cli.console import print_json

if TYPE_CHECKING:
    from dgljoint.evaluation.predicting import Predictions
    from dgljoint.runs.several import SeveralScores


def is_several(folder: Path, **single: object) -> bool:
    """Return whether a folder holds runs and is none itself."""
    from dgljoint.runs.several import holds_several

    if not holds_several(folder):
        return False
    for name, value in single.items():
        if value:
            raise UsageError(
                f"--{name} is for a single run, and {folder} holds several",
                hint=f"name one of them; `dgljoint runs list {folder}` shows them",
            )
    return True


def show_scores(found: SeveralScores, folder: Path, *, as_json: bool) -> None:
    """Show each run's scores, their mean and their spread."""
    if as_json:
        print_json({"folder": folder, **found.to_dict()})
    else:
        click.echo(repr(found))


def evaluate_several(
    folder: Path, part: str, on: Path | None, *, device: str, as_json: bool
) -> None:
    """Score the runs of a folder again."""
    from dgljoint import load_runs

    opened = load_runs(folder, device=device)
    found = opened.evaluate(part) if on is None else opened.evaluate_transfer(on)
    show_scores(found, folder, as_json=as_json)


def predict_several(
    folder: Path, data: Path | None, observed: float | str | None, *, device: str
) -> tuple[Predictions, Path]:
    """Average the predictions of the runs of a folder; return the runs' own data, too."""
    from dgljoint import load_runs

    opened = load_runs(folder, device=device)
    return opened.predict(data, observed=observed), Path(opened.runs[0].config.data)


def show_several(folder: Path, *, as_json: bool) -> None:
    """Show what the runs of a folder scored when they ended."""
    from dgljoint.runs.several import several_runs, stored_scores

    show_scores(stored_scores(several_runs(folder)), folder, as_json=as_json)


def report_several(folder: Path, *, as_json: bool) -> None:
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
        print_json({"folder": folder, "report": page, "runs": runs})
        return
    click.echo("\n".join(str(file) for file in (page, *(one for pair in written for one in pair))))
