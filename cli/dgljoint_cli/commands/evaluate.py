"""``dgljoint evaluate``: score the model of a run folder again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dgljoint.errors import UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint_cli import completion, console
from dgljoint_cli.data_argument import CascadeFile
from dgljoint_cli.views.several import evaluate_several, is_several


@click.command(
    epilog=console.examples(
        "dgljoint evaluate runs/demo-bigcn-contrastive-event0-s0",
        "dgljoint evaluate RUN --part validation --format json",
        "dgljoint evaluate RUN --predictions predictions.csv",
        "dgljoint evaluate RUN --deadlines 0,10m,30m,1h,2h,all",
        "dgljoint evaluate RUN --deadlines 1p,10p,50p,all --curve curve.csv",
        "dgljoint evaluate RUN --on twitter16.h5",
        "dgljoint evaluate study",
    )
)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completion.complete_run)
@click.option(
    "--part", type=click.Choice(["test", "validation"]), default="test", show_default=True,
    help="Set of the split to score.",
)
@click.option(
    "--deadlines", metavar="LIST",
    help="Score each cascade on what was visible by each deadline, separated by commas: times "
    "since the source (30s, 10m, 1h, 2d, 0), numbers of posts (10p), all.",
)
@click.option(
    "--on", type=CascadeFile(), metavar="OTHER",
    help="Score another cascade file instead, without the cascades that the run's own data also "
    "contain.",
)
@click.option(
    "--predictions", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the prediction for every cascade as CSV, like predictions.csv of the folder.",
)
@click.option(
    "--curve", type=click.Path(path_type=Path), metavar="FILE",
    help="With --deadlines: write the metrics as CSV, one line per deadline.",
)
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@console.device_option
@console.format_option
@console.common_options
@click.pass_obj
def evaluate(
    talk: console.Talk, /, run: Path, part: str, deadlines: str | None, on: Path | None,
    predictions: Path | None, curve: Path | None, force: bool, device: str, as_json: bool,
) -> None:
    """Score the best model of a run folder again.

    The metrics have 95 % intervals by bootstrap over cascades. The calibration of the probabilities
    is given without and with a temperature fitted on the validation set.

    With --deadlines it shows the rumor task over time: nothing later than a deadline counts.

    With --on it scores another data set with the words and scales of the run's training set;
    classes are matched by name.

    RUN may be a folder of several runs, such as train --folds --seeds makes: each of them is
    scored, and their mean and standard deviation are shown.
    """
    for file in (predictions, curve):
        if file is not None:
            console.check_output(file, force=force)
    if curve is not None and deadlines is None:
        raise UsageError("--curve needs deadlines, and none is given", hint="add --deadlines LIST")
    if on is not None and part != "test":
        raise UsageError(
            "--part is of the run's own data, and --on names others", hint="leave one of them out"
        )
    if is_several(run, deadlines=deadlines, predictions=predictions):
        evaluate_several(run, part, on, device=device, as_json=as_json)
        return
    from dgljoint import training
    from dgljoint.evaluation.deadlines import parse_deadlines

    data: dict[str, Any] = {"part": part} if on is None else {"other": on}
    settings: dict[str, Any] = {
        "predictions": predictions, "device": device, "registry": installed_registry()
    }
    score: Any = training.evaluate_run if on is None else training.evaluate_transfer
    if deadlines is not None:
        settings |= {"deadlines": parse_deadlines(deadlines), "curve": curve}
        score = training.evaluate_early if on is None else training.evaluate_transfer_early
    _show(talk, run, score(run, **data, **settings), as_json=as_json)


def _show(talk: console.Talk, run: Path, found: Any, *, as_json: bool) -> None:
    from dgljoint import training
    from dgljoint.evaluation.scores import EarlyDetection
    from dgljoint.training.folder import RunFolder
    from dgljoint_cli.views import rendering, score_tables

    protocol = score_tables.protocol_of(RunFolder(run).config())
    scores, heading, on = found, [], None
    if isinstance(found, training.Transfer):
        scores, heading, on = found.scores, [found.protocol], found.data
        for doubt in found.doubts:
            talk.info(f"doubtful: {doubt}")
    if as_json:
        console.print_json({"run": run, **score_tables.scores_to_dict(found, protocol)})
        return
    early = isinstance(scores, EarlyDetection)
    tables = score_tables.early_table if early else score_tables.score_tables
    rendering.render(*heading, *tables(scores, protocol, on))
