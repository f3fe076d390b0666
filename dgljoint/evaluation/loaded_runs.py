"""Finished runs that belong together: their scores, and means over their predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.tables import Sheet, Shown
from dgljoint.errors import UsageError
from dgljoint.evaluation.loaded_run import Run, opened, positions
from dgljoint.evaluation.predicting import Predictions
from dgljoint.runs import several
from dgljoint.runs.stored import NOT_APART, TEST
from dgljoint.training.parts import NEW, TRAIN, VALIDATION, read_parts
from dgljoint.training.scoring import evaluate_run, evaluate_together, evaluate_transfer

if TYPE_CHECKING:
    from dgljoint.evaluation.loaded_run import Data, Indices, Observed

# How well a prediction shows what a run can do, by what the run knows the cascade as.
_RANK = {NEW: 2, TEST: 2, VALIDATION: 1, TRAIN: 0}


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
        self._several = several.several_runs(path)
        self.runs = tuple(Run(run.path, device) for run in self._several.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def _sheet(self) -> Sheet:
        return several.stored_scores(self._several)._sheet()

    def scores(self) -> several.SeveralScores:
        """Read the scores on the test set that the runs ended with."""
        return several.stored_scores(self._several)

    def evaluate(self, part: str = TEST) -> several.SeveralScores:
        """Score every run again on its test or validation set.

        Raises:
            DgljointError: as :func:`dgljoint.evaluate` would for one of them.
        """
        return several.gather_scores(
            self._several, part,
            lambda run: evaluate_run(run.path, part=part, device=self._device),
        )

    def evaluate_together(self) -> several.SeveralScores:
        """Score the runs of each fold as one predictor of classes, on the test set they share.

        Its probabilities are the mean of theirs. Links are not scored.

        Raises:
            UsageError: the runs did not train the rumor task.
            DgljointError: as :func:`dgljoint.evaluate` would for one of them.
        """
        return several.gather_folds(
            self._several, lambda paths: evaluate_together(paths, device=self._device)
        )

    def evaluate_transfer(self, on: Path) -> several.SeveralScores:
        """Score every run on another cascade file.

        Raises:
            DgljointError: as :func:`dgljoint.evaluate_transfer` would for one of them.
        """
        return several.gather_scores(
            self._several, TEST,
            lambda run: evaluate_transfer(run.path, on, device=self._device).scores,
            f"scored on {on}: each run without the cascades that it knows, {NOT_APART}",
        )

    def predict(
        self, data: Data = None, *, indices: Indices = None, observed: Observed = None
    ) -> Predictions:
        """Average the probabilities over the runs that a cascade is unseen by.

        A cascade that is new to the runs gets the mean over all of them. One of their own data is
        in the training set of some runs and in the test set of others: it gets the mean over those
        that have it in their test set. Where there is none, it gets that over the runs which
        selected an epoch on it (``part`` is ``validation``), or else were trained on it
        (``train``). ``runs`` is their number.

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
                hint="set what is observed: --observed, or observed= in Python",
            )
        store = opened(self.runs[0].config.data if data is None else data)
        chosen = positions(store, indices)
        parts = [read_parts(run).of(store, chosen) for run in self._several.runs]
        # (R, B): what each run knows a cascade as, and whether it predicts it
        known = np.array(parts, dtype=object).reshape(len(self), len(chosen))
        rank = np.array([[_RANK[part] for part in row] for row in known]).reshape(known.shape)
        used = np.asarray(rank == rank.max(axis=0, initial=0))
        found = [
            run.predict(store, indices=chosen[mine], observed=observed)
            for run, mine in zip(self.runs, used, strict=True)
        ]
        return _averaged(found, used, known)


def _averaged(
    found: Sequence[Predictions], used: NDArray[np.bool_], parts: NDArray[np.object_]
) -> Predictions:
    """Average what R runs predict of B cascades.

    Each of ``found`` is for the cascades that ``used`` (R, B) shows; ``parts`` is (R, B).
    """
    cascades = used.shape[1]
    runs = used.sum(axis=0)
    predicted = {name for one in found for name in one.label_names}
    names = tuple(name for name in found[0].classes if name in predicted)
    places = [np.flatnonzero(mine) for mine in used]

    def texts(column: str) -> tuple[Any, ...]:
        values: dict[int, Any] = {}
        for one, where in zip(found, places, strict=True):
            values.update(zip(where.tolist(), getattr(one, column), strict=True))
        return tuple(values[place] for place in range(cascades))

    def counts(column: str) -> NDArray[np.int64]:
        return np.array(texts(column), dtype=np.int64)

    return Predictions(
        ids=texts("ids"),
        part=tuple(
            TEST if TEST in own else own[0]
            for own in (parts[used[:, n], n].tolist() for n in range(cascades))
        ),
        label_names=names, classes=found[0].classes,
        probability=_mean_probability(found, places, names, runs), label=texts("label"),
        event=texts("event"), posts=counts("posts"), observed_posts=counts("observed_posts"),
        targets=counts("targets"), mrr=_mean_rank(found, places, runs), links=None,
        doubts=tuple(dict.fromkeys(doubt for one in found for doubt in one.doubts)),
        runs=runs,
    )


def _mean_probability(
    found: Sequence[Predictions], places: Sequence[NDArray[np.int64]], names: tuple[str, ...],
    runs: NDArray[np.int64],
) -> NDArray[np.float64] | None:
    """Return (B, C); a class that a run never predicts has probability 0 in it."""
    total = np.zeros((len(runs), len(names)))
    for one, where in zip(found, places, strict=True):
        if one.probability is None:
            return None
        columns = np.array([names.index(name) for name in one.label_names], dtype=np.int64)
        total[np.ix_(where, columns)] += one.probability
    return total / runs[:, None]


def _mean_rank(
    found: Sequence[Predictions], places: Sequence[NDArray[np.int64]], runs: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    total = np.zeros(len(runs))
    for one, where in zip(found, places, strict=True):
        if one.mrr is None:
            return None
        total[where] += one.mrr
    return total / runs
