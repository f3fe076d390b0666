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
