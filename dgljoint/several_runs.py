"""Several runs as one object: each of them scored again."""

from __future__ import annotations

from pathlib import Path

from dgljoint.loaded_run import Run
from dgljoint.plugins.registry import installed_registry
from dgljoint.runs.several import Several, several_runs
from dgljoint.runs.stored import TEST
from dgljoint.several_scores import SeveralScores, gather_scores, stored_scores
from dgljoint.showing.tables import Sheet, Shown
from dgljoint.training.scoring import evaluate_run
from dgljoint.training.transfer import evaluate_transfer


class Runs(Shown):
    """The finished runs below a folder, of the same tasks, classes, features and data.

    Attributes:
        path: of the folder.
        runs: each of them, by fold and seed.

    Raises:
        DataError: there are none, or one cannot be read.
        UsageError: they do not belong together.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        self.path = path
        self._device = device
        self._several: Several = several_runs(path)
        self.runs = tuple(Run(run.path, device) for run in self._several.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def _sheet(self) -> Sheet:
        return stored_scores(self._several)._sheet()

    def scores(self) -> SeveralScores:
        """Read the scores on the test set that the runs ended with."""
        return stored_scores(self._several)

    def evaluate(self, part: str = TEST) -> SeveralScores:
        """Score every run again on its test or validation set.

        Raises:
            DgljointError: as :func:`dgljoint.evaluate` would for one of them.
        """
        registry = installed_registry()
        return gather_scores(
            self._several, part,
            lambda run: evaluate_run(
                run.path, registry=registry, part=part, device=self._device
            ),
        )

    def evaluate_transfer(self, on: Path) -> SeveralScores:
        """Score every run on another cascade file.

        Raises:
            DgljointError: as :func:`dgljoint.evaluate_transfer` would for one of them.
        """
        registry = installed_registry()
        return gather_scores(
            self._several, TEST,
            lambda run: evaluate_transfer(
                run.path, on, registry=registry, device=self._device
            ).scores,
            f"scored on {on}: each run without the cascades that it knows, EVENTS NOT KEPT "
            "APART",
        )
