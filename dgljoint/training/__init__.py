"""Training: one loop for every combination of components, and the run folder it leaves."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint.training.callbacks import Callback, EpochRecord, StopTraining
    from dgljoint.training.inputs import RunInputs, resolve_run
    from dgljoint.training.run import RunResult, train
    from dgljoint.training.run_plan import Plan, plan_run
    from dgljoint.training.scoring import evaluate_early, evaluate_run
    from dgljoint.training.transfer import Transfer, evaluate_transfer, evaluate_transfer_early

# Loaded on first use: a callback must not wait for torch.
_HOME = {
    name: f"dgljoint.training.{module}"
    for module, names in {
        "callbacks": ("Callback", "EpochRecord", "StopTraining"),
        "inputs": ("RunInputs", "resolve_run"),
        "run": ("RunResult", "train"),
        "run_plan": ("Plan", "plan_run"),
        "scoring": ("evaluate_early", "evaluate_run"),
        "transfer": ("Transfer", "evaluate_transfer", "evaluate_transfer_early"),
    }.items()
    for name in names
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'dgljoint.training' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


__all__ = [
    "Callback", "EpochRecord", "Plan", "RunInputs", "RunResult", "StopTraining", "Transfer",
    "evaluate_early", "evaluate_run", "evaluate_transfer", "evaluate_transfer_early", "plan_run",
    "resolve_run", "train",
]
