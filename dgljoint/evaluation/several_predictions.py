"""The probabilities of several runs, averaged over those that a cascade is unseen by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.loaded_run import Run
from dgljoint.evaluation.predicting import Predictions
from dgljoint.training.parts import NEW, TEST, TRAIN, VALIDATION

if TYPE_CHECKING:
    from dgljoint.evaluation.loaded_run import Observed

# How well a prediction shows what a run can do, by what the run knows the cascade as.
_RANK = {NEW: 2, TEST: 2, VALIDATION: 1, TRAIN: 0}


def predict_by_several(
    runs: Sequence[Run], parts: Sequence[Sequence[str]], store: CascadeStore,
    indices: NDArray[np.int64], observed: Observed,
) -> Predictions:
    """Average what runs predict of cascades, of each over the runs that know it least.

    Args:
        runs: R of them.
        parts: R of the B cascades: what each run knows them as.
        store: where the cascades are.
        indices: (B,) positions in the store.
        observed: as for :meth:`Run.predict`.
    """
    known = np.array(parts, dtype=object).reshape(len(runs), len(indices))
    used = _used(known)
    found = [
        run.predict(store, indices=indices[mine], observed=observed)
        for run, mine in zip(runs, used, strict=True)
    ]
    return _averaged(found, used, known)


def _used(parts: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return (R, B): whether a run predicts a cascade, by what the runs know the cascades as."""
    rank = np.array([[_RANK[part] for part in row] for row in parts]).reshape(parts.shape)
    return np.asarray(rank == rank.max(axis=0, initial=0))


def _averaged(
    found: Sequence[Predictions], used: NDArray[np.bool_], parts: NDArray[np.object_]
) -> Predictions:
    """Average what R runs predict of B cascades.

    Args:
        found: of each run, for the cascades that it is used for.
        used: (R, B) which those are.
        parts: (R, B) what the runs know the cascades as.
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
        part=tuple(TEST if TEST in own else own[0] for own in _parts_used(used, parts)),
        label_names=names,
        classes=found[0].classes,
        probability=_mean_probability(found, places, names, runs),
        label=texts("label"),
        event=texts("event"),
        posts=counts("posts"),
        observed_posts=counts("observed_posts"),
        targets=counts("targets"),
        mrr=_mean_rank(found, places, runs),
        links=None,
        doubts=tuple(dict.fromkeys(doubt for one in found for doubt in one.doubts)),
        runs=runs,
    )


def _parts_used(used: NDArray[np.bool_], parts: NDArray[np.object_]) -> list[list[str]]:
    return [parts[used[:, place], place].tolist() for place in range(used.shape[1])]


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
