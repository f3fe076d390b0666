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
    "Callback": "dgljoint.training.callbacks",
    "EpochRecord": "dgljoint.training.callbacks",
    "Plan": "dgljoint.training.run_plan",
    "RunInputs": "dgljoint.training.inputs",
    "RunResult": "dgljoint.training.run",
    "StopTraining": "dgljoint.training.callbacks",
    "Transfer": "dgljoint.training.transfer",
    "evaluate_early": "dgljoint.training.scoring",
    "evaluate_run": "dgljoint.training.scoring",
    "evaluate_transfer": "dgljoint.training.transfer",
    "evaluate_transfer_early": "dgljoint.training.transfer",
    "plan_run": "dgljoint.training.run_plan",
    "resolve_run": "dgljoint.training.inputs",
    "train": "dgljoint.training.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'dgljoint.training' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


__all__ = [
    "Callback",
    "EpochRecord",
    "Plan",
    "RunInputs",
    "RunResult",
    "StopTraining",
    "Transfer",
    "evaluate_early",
    "evaluate_run",
    "evaluate_transfer",
    "evaluate_transfer_early",
    "plan_run",
    "resolve_run",
    "train",
]
