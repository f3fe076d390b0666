"""``dgljoint evaluate``: score the model of a run folder again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dgljoint.errors import UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.completion import complete_run
from dgljoint_cli.console import (
    common_options,
    device_option,
    examples,
    format_option,
    print_json,
)


@click.command(
    epilog=examples(
        "dgljoint evaluate runs/demo-bigcn-contrastive-event0-s0",
        "dgljoint evaluate RUN --part validation --format json",
        "dgljoint evaluate RUN --predictions said.csv",
        "dgljoint evaluate RUN --deadlines 0,10m,30m,1h,2h,all",
        "dgljoint evaluate RUN --deadlines 1p,10p,50p,all --curve curve.csv",
    )
)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--part", type=click.Choice(["test", "validation"]), default="test", show_default=True,
    help="Part of the split to score.",
)
@click.option(
    "--deadlines", metavar="LIST",
    help="Score each cascade on what was visible by then, for each of a list with commas: times "
    "since the source (30s, 10m, 1h, 2d, 0), numbers of posts (10p), all.",
)
@click.option(
    "--predictions", type=click.Path(path_type=Path), metavar="FILE",
    help="Write a CSV file of what is said of every cascade, as predictions.csv of the folder.",
)
@click.option(
    "--curve", type=click.Path(path_type=Path), metavar="FILE",
    help="With --deadlines: write a CSV file of the figures, a line a deadline.",
)
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@device_option
@format_option
@common_options
def evaluate(
    run: Path, part: str, deadlines: str | None, predictions: Path | None, curve: Path | None,
    force: bool, device: str, as_json: bool,
) -> None:
    """Score the best model of a run folder again.

    Beside the figures stand 95 % intervals by bootstrap over cascades; the calibration of the
    probabilities is given as it is and with a temperature fitted on the validation part.

    With --deadlines it is the rumor task's course that is shown: nothing later than a deadline
    reaches its figures.
    """
    for file in (predictions, curve):
        if file is not None:
            _check_output(file, force=force)
    if deadlines is not None:
        _evaluate_early(
            run, deadlines, as_json=as_json, part=part, predictions=predictions, curve=curve,
            device=device,
        )
        return
    if curve is not None:
        raise UsageError("--curve is of deadlines, and none is given", hint="add --deadlines LIST")
    from dgljoint.training import evaluate_run
    from dgljoint.training.folder import RunFolder
    from dgljoint_cli.scores import protocol_of, score_tables, scores_to_dict

    protocol = protocol_of(RunFolder(run).config())
    scores = evaluate_run(
        run, registry=installed_registry(), part=part, predictions=predictions, device=device
    )
    if as_json:
        print_json({"run": run, **scores_to_dict(scores, protocol)})
        return
    from dgljoint_cli.rendering import render

    render(*score_tables(scores, protocol))


def _evaluate_early(run: Path, deadlines: str, *, as_json: bool, **settings: Any) -> None:
    from dgljoint.evaluation.deadlines import parse_deadlines
    from dgljoint.training import evaluate_early
    from dgljoint.training.folder import RunFolder
    from dgljoint_cli.early import early_table
    from dgljoint_cli.scores import protocol_of, scores_to_dict

    asked = parse_deadlines(deadlines)
    protocol = protocol_of(RunFolder(run).config())
    found = evaluate_early(run, registry=installed_registry(), deadlines=asked, **settings)
    if as_json:
        print_json({"run": run, **scores_to_dict(found, protocol)})
        return
    from dgljoint_cli.rendering import render

    render(*early_table(found, protocol))


def _check_output(file: Path, *, force: bool) -> None:
    """Refuse, before anything is worked out, a file that could not be written."""
    if file.is_dir() or not file.parent.is_dir():
        why = "it is a folder" if file.is_dir() else "its folder does not exist"
        raise UsageError(f"cannot write {file}: {why}", hint="name a file in a folder that exists")
    if file.exists() and not force:
        raise UsageError(f"{file} exists", hint="--force replaces it, or name another file")
