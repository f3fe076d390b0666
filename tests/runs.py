"""Whole small runs, and whether two of them are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from dgljoint.data.store import CascadeStore
from dgljoint.training import Callback, RunResult, resolve_run, train
from dgljoint.training.checkpoint import load_tree
from toys import toy_config


class StopAfter(Callback):
    """Presses Ctrl-C after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        self.left -= 1
        if self.left == 0:
            import signal

            signal.raise_signal(signal.SIGINT)


def run(
    store: CascadeStore, out: Path, *assignments: str, callback: Callback | None = None,
    resume: bool = False, force: bool = False, **fields: Any,
) -> RunResult:
    config = toy_config(store, *assignments, **fields)
    return train(
        resolve_run(config), out, callbacks=(callback,) if callback else (),
        resume=resume, force=force,
    )


def metrics(out: Path) -> list[dict[str, Any]]:
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def assert_same_tree(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            if key != "seconds":
                assert_same_tree(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same_tree(one, other)
    elif isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    else:
        assert left == right


def assert_same_run(one: Path, other: Path) -> None:
    assert metrics(one) == metrics(other)
    for name in ("last", "best"):
        file = f"checkpoints/{name}.safetensors"
        assert_same_tree(load_tree(one / file), load_tree(other / file))
    tables = [(out / "predictions.csv").read_bytes() for out in (one, other)]
    assert tables[0] == tables[1]
    scores = [json.loads((out / "scores.json").read_text()) for out in (one, other)]
    for part in ("validation", "test"):
        first, second = (dict(score[part], seconds=0) for score in scores)
        assert first == second
