"""What training both tasks together is worth beside training each alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from dgljoint.evaluation.scores import ALL, MODEL
from dgljoint.tasks.losses import CASCADE, RUMOR

FIGURES = {CASCADE: "MRR", RUMOR: "macro F1"}
"""The figure by which each task is compared."""


@dataclass(frozen=True, slots=True)
class TaskGain:
    """One task's figure on the test part, trained with the other task and alone.

    ``gain`` is relative, (joint - alone) / alone; ``None`` where ``alone`` is 0.
    """

    figure: str
    joint: float
    alone: float
    gain: float | None


@dataclass(frozen=True, slots=True)
class GradientCosine:
    """The cosine of the tasks' gradients on the shared parameters, epoch by epoch.

    ``mean``, ``first`` and ``last`` are ``None`` for a run that logged none.
    """

    by_epoch: tuple[float, ...]
    mean: float | None
    first: float | None
    last: float | None


@dataclass(frozen=True, slots=True)
class Synergy:
    """Joint training beside the single tasks.

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
    """Work out the synergy."""
    tasks = {
        task: TaskGain(
            figure,
            joint[task],
            alone[task],
            (joint[task] - alone[task]) / alone[task] if alone[task] else None,
        )
        for task, figure in FIGURES.items()
    }
    gains = [task.gain for task in tasks.values()]
    known = [gain for gain in gains if gain is not None]
    some = bool(cosines)
    return Synergy(
        tasks=tasks,
        synergy=fmean(known) if len(known) == len(gains) else None,
        gradient_cosine=GradientCosine(
            by_epoch=tuple(cosines),
            mean=fmean(cosines) if some else None,
            first=cosines[0] if some else None,
            last=cosines[-1] if some else None,
        ),
    )


def task_figures(scores: Mapping[str, Any]) -> dict[str, float]:
    """Take the tasks' figures from one part of a run's ``scores.json``; of those it has."""
    figures = {}
    if (links := scores["links"].get(ALL)) is not None:
        figures[CASCADE] = float(links["rows"][MODEL]["mrr"])
    if scores["rumor"] is not None:
        figures[RUMOR] = float(scores["rumor"]["macro_f1"])
    return figures
