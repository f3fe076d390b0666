"""``dgljoint synergy``: what joint training gains over the single tasks."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import click

from dgljoint_cli import arguments, console, views

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dgljoint.runs.stored import Protocol
    from dgljoint.training.synergy import GradientCosine, Synergy

_HALF = 20  # characters from no agreement to full
_NOTHING = "–"


@console.verb(
    "dgljoint synergy runs/demo-bigcn-contrastive-event0-s0",
    "dgljoint synergy JOINT --cascade RUN1 --rumor RUN2 --format json",
)
@click.argument("joint", type=click.Path(path_type=Path), shell_complete=arguments.complete_run)
@click.option(
    "--cascade", type=click.Path(path_type=Path), metavar="RUN",
    help="Run of the cascade task alone; trained next to JOINT by default.",
)
@click.option(
    "--rumor", type=click.Path(path_type=Path), metavar="RUN",
    help="Run of the rumor task alone; trained next to JOINT by default.",
)
@click.pass_obj
def synergy(
    talk: console.Talk, /, joint: Path, cascade: Path | None, rumor: Path | None, as_json: bool
) -> None:
    """Compare a joint run with each task trained alone.

    JOINT is the folder of a finished run. A single run not named is trained with the same data,
    split, fold, seed, encoder and options, without interactions, in JOINT-TASK-alone (train -s
    train.tasks=TASK); a run in that folder is used. The synergy is the mean of the tasks'
    relative gains on the test set: of MRR for links, of macro F1 for rumors.
    """
    from dgljoint.runs.stored import recorded_protocol
    from dgljoint.training.folder import RunFolder
    from dgljoint.training.synergy import check_single_run, compare_runs

    run = RunFolder(joint)
    run.typed_scores()
    protocol = recorded_protocol(run.config(), run.manifest())
    named = {"cascade": cascade, "rumor": rumor}
    for task, given in named.items():  # what is wrong should not wait for what is to be trained
        if given is not None:
            check_single_run(joint, task, given)
    singles = {task: given or _trained(talk, joint, task) for task, given in named.items()}
    found, differences = compare_runs(joint, singles)
    for difference in differences:
        talk.info(f"budgets are not equal: {difference}")
    if as_json:
        console.print_json({
            "joint": joint, "alone": singles, "data": protocol.data, "split": protocol.split,
            "fold": protocol.fold, "disjoint": protocol.disjoint, **found.to_dict(),
            "differences": differences,
        })
        return
    views.rendering.render(*synergy_tables(found, protocol))


def _trained(talk: console.Talk, joint: Path, task: str) -> Path:
    """Train one task alone as ``joint`` was, unless that has been done; return its folder."""
    from dgljoint.training.synergy import default_single_folder, single_task_done, train_single_task
    from dgljoint_cli.progress import watching

    folder = default_single_folder(joint, task)
    if single_task_done(joint, task, folder):
        talk.info(f"the {task} task alone: found in {folder}")
        return folder
    talk.info(f"training the {task} task alone: {folder}")
    with watching(talk) as view:
        train_single_task(joint, task, folder, callbacks=(view,))
    return folder


def synergy_tables(found: Synergy, protocol: Protocol) -> list[RenderableType]:
    """Show the gains, and the cosine of the tasks' gradients over the epochs."""
    gains = views.rendering.Table("task", "figure", "alone", "joint", "gain", numbers=True)
    for name, task in found.tasks.items():
        figures = (f"{task.alone:.3f}", f"{task.joint:.3f}", _percent(task.gain))
        gains.add_row(name, task.figure, *figures)
    gains.add_row("synergy", "mean gain", "", "", _percent(found.synergy), style="bold")
    title = f"joint training and single tasks · test set of {protocol}"
    return [views.rendering.titled(title, gains), *_cosine_tables(found.gradient_cosine)]


def _cosine_tables(found: GradientCosine) -> list[RenderableType]:
    if found.mean is None:
        return ["the joint run logged no cosine of the tasks' gradients"]
    scale = "-1" + " " * (_HALF - 2) + "0" + " " * (_HALF - 1) + "1"
    course = views.rendering.Table("epochs", "cosine", scale)
    course.columns[1].justify = "right"
    for named, some in views.rendering.stretches(len(found.by_epoch)):
        value = fmean(found.by_epoch[some])
        course.add_row(named, f"{value:.3f}", _bar(value))
    title = (
        "cosine of the tasks' gradients on the shared parameters: "
        f"mean {found.mean:.3f}, first {found.first:.3f}, last {found.last:.3f}"
    )
    return [views.rendering.titled(title, course)]


def _bar(value: float) -> str:
    """Draw a value in [-1, 1] as a bar from the middle."""
    length = round(abs(value) * _HALF)
    if value < 0:
        return " " * (_HALF - length) + "█" * length + "│"
    return " " * _HALF + "│" + "█" * length


def _percent(value: float | None) -> str:
    return _NOTHING if value is None else f"{100 * value:+.1f} %"
