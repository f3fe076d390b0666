"""``dgljoint evaluate``: score the model of a run folder again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgljoint.errors import UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.completion import complete_run
from dgljoint_cli.console import (
    Talk,
    common_options,
    device_option,
    examples,
    format_option,
    print_json,
)
from dgljoint_cli.data_argument import CascadeFile
from dgljoint_cli.views.several import evaluate_several, is_several

if TYPE_CHECKING:
    from dgljoint.evaluation.scores import EarlyDetection, Scores
    from dgljoint.training.transfer import Transfer

_TEST = "test"


@click.command(
    epilog=examples(
        "dgljoint evaluate runs/demo-bigcn-contrastive-event0-s0",
        "dgljoint evaluate RUN --part validation --format json",
        "dgljoint evaluate RUN --predictions said.csv",
        "dgljoint evaluate RUN --deadlines 0,10m,30m,1h,2h,all",
        "dgljoint evaluate RUN --deadlines 1p,10p,50p,all --curve curve.csv",
        "dgljoint evaluate RUN --on twitter16.h5",
        "dgljoint evaluate study",
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
    "--on", type=CascadeFile(), metavar="OTHER",
    help="Score another cascade file instead: all its cascades but those that the run's own data "
    "hold, too.",
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
@click.pass_obj
def evaluate(
    talk: Talk, /, run: Path, part: str, deadlines: str | None, on: Path | None,
    predictions: Path | None, curve: Path | None, force: bool, device: str, as_json: bool,
) -> None:
    """Score the best model of a run folder again.

    Beside the figures stand 95 % intervals by bootstrap over cascades; the calibration of the
    probabilities is given as it is and with a temperature fitted on the validation part.

    With --deadlines it is the rumor task's course that is shown: nothing later than a deadline
    reaches its figures.

    With --on it is another data set that is scored, by the words and scales of the run's training
    part; its classes are found by their names.

    RUN may be a folder of several runs, such as train --folds --seeds makes: each of them is
    scored, and their mean and standard deviation are shown.
    """
    for file in (predictions, curve):
        if file is not None:
            _check_output(file, force=force)
    if curve is not None and deadlines is None:
        raise UsageError("--curve is of deadlines, and none is given", hint="add --deadlines LIST")
    if on is not None and part != _TEST:
        raise UsageError(
            "--part is of the run's own data, and --on names others", hint="leave one of them out"
        )
    if is_several(run, deadlines=deadlines, predictions=predictions):
        evaluate_several(run, part, on, device=device, as_json=as_json)
        return
    settings: dict[str, Any] = {
        "predictions": predictions, "device": device, "registry": installed_registry()
    }
    if deadlines is None:
        _show(talk, run, _scores(run, part, on, settings), as_json=as_json)
        return
    settings["curve"] = curve
    _show(talk, run, _early_scores(run, part, on, deadlines, settings), as_json=as_json)


def _scores(
    run: Path, part: str, on: Path | None, settings: Mapping[str, Any]
) -> Scores | Transfer[Scores]:
    from dgljoint.training import evaluate_run, evaluate_transfer

    if on is not None:
        return evaluate_transfer(run, on, **settings)
    return evaluate_run(run, part=part, **settings)


def _early_scores(
    run: Path, part: str, on: Path | None, deadlines: str, settings: Mapping[str, Any]
) -> EarlyDetection | Transfer[EarlyDetection]:
    from dgljoint.evaluation.deadlines import parse_deadlines
    from dgljoint.training import evaluate_early, evaluate_transfer_early

    asked = parse_deadlines(deadlines)
    if on is not None:
        return evaluate_transfer_early(run, on, deadlines=asked, **settings)
    return evaluate_early(run, part=part, deadlines=asked, **settings)


def _show(
    talk: Talk, run: Path,
    found: Scores | EarlyDetection | Transfer[Scores] | Transfer[EarlyDetection], *, as_json: bool,
) -> None:
    from dgljoint.evaluation.scores import Scores
    from dgljoint.training import Transfer
    from dgljoint.training.folder import RunFolder
    from dgljoint_cli.views.early import early_table
    from dgljoint_cli.views.scores import protocol_of, score_tables, scores_to_dict

    protocol = protocol_of(RunFolder(run).config())
    moved = found if isinstance(found, Transfer) else None
    scores: Scores | EarlyDetection = found.scores if isinstance(found, Transfer) else found
    for doubt in moved.doubts if moved else ():
        talk.say(f"doubtful: {doubt}")
    if as_json:
        print_json({"run": run, **scores_to_dict(found, protocol)})
        return
    from dgljoint_cli.views.rendering import render

    heading, on = ([moved.protocol], moved.data) if moved else ([], None)
    if isinstance(scores, Scores):
        render(*heading, *score_tables(scores, protocol, on))
    else:
        render(*heading, *early_table(scores, protocol, on))


def _check_output(file: Path, *, force: bool) -> None:
    """Refuse, before anything is worked out, a file that could not be written."""
    if file.is_dir() or not file.parent.is_dir():
        why = "it is a folder" if file.is_dir() else "its folder does not exist"
        raise UsageError(f"cannot write {file}: {why}", hint="name a file in a folder that exists")
    if file.exists() and not force:
        raise UsageError(f"{file} exists", hint="--force replaces it, or name another file")
