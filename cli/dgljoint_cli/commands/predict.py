"""``dgljoint predict``: the predictions of a run's model for cascades, its own or others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgljoint.errors import UsageError
from dgljoint_cli import completion, console
from dgljoint_cli.data_argument import CascadeFile
from dgljoint_cli.views.several import is_several, predict_several

if TYPE_CHECKING:
    from dgljoint.evaluation.predicting import LinkRanking

_STDOUT = Path("-")


def _parse_observed(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> float | str | None:
    """Return a share as a number and a deadline as text: a plain number other than 0 is a share."""
    try:
        return float(value) or value if value else None
    except ValueError:
        return value


@click.command(
    epilog=console.examples(
        "dgljoint predict RUN twitter16.h5 -o predictions.csv",
        "dgljoint predict RUN twitter16.h5 --observed 1h -o - | sort",
        "dgljoint predict RUN --links 3 --format json",
    )
)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completion.complete_run)
@click.argument("data", required=False, metavar="[DATA]", type=CascadeFile())
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
@console.format_option
@console.common_options
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
    _check_options(out, force=force, links=links is not None, as_json=as_json)
    if is_several(run, links=links):
        found, own = predict_several(run, data, observed, device=device)
    else:
        from dgljoint import load_run

        opened = load_run(run, device=device)
        found = opened.predict(data, observed=observed, links=links or False)
        own = Path(opened.config.data)
    from dgljoint_cli.views import prediction_tables, rendering

    for doubt in found.doubts:
        talk.info(f"doubtful: {doubt}")
    if as_json or out is not None:
        talk.info(prediction_tables.parts_line(found))
    if out == _STDOUT:
        click.echo(prediction_tables.to_csv(found), nl=False)
        return
    if out is not None:
        from dgljoint._internal.files import write_text

        write_text(out, prediction_tables.to_csv(found))
        talk.info(f"{out}: {len(found):,} cascades")
    if not as_json:
        shown = 0 if out else prediction_tables.ROWS
        rendering.render(*prediction_tables.tables(found, shown=shown))
        return
    values: dict[str, Any] = {
        "run": run,
        "data": data or own,
        "label_names": found.label_names,
        "never_predicted": [n for n in found.classes if n not in found.label_names],
        "parts": found.parts,
        "doubts": found.doubts,
        "predictions": list(found.rows()),
    }
    if found.links is not None:
        values["links"] = [_ranking(ranking) for ranking in found.links]
    console.print_json(values)


def _check_options(out: Path | None, *, force: bool, links: bool, as_json: bool) -> None:
    if links and not as_json:
        raise UsageError("--links needs the JSON format", hint="add --format json")
    if out == _STDOUT:
        if as_json:
            raise UsageError(
                "-o - and --format json both write to stdout", hint="leave out one of them"
            )
    elif out is not None:
        console.check_output(out, force=force)


def _ranking(ranking: LinkRanking) -> dict[str, object]:
    return {
        "cascade": ranking.cascade,
        "post": ranking.post,
        "parent": ranking.parent,
        "candidates": ranking.candidates.tolist(),
        "scores": ranking.scores.tolist(),
    }
