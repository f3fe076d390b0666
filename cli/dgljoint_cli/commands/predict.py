"""``dgljoint predict``: what the model of a run says of cascades, its own or others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgljoint.errors import UsageError
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
from dgljoint_cli.views.several import is_several, predict_several

if TYPE_CHECKING:
    from dgljoint.evaluation.predicting import LinkRanking, Predictions

_STDOUT = Path("-")


def _parse_observed(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> float | str | None:
    """Tell a share from a deadline: a plain number other than 0 is a share."""
    try:
        return float(value) or value if value else None
    except ValueError:
        return value


@click.command(
    epilog=examples(
        "dgljoint predict RUN twitter16.h5 -o predictions.csv",
        "dgljoint predict RUN twitter16.h5 --observed 1h -o - | sort",
        "dgljoint predict RUN --links 3 --format json",
    )
)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.argument("data", required=False, metavar="[DATA]", type=CascadeFile())
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
    help="CSV file to write, a line a cascade; - for stdout.",
)
@click.option(
    "--observed", metavar="SHARE|DEADLINE", callback=_parse_observed,
    help="What the model sees of each cascade: a share of its posts by time (0.5), later ones are "
    "asked for their parent; or what was there by a deadline (1h, 10p, all), later ones have "
    "never come. The share of the run by default.",
)
@click.option(
    "--links", type=click.IntRange(min=1), metavar="K",
    help="Rank the K likeliest parents of every post that is not seen; with --format json.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@device_option
@format_option
@common_options
@click.pass_obj
def predict(
    talk: Talk, /, run: Path, data: Path | None, out: Path | None, observed: float | str | None,
    links: int | None, force: bool, device: str, as_json: bool,
) -> None:
    """Classify cascades by the best model of a run folder.

    DATA is a file that preprocess wrote with the features of the run's own, which is used when none
    is given: words are matched by their spelling, other columns by their number. Each cascade is
    said to be of the training, validation or test set of the run, or new to it.

    RUN may be a folder of several runs: probabilities are averaged. A cascade that is new to them
    gets the mean over all runs; one of their own data the mean over the runs that have it in their
    test set, and is marked where there is none.
    """
    _check_output(out, force=force, links=links is not None, as_json=as_json)
    from dgljoint_cli.views import predicting

    if is_several(run, links=links):
        found, own = predict_several(run, data, observed, device=device)
    else:
        from dgljoint import load_run

        opened = load_run(run, device=device)
        found = opened.predict(data, observed=observed, links=links or False)
        own = Path(opened.config.data)
    for doubt in found.doubts:
        talk.say(f"doubtful: {doubt}")
    if as_json or out is not None:
        talk.say(predicting.parts_line(found))
    if out == _STDOUT:
        click.echo(predicting.to_csv(found), nl=False)
        return
    if out is not None:
        from dgljoint._internal.files import write_text

        write_text(out, predicting.to_csv(found))
        talk.say(f"{out}: {len(found):,} cascades")
    if as_json:
        print_json(
            {
                "run": run,
                "data": data or own,
                "label_names": found.label_names,
                "never_predicted": [n for n in found.classes if n not in found.label_names],
                "parts": found.parts,
                "doubts": found.doubts,
                "predictions": list(found.rows()),
                **_links(found),
            }
        )
        return
    from dgljoint_cli.views.rendering import render

    render(*predicting.tables(found, shown=0 if out else predicting.ROWS))


def _check_output(out: Path | None, *, force: bool, links: bool, as_json: bool) -> None:
    if links and not as_json:
        raise UsageError("--links has a place in JSON alone", hint="add --format json")
    if out is None:
        return
    if out == _STDOUT:
        if as_json:
            raise UsageError(
                "-o - and --format json both write to stdout", hint="leave out one of them"
            )
    elif out.is_dir():
        raise UsageError(f"{out} is a folder", hint="name a file in it")
    elif out.exists() and not force:
        raise UsageError(f"{out} exists", hint="--force replaces it, or name another file")


def _links(found: Predictions) -> dict[str, object]:
    if found.links is None:
        return {}
    return {"links": [_ranking(ranking) for ranking in found.links]}


def _ranking(ranking: LinkRanking) -> dict[str, object]:
    return {
        "cascade": ranking.cascade,
        "post": ranking.post,
        "parent": ranking.parent,
        "candidates": ranking.candidates.tolist(),
        "scores": ranking.scores.tolist(),
    }
