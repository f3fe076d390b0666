"""``dgljoint evaluate``: score the model of a run folder again."""

from __future__ import annotations

from pathlib import Path

import click

from dgljoint.plugins.registry import installed_registry
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
    )
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--part", type=click.Choice(["test", "validation"]), default="test", show_default=True,
    help="Part of the split to score.",
)
@device_option
@format_option
@common_options
def evaluate(run: Path, part: str, device: str, as_json: bool) -> None:
    """Score the best model of a run folder again."""
    from dgljoint.training import evaluate_run
    from dgljoint.training.folder import RunFolder
    from dgljoint_cli.scores import protocol_of, score_tables, scores_to_dict

    protocol = protocol_of(RunFolder(run).config())
    scores = evaluate_run(run, registry=installed_registry(), part=part, device=device)
    if as_json:
        print_json({"run": run, **scores_to_dict(scores, protocol)})
        return
    from dgljoint_cli.rendering import render

    render(*score_tables(scores, protocol))
