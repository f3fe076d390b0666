"""A run as TensorBoard shows it: the only place that needs the extra ``tensorboard``."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dgljoint._internal.files import writing
from dgljoint.errors import UsageError, install_hint
from dgljoint.training.callbacks import Callback, EpochRecord

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard(Callback):
    """Writes metrics for ``tensorboard --logdir FOLDER``.

    The raw losses of every step go to ``FOLDER/steps``, as ``step_loss/NAME`` by the number of the
    step in the run; the lines of ``metrics.jsonl`` go to ``FOLDER/epochs`` by the epoch, as
    ``loss/NAME``, ``weight/NAME``, ``validation/NAME``, ``diagnostics/NAME`` and
    ``training/{learning_rate,gradient_norm,seconds}``. Where a run is resumed, or started over in
    the same folder, the points after that moment are withdrawn, so that none is shown twice.

    Used as a context it writes the last steps even of a run that fails::

        with dgljoint.TensorBoard("runs/tensorboard") as board:
            dgljoint.train("twitter15.h5", callbacks=[board])

    Args:
        folder: made when training starts.

    Raises:
        UsageError: the extra is not installed, or ``folder`` is a file.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise UsageError("TensorBoard is not installed", hint=install_hint("tensorboard"))
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(
                f"{self.folder} is a file, and TensorBoard needs a folder",
                hint="name one: --tensorboard=DIR, or --tensorboard alone for one in the run",
            )
        self._epochs: SummaryWriter | None = None
        self._steps: SummaryWriter | None = None
        self._steps_per_epoch = 0
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Withdraw the epochs that follow."""
        self.close()
        self._steps_per_epoch = steps
        self._epochs = self._writer("epochs", resumed_from + 1)

    def step(self, epoch: int, step: int, losses: dict[str, float]) -> None:
        """Write the losses."""
        if self._steps is None:
            # Only the first step shows where in its epoch a run is resumed. With a bound on posts
            # epochs differ in their number of steps, so from there on they are counted.
            self._number = (epoch - 1) * self._steps_per_epoch + step
            self._steps = self._writer("steps", self._number)
        else:
            self._number += 1
        self._write(self._steps, {"step_loss": losses}, self._number)

    def epoch(self, record: EpochRecord) -> None:
        """Write the epoch's metrics, and everything before to the disk."""
        if self._epochs is None:
            return
        training = {
            name: getattr(record, name) for name in ("learning_rate", "gradient_norm", "seconds")
        }
        groups = {
            "loss": record.losses, "weight": record.weights, "validation": record.validation,
            "diagnostics": record.diagnostics, "training": training,
        }
        self._write(self._epochs, groups, record.epoch)
        with writing(self.folder):
            for writer in filter(None, (self._epochs, self._steps)):
                writer.flush()

    def close(self) -> None:
        """Write everything to the disk and close the files."""
        with writing(self.folder):
            for writer in filter(None, (self._epochs, self._steps)):
                writer.close()
        self._epochs = self._steps = None

    def _writer(self, name: str, purge_step: int) -> SummaryWriter:
        from torch.utils.tensorboard import SummaryWriter

        with writing(self.folder):
            return SummaryWriter(str(self.folder / name), purge_step=purge_step)

    def _write(
        self, writer: SummaryWriter, groups: Mapping[str, Mapping[str, float]], number: int
    ) -> None:
        with writing(self.folder):
            for group, values in groups.items():
                for name, value in values.items():
                    writer.add_scalar(f"{group}/{name}", value, number)
