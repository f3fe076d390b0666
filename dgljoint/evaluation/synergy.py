"""The gain of training both tasks together over training each alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from dgljoint.evaluation.scores import figures_of
from dgljoint.tasks.losses import CASCADE, RUMOR

FIGURES = {CASCADE: "MRR", RUMOR: "macro F1"}
"""The metric by which each task is compared."""
_METRICS = {CASCADE: "mrr", RUMOR: "macro_f1"}


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

    Attributes:
        tasks: by name.
        synergy: mean of the tasks' relative gains; ``None`` where one has none.
        gradient_cosine: of the joint run.
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
