"""Several runs as one object: scored each, and their probabilities averaged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dgljoint._internal.tables import Sheet, Shown
from dgljoint.config.arguments import CASCADE_FILE, path_of
from dgljoint.data.store import CascadeStore
from dgljoint.errors import UsageError
from dgljoint.evaluation.loaded_run import Run, positions
from dgljoint.evaluation.predicting import Predictions
from dgljoint.evaluation.several_predictions import predict_by_several
from dgljoint.evaluation.several_scores import SeveralScores, gather_scores, stored_scores
from dgljoint.runs.several import Several, several_runs
from dgljoint.runs.stored import TEST
from dgljoint.training.parts import read_parts
from dgljoint.training.scoring import evaluate_run
from dgljoint.training.transfer import evaluate_transfer

if TYPE_CHECKING:
    from dgljoint.evaluation.loaded_run import Data, Indices, Observed


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
        return gather_scores(
            self._several, part,
            lambda run: evaluate_run(
                run.path, part=part, device=self._device
            ),
        )

    def evaluate_transfer(self, on: Path) -> SeveralScores:
        """Score every run on another cascade file.

        Raises:
            DgljointError: as :func:`dgljoint.evaluate_transfer` would for one of them.
        """
        return gather_scores(
            self._several, TEST,
            lambda run: evaluate_transfer(
                run.path, on, device=self._device
            ).scores,
            f"scored on {on}: each run without the cascades that it knows, EVENTS NOT KEPT "
            "APART",
        )

    def predict(
        self, data: Data = None, *, indices: Indices = None, observed: Observed = None
    ) -> Predictions:
        """Average the probabilities over the runs that a cascade is unseen by.

        A cascade that is new to the runs gets the mean over all of them. One of their own data is
        in the training set of some runs and in the test set of others: it gets the mean over those
        that have it in their test set. Where there is none, it gets that over the runs which
        selected an epoch on it (``part`` is ``validation``), or else were trained on it
        (``train``). ``runs`` says over how many.

        Args:
            data: as for :meth:`Run.predict`, like the others.
            indices: positions of the cascades in it; all by default.
            observed: what the models see of each cascade.

        Raises:
            UsageError: the runs observe different shares and ``observed`` is not given; or as
                :meth:`Run.predict` would.
            DataError: as :meth:`Run.predict` would.
        """
        shares = {run.config.cascade.observed_share for run in self.runs}
        if observed is None and len(shares) > 1:
            raise UsageError(
                f"the runs in {self.path} observe different shares of a cascade: "
                f"{', '.join(map(str, sorted(shares)))}",
                hint="say what is observed: --observed, or observed= in Python",
            )
        place = self.runs[0].config.data if data is None else data
        store = (
            place if isinstance(place, CascadeStore)
            else CascadeStore(path_of(place, "data", CASCADE_FILE))
        )
        chosen = positions(store, indices)
        known = [read_parts(run).of(store, chosen) for run in self._several.runs]
        return predict_by_several(self.runs, known, store, chosen, observed)
