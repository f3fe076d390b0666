"""``dgljoint evaluate`` and ``dgljoint predict``: the model of a run folder at work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import dgljoint
from dgljoint import training
from dgljoint_cli import arguments, console, views

if TYPE_CHECKING:
    from dgljoint.runs.several import SeveralScores

_STDOUT = Path("-")


run_argument = click.argument(
    "run", type=click.Path(path_type=Path), shell_complete=arguments.complete_run
)


@console.verb(
    "dgljoint evaluate runs/demo-bigcn-contrastive-event0-s0",
    "dgljoint evaluate RUN --part validation --format json",
    "dgljoint evaluate RUN --predictions predictions.csv",
    "dgljoint evaluate RUN --deadlines 0,10m,30m,1h,2h,all",
    "dgljoint evaluate RUN --deadlines 1p,10p,50p,all --curve curve.csv",
    "dgljoint evaluate RUN --on twitter16.h5",
    "dgljoint evaluate study",
    "dgljoint evaluate study --together",
)
@run_argument
@click.option(
    "--together", is_flag=True,
    help="Of a folder of several runs: score those of each fold as one predictor, whose "
    "probabilities are the mean of theirs, on the test set.",
)
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
    "--on", type=arguments.CascadeFile(), metavar="OTHER",
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
@click.pass_obj
def evaluate(
    talk: console.Talk, /, run: Path, together: bool, part: str, deadlines: str | None,
    on: Path | None, predictions: Path | None, curve: Path | None, force: bool, device: str,
    as_json: bool,
) -> None:
    """Score the best model of a run folder again.

    The metrics have 95 % intervals by bootstrap over events. The calibration of the probabilities
    is given without and with a temperature fitted on the validation set.

    With --deadlines it shows the rumor task over time: nothing later than a deadline counts.

    With --on it scores another data set with the words and scales of the run's training set;
    classes are matched by name.

    RUN may be a folder of several runs, such as train --folds --seeds makes: each of them is
    scored, and their mean and standard deviation are shown; --together scores the runs of a fold as
    one.
    """
    _check_options(together=together, part=part, on=on, deadlines=deadlines, curve=curve)
    for file in (predictions, curve):
        if file is not None:
            console.check_output(file, force=force)
    if is_several(run, deadlines=deadlines, predictions=predictions):
        runs = dgljoint.load_runs(run, device=device)
        if together:
            scored = runs.evaluate_together()
        else:
            scored = runs.evaluate(part) if on is None else runs.evaluate_transfer(on)
        show_scores(scored, run, as_json=as_json)
        return
    if together:
        raise dgljoint.UsageError(
            f"{run} is a single run", hint="name a folder of several: train --seeds 0-2 makes one"
        )
    from dgljoint.data.observation import parse_deadlines
    from dgljoint.runs import stored

    settings: dict[str, Any] = {"predictions": predictions, "device": device}
    settings |= {"part": part} if on is None else {"other": on}
    score: Any = training.evaluate_run if on is None else training.evaluate_transfer
    if deadlines is not None:
        settings |= {"deadlines": parse_deadlines(deadlines), "curve": curve}
        score = training.evaluate_early if on is None else training.evaluate_transfer_early
    found: Any = score(run, **settings)
    of = stored.StoredRun(run)
    protocol = stored.recorded_protocol(of.config(), of.manifest())
    scores, heading, data = found, [], None
    if isinstance(found, training.Transfer):
        scores, heading, data = found.scores, [found.protocol], found.data
        for doubt in found.doubts:
            talk.info(f"doubtful: {doubt}")
    shown = views.evaluation_tables
    tables = shown.score_tables if deadlines is None else shown.early_table
    console.show(
        {"run": run, **shown.scores_to_dict(found, protocol)},
        lambda: [*heading, *tables(scores, protocol, data)], as_json=as_json,
    )


def _parse_observed(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> float | str | None:
    """Return a share as a number and a deadline as text: a plain number other than 0 is a share."""
    try:
        return float(value) or value if value else None
    except ValueError:
        return value


@console.verb(
    "dgljoint predict RUN twitter16.h5 -o predictions.csv",
    "dgljoint predict RUN twitter16.h5 --observed 1h -o - | sort",
    "dgljoint predict RUN --links 3 --format json",
)
@run_argument
@click.argument("data", required=False, metavar="[DATA]", type=arguments.CascadeFile())
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
    help="CSV file to write, one line per cascade; - for stdout.",
)
@click.option(
    "--observed", metavar="SHARE|DEADLINE", callback=_parse_observed,
    help="What the model sees of each cascade: a share of its posts by time (0.5), and it predicts "
    "the parents of the later ones; or the posts by a deadline (1h, 10p, all), without any later "
    "ones. The share of the run by default.",
)
@click.option(
    "--links", type=click.IntRange(min=1), metavar="K",
    help="Rank the K likeliest parents of every post that is not seen; with --format json.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@console.device_option
@click.pass_obj
def predict(
    talk: console.Talk, /, run: Path, data: Path | None, out: Path | None,
    observed: float | str | None, links: int | None, force: bool, device: str, as_json: bool,
) -> None:
    """Classify cascades by the best model of a run folder.

    DATA is a file that preprocess wrote with the same features as the run's own data, which are
    used without DATA: words are matched by their spelling, other columns by their number. Each
    cascade is marked as part of the run's training, validation or test set, or as new to it.

    RUN may be a folder of several runs: probabilities are averaged. A cascade that is new to them
    gets the mean over all runs; one of their own data the mean over the runs that have it in their
    test set, and is marked where there is none.
    """
    if links and not as_json:
        raise dgljoint.UsageError("--links needs the JSON format", hint="add --format json")
    if out == _STDOUT and as_json:
        raise dgljoint.UsageError(
            "-o - and --format json both write to stdout", hint="leave out one of them"
        )
    if out is not None and out != _STDOUT:
        console.check_output(out, force=force)
    if is_several(run, links=links):
        several = dgljoint.load_runs(run, device=device)
        found = several.predict(data, observed=observed)
        own = Path(several.runs[0].config.data)
    else:
        opened = dgljoint.load_run(run, device=device)
        found = opened.predict(data, observed=observed, links=links or False)
        own = Path(opened.config.data)
    for doubt in found.doubts:
        talk.info(f"doubtful: {doubt}")
    if as_json or out is not None:
        talk.info(views.evaluation_tables.parts_line(found))
    from dgljoint._internal.files import write_text
    from dgljoint.evaluation.predicting import to_csv

    if out == _STDOUT:
        click.echo(to_csv({"": found}), nl=False)
        return
    if out is not None:
        write_text(out, to_csv({"": found}))
        talk.info(f"{out}: {len(found):,} cascades")
    rows = 0 if out else views.evaluation_tables.ROWS
    console.show(
        {"run": run, "data": data or own, **_values(found)} if as_json else None,
        lambda: views.evaluation_tables.prediction_tables(found, shown=rows), as_json=as_json,
    )


def _values(found: dgljoint.Predictions) -> dict[str, Any]:
    values: dict[str, Any] = {
        "label_names": found.label_names,
        "never_predicted": [n for n in found.classes if n not in found.label_names],
        "parts": found.parts,
        "doubts": found.doubts,
        "predictions": list(found.rows()),
    }
    if found.links is not None:
        values["links"] = [
            {
                "cascade": one.cascade, "post": one.post, "parent": one.parent,
                "candidates": one.candidates.tolist(), "scores": one.scores.tolist(),
            }
            for one in found.links
        ]
    return values


def is_several(folder: Path, **single: object) -> bool:
    """Return whether a folder holds runs and is none itself; refuse options for a single one."""
    from dgljoint.runs.several import holds_several

    if not holds_several(folder):
        return False
    for name, value in single.items():
        if value:
            raise dgljoint.UsageError(
                f"--{name} is for a single run, and {folder} holds several",
                hint=f"name one of them; `dgljoint runs list {folder}` shows them",
            )
    return True


def show_scores(found: SeveralScores, folder: Path, *, as_json: bool) -> None:
    """Show each run's scores, their mean and their spread."""
    if as_json:
        console.print_json({"folder": folder, **found.to_dict()})
    else:
        click.echo(repr(found))


def _check_options(
    *, together: bool, part: str, on: Path | None, deadlines: str | None, curve: Path | None
) -> None:
    """Refuse options that exclude one another."""
    if together and (part != "test" or on is not None or deadlines is not None):
        raise dgljoint.UsageError(
            "--together is of the test set that the runs of a fold share",
            hint="leave out --part, --on and --deadlines",
        )
    if curve is not None and deadlines is None:
        raise dgljoint.UsageError("--curve needs deadlines", hint="add --deadlines LIST")
    if on is not None and part != "test":
        raise dgljoint.UsageError(
            "--part is of the run's own data, and --on names others", hint="leave one of them out"
        )
