"""What runs in the process of a cell; :mod:`dgljoint.training.cells` starts it.

    python -m dgljoint.training.cell_process FOLDER start|resume DEVICE CONFIG

Tells of epochs, and of the error it ends with; see :mod:`dgljoint._internal.child_process`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dgljoint._internal.child_process import Report, as_child
from dgljoint.config.options import parse_options
from dgljoint.config.run_config import RunConfig
from dgljoint.training.callbacks import Callback, EpochRecord
from dgljoint.training.inputs import resolve_run
from dgljoint.training.run import train


def main(arguments: Sequence[str]) -> int:
    """Train a cell; return the exit code."""
    folder, how, device, config = arguments

    def work(report: Report) -> None:
        resolved = parse_options(RunConfig, json.loads(config), "configuration")
        train(
            resolve_run(resolved), Path(folder),
            callbacks=(_Reporting(report),),
            resume=how == "resume",
            # What a run left that did not get to its first checkpoint is no loss.
            force=how == "start",
            device=device,
        )

    return as_child(work)


class _Reporting(Callback):
    """Tells of the epochs."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._epochs = 0

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Tell where the run stands."""
        self._epochs = epochs
        self._epoch_ended(resumed_from, None)

    def epoch(self, record: EpochRecord) -> None:
        """Tell that an epoch ended."""
        self._epoch_ended(record.epoch, record.validation.get("score"))

    def _epoch_ended(self, epoch: int, score: float | None) -> None:
        self._report({"event": "epoch", "epoch": epoch, "epochs": self._epochs, "score": score})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
