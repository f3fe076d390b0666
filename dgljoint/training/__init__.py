"""Training: one loop for every combination of components, and the run folder it leaves."""

from dgljoint.training.plan import Plan
from dgljoint.training.progress import EpochRecord, Progress
from dgljoint.training.run import RunResult, evaluate_run, plan_run, train

__all__ = [
    "EpochRecord",
    "Plan",
    "Progress",
    "RunResult",
    "evaluate_run",
    "plan_run",
    "train",
]
