"""``dgljoint train``: plan a run, train it, show the metrics of the test set."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import dgljoint
from dgljoint import training
from dgljoint.runs import folders
from dgljoint_cli import arguments, console, views
from dgljoint_cli.commands import train_study as several

if TYPE_CHECKING:
    from dgljoint.config.run_config import RunConfig

_IN_THE_RUN = ""


@console.verb(
    "dgljoint train --plugin contrastive --plugin meta_weight",
    "dgljoint train --preset mine.toml --seed 1",
    "dgljoint train twitter15.h5 --encoder gcn -s train.batch=128 --seed 1",
    "dgljoint train twitter15.h5 --features bow --features time",
    "dgljoint train twitter15.h5 --labels true,false",
    "dgljoint train twitter15.h5 --merge rumor=true+false+unverified",
    "dgljoint train twitter15.h5 --device cuda --precision bf16 --batch-posts 20000",
    "dgljoint train twitter15.h5 --tensorboard",
    "torchrun --nproc-per-node 2 --no-python dgljoint train twitter15.h5",
    "dgljoint train twitter15.h5 --plugin contrastive -s contrastive.temperature=0.2 "
    "--dry-run",
    "dgljoint train twitter15.h5 --folds all --seeds 0-4 --jobs 2 --out study",
    "dgljoint train --resume --out study --jobs 2",
)
@click.argument("data", required=False, metavar="[DATA]", type=arguments.CascadeFile())
@click.option(
    "--plugin", "plugins", multiple=True, metavar="NAME",
    shell_complete=arguments.complete_coupling,
    help="Interaction or loss weighter; repeatable, interactions apply in this order.",
)
@click.option(
    "--encoder", metavar="NAME", shell_complete=arguments.complete_encoder, help="Shared encoder."
)
@click.option(
    "-s", "--set", "assignments", multiple=True, metavar="SECTION.KEY=VALUE",
    shell_complete=arguments.complete_assignment,
    help="Option of a plugin or of the engine (model, train, cascade, features); repeatable.",
)
@click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE",
    help="TOML file with any of these settings; config.toml of a run folder repeats that run.",
)
@click.option(
    "--preset", metavar="NAME|FILE", envvar="DGLJOINT_PRESET",
    shell_complete=arguments.complete_preset,
    help="Settings under a name, or a TOML file of them; everything else overrides them, and "
    "--plugin replaces their plugins. `dgljoint plugins presets` lists them.",
)
@click.option(
    "--features", "use", multiple=True, metavar="NAME",
    help="Feature of the data to use; repeatable, all by default; data info lists them.",
)
@click.option(
    "--labels", metavar="CLASS,CLASS",
    help="Classes of the run, after --merge; cascades of others are left out. All by default.",
)
@click.option(
    "--merge", multiple=True, metavar="NEW=CLASS+CLASS",
    help="Join classes under a new name, as in rumor=true+false+unverified; repeatable.",
)
@click.option(
    "--split", metavar="NAME", shell_complete=arguments.complete_split,
    help="Split of the data: event (default), random, time, leave-one-event-out; data info lists "
    "a file's.",
)
@click.option("--fold", type=int, help="Fold that is the test set.")
@click.option("--seed", type=int, help="Seed of everything random.")
@click.option("--epochs", type=int, help="Maximum number of epochs; short for -s train.epochs=N.")
@click.option(
    "--batch-posts", type=int, metavar="N",
    help="Most posts per step, which limits its memory; short for -s train.batch_posts=N.",
)
@click.option(
    "--precision", type=click.Choice(["32", "bf16"]),
    help="Precision of the model's arithmetic; short for -s train.precision=32|bf16.",
)
@click.option(
    "--tasks", type=click.Choice(["both", "cascade", "rumor"]),
    help="Tasks to train; short for -s train.tasks=both|cascade|rumor.",
)
@click.option(
    "--init-from", metavar="RUN", shell_complete=arguments.complete_run,
    help="Run folder whose parameters the model starts from; short for -s train.init_from=RUN.",
)
@console.device_option
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="DIR",
    shell_complete=arguments.complete_run,
    help="Run folder; named after the run under runs/ by default.",
)
@click.option(
    "--tensorboard", "board", is_flag=False, flag_value=_IN_THE_RUN, metavar="[DIR]",
    help="Also write metrics for TensorBoard, by default into the folder tensorboard of the run.",
)
@several.study_options
@click.option("--dry-run", is_flag=True, help="Show the plan and write no run.")
@click.option(
    "--resume", is_flag=True,
    help="Continue the run or runs in --out; one that was killed before its first save starts "
    "again.",
)
@click.option("--force", is_flag=True, help="Replace the contents of the run folder.")
@click.pass_obj
def train(
    talk: console.Talk, /, out: Path | None, file: Path | None, dry_run: bool, resume: bool,
    force: bool, device: str, board: str | None, as_json: bool, folds: str | None,
    seeds: str | None, jobs: int | None, **settings: Any,
) -> None:
    """Train both tasks together.

    DATA is a file that preprocess wrote; without it the built-in synthetic demo set is used.

    Under torchrun, the processes share each batch.
    """
    if resume:
        out = folders.resumed_folder(out, force=force)
    others = console.process_number() > 0
    talk.quiet |= others
    asked = several.asked_for(
        folds, seeds, jobs, fold=settings["fold"], seed=settings["seed"],
        resumed=out if resume else None,
    )
    if resume and out is not None and file is None:
        needed = all(value in (None, ()) for value in settings.values())
        file = folders.settings_of(out, several=asked is not None, needed=needed)
    runs = folders.DEFAULT_FOLDER if out is None else out.parent
    demo = partial(arguments.demo_file, talk, None if dry_run else runs)
    inputs = training.resolve_run(_configuration(file, **settings), demo)
    if asked is not None:
        if board is not None:
            raise dgljoint.UsageError("--tensorboard is for a single run", hint="leave it out")
        study = asked.plan(inputs.config, out, device)
        if dry_run:
            several.show_study_plan(study, jobs=asked.jobs, as_json=as_json)
        else:
            several.train_study(
                talk, study, jobs=asked.jobs, resume=resume, force=force, as_json=as_json
            )
        return
    if dry_run:
        plan = training.plan_run(inputs)
        console.show(asdict(plan), lambda: [views.rendering.plan_tree(plan)], as_json=as_json)
        return
    from dgljoint_cli.progress import watching

    folder = out or folders.default_folder(inputs.config, inputs.store.name)
    with watching(talk) as view, ExitStack() as stack:
        callbacks = [view]
        if board is not None:
            place = folder / "tensorboard" if board == _IN_THE_RUN else Path(board)
            callbacks.append(stack.enter_context(dgljoint.TensorBoard(place)))
        result = training.train(
            inputs, folder, callbacks=callbacks, resume=resume, force=force, device=device
        )
    if not others:
        _show_result(result, inputs, as_json=as_json)


def _configuration(
    file: Path | None, *, preset: str | None, data: Path | None, assignments: tuple[str, ...],
    use: tuple[str, ...], **flags: Any,
) -> RunConfig:
    from dgljoint.config.presets import find_preset
    from dgljoint.config.sources import resolve_config

    short = ("epochs", "batch_posts", "precision", "tasks", "init_from")
    train = {name: flags.pop(name) for name in short}
    given = {"data": str(data) if data else None, "train": train, "features": {"use": use}, **flags}
    return resolve_config(
        preset=find_preset(preset) if preset else None, file=file, environment=os.environ,
        command_line=given, assignments=assignments,
    )


def _show_result(result: training.RunResult, inputs: training.RunInputs, *, as_json: bool) -> None:
    shown = views.evaluation_tables
    protocol = shown.protocol_of(inputs)
    plain = {
        "run": result.folder,
        "best_epoch": result.best_epoch,
        "notes": result.notes,
        "validation": shown.scores_to_dict(result.validation, protocol),
        "test": shown.scores_to_dict(result.test, protocol),
    }
    last = (
        f"model of epoch {result.best_epoch}, selected on the validation set; "
        f"run folder: {result.folder}"
    )
    notes = [f"note: {note}" for note in result.notes]
    console.show(
        plain, lambda: [*shown.score_tables(result.test, protocol), *notes, last], as_json=as_json
    )
