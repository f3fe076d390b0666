"""Training: one loop for every combination of components, and the run folder it leaves."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint.training.callbacks import Callback, EpochRecord, StopTraining
    from dgljoint.training.inputs import RunInputs, resolve_run
    from dgljoint.training.run import Plan, RunResult, plan_run, train
    from dgljoint.training.scoring import (
        Transfer,
        evaluate_early,
        evaluate_run,
        evaluate_transfer,
        evaluate_transfer_early,
    )

# Loaded on first use: a callback must not wait for torch.
_NAMES = {
    "callbacks": ("Callback", "EpochRecord", "StopTraining"),
    "inputs": ("RunInputs", "resolve_run"),
    "run": ("Plan", "RunResult", "plan_run", "train"),
    "scoring": (
        "Transfer", "evaluate_early", "evaluate_run", "evaluate_transfer",
        "evaluate_transfer_early",
    ),
}


def __getattr__(name: str) -> object:
    for module, names in _NAMES.items():
        if name in names:
            return getattr(import_module(f"dgljoint.training.{module}"), name)
    raise AttributeError(f"module 'dgljoint.training' has no attribute '{name}'")


__all__ = [
    "Callback", "EpochRecord", "Plan", "RunInputs", "RunResult", "StopTraining", "Transfer",
    "evaluate_early", "evaluate_run", "evaluate_transfer", "evaluate_transfer_early", "plan_run",
    "resolve_run", "train",
]
