"""The gain of training both tasks together over training each alone on an equal budget."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from dgljoint.config.run_config import RunConfig
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.scores import figures_of
from dgljoint.runs.compare_folders import check_comparable
from dgljoint.runs.listing import differing_settings
from dgljoint.tasks.heads import CASCADE, RUMOR
from dgljoint.training.callbacks import Callback
from dgljoint.training.folder import RunFolder
from dgljoint.training.inputs import resolve_run
from dgljoint.training.parts import TEST
from dgljoint.training.run import train

FIGURES = {CASCADE: "MRR", RUMOR: "macro F1"}
"""The metric by which each task is compared."""
_METRICS = {CASCADE: "mrr", RUMOR: "macro_f1"}
_BOTH = "both"
# What may differ between a joint run and the runs of single tasks without a word.
_EXPECTED = ("train.tasks", "plugins", "default_weighter", "data")


@dataclass(frozen=True, slots=True)
class TaskGain:
    """One task's metric on the test set, trained with the other task and alone.

    ``gain`` is relative, (joint - alone) / alone; ``None`` where ``alone`` is 0.
    """

    figure: str
    joint: float
    alone: float
    gain: float | None


@dataclass(frozen=True, slots=True)
class GradientCosine:
    """The cosine of the tasks' gradients on the shared parameters, by epoch; ``None`` for none."""

    by_epoch: tuple[float, ...]
    mean: float | None
    first: float | None
    last: float | None


@dataclass(frozen=True, slots=True)
class Synergy:
    """Joint training compared with the single tasks.

    ``synergy`` is the mean of the tasks' relative gains; ``None`` where one has none.
    """

    tasks: dict[str, TaskGain]
    synergy: float | None
    gradient_cosine: GradientCosine

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def compare(
    joint: Mapping[str, float], alone: Mapping[str, float], cosines: Sequence[float]
) -> Synergy:
    """Compare each task's metric after joint training and alone; ``cosines`` are by epoch."""
    tasks = {}
    for task, figure in FIGURES.items():
        mine, other = joint[task], alone[task]
        tasks[task] = TaskGain(figure, mine, other, (mine - other) / other if other else None)
    gains = [task.gain for task in tasks.values()]
    known = [gain for gain in gains if gain is not None]
    ends = (fmean(cosines), cosines[0], cosines[-1]) if cosines else (None, None, None)
    return Synergy(
        tasks, fmean(known) if len(known) == len(gains) else None,
        GradientCosine(tuple(cosines), *ends),
    )


def task_figures(scores: Mapping[str, Any]) -> dict[str, float]:
    """Return each scored task's metric from one set of a run's ``scores.json``."""
    found = figures_of(scores)
    return {task: found[metric] for task, metric in _METRICS.items() if metric in found}


def single_task_config(config: RunConfig, task: str) -> RunConfig:
    """Return the run that trains ``task`` alone on an equal budget.

    Only the interactions and the loss weighter are left out: there is nothing to couple or to
    weigh. The default weighter multiplies the only loss by a constant, which AdamW divides out
    again. A meta set that the joint run held out is trained on.
    """
    alone = config.train.model_copy(update={"tasks": task})
    return _without_weighing(config.model_copy(update={"plugins": (), "train": alone}))


def default_single_folder(joint: Path, task: str) -> Path:
    """Name the folder of the run that trains ``task`` alone: next to the joint run's."""
    folder = joint.resolve()
    return folder.with_name(f"{folder.name}-{task}-alone")


def single_task_done(joint: Path, task: str, out: Path) -> bool:
    """Return whether ``out`` holds what :func:`train_single_task` would make."""
    folder = RunFolder(out)
    return folder.finished and _without_weighing(folder.config()) == single_task_config(
        RunFolder(joint).config(), task
    )


def train_single_task(
    joint: Path, task: str, out: Path, *, callbacks: Iterable[Callback] = ()
) -> None:
    """Train ``task`` alone as ``joint`` was trained; continue what ``out`` holds of that."""
    run = RunFolder(joint)
    _check_tasks(run, _BOTH)
    config = single_task_config(run.config(), task)
    store = CascadeStore(Path(config.data))
    run.check_data(store, store.split(config.split))
    resume = RunFolder(out).started
    train(resolve_run(config), out, callbacks=callbacks, resume=resume)


def check_single_run(joint: Path, task: str, single: Path) -> None:
    """Make sure that a joint run and one that trained ``task`` alone can be compared."""
    one, other = RunFolder(joint), RunFolder(single)
    _check_tasks(one, _BOTH)
    _check_tasks(other, task)
    check_comparable(
        one, other, hint="leave out the single runs, and they are trained as the joint one was"
    )
    _figure(one, task)
    _figure(other, task)


def compare_runs(joint: Path, singles: Mapping[str, Path]) -> tuple[Synergy, list[str]]:
    """Compare a finished joint run with the finished run of each single task on the test set.

    Returned are also the settings by which a single run differs from the joint one, beyond what
    makes it single: with any, the budgets are not equal.
    """
    whole = RunFolder(joint)
    alone: dict[str, float] = {}
    differences: list[str] = []
    for task in FIGURES:
        check_single_run(joint, task, singles[task])
        single = RunFolder(singles[task])
        alone[task] = _figure(single, task)
        differences += _differences(whole, single)
    together = {task: _figure(whole, task) for task in FIGURES}
    cosines = [
        record["diagnostics"]["gradient_cosine"]
        for record in whole.records()
        if "gradient_cosine" in record.get("diagnostics", {})
    ]
    return compare(together, alone, cosines), differences


def _figure(run: RunFolder, task: str) -> float:
    found = task_figures(run.scores()[TEST]) if TEST in run.typed_scores() else {}
    if task not in found:
        raise DataError(
            f"{run.path}: the {task} task has no {FIGURES[task]}: nothing in the test part to score"
        )
    return found[task]


def _check_tasks(run: RunFolder, expected: str) -> None:
    tasks = run.config().train.tasks
    if tasks != expected:
        trained = "both tasks" if tasks == _BOTH else f"the {tasks} task alone"
        wanted = "both" if expected == _BOTH else f"the {expected} task alone"
        raise UsageError(
            f"{run.path} trained {trained}, expected {wanted}",
            hint=f"such a run is made with: dgljoint train -s train.tasks={expected}",
        )


def _differences(joint: RunFolder, single: RunFolder) -> list[str]:
    kept = f"options.{joint.config().encoder}."
    return [
        f"{single.path.name}: {name} {theirs!r}, {ours!r} in {joint.path.name}"
        for name, (ours, theirs) in differing_settings(joint.config(), single.config()).items()
        if name not in _EXPECTED and (not name.startswith("options.") or name.startswith(kept))
    ]


def _without_weighing(config: RunConfig) -> RunConfig:
    """Leave out all options of components but the encoder's."""
    own = {name: values for name, values in config.options.items() if name == config.encoder}
    return config.model_copy(update={"options": own})
