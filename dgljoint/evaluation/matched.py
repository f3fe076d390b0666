"""How well classes are distinguished among cascades posted at about the same time.

The classes of these data sets were collected in different months. Whoever knows the month of a
cascade knows much of its class, also where events are kept apart. Cascades that were posted close
to one another share the month: only what differs between them distinguishes their classes.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dgljoint.evaluation.matched_pairs import DAYS
from dgljoint.evaluation.scores import ClassPair

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

_WINDOW = DAYS * 86_400
_ROWS = 512  # of a block: with 10,000 cascades of the other class 5 million comparisons


def class_pairs(
    log_probability: Floats, label: Index, posted_at: Index, names: Sequence[str]
) -> dict[str, ClassPair]:
    """Compare the cascades of every two classes that occur, by the ratio of the two probabilities.

    A pair of cascades, one of class a and one of class b, is won where p_a / p_b of the first is
    larger than that of the second; a tie counts half. Returned by the names of the classes, with
    ``|`` between them.

    Shapes: ``log_probability`` (B, C), up to a constant of each row, so logits are as good;
    ``label`` (B,), at least 0; ``posted_at`` (B,) in seconds, 0 for an unknown date: such a
    cascade is of the time of no other.
    """
    found = {}
    for a, b in combinations(np.unique(label).tolist(), 2):
        one, other = label == a, label == b
        with np.errstate(invalid="ignore"):
            ratio = log_probability[:, a] - log_probability[:, b]
        ratio[np.isnan(ratio)] = 0.0  # neither class is ever predicted: nothing distinguishes them
        dated = posted_at != 0
        won, pairs = _close_pairs(ratio, posted_at, one & dated, other & dated)
        found[f"{names[a]}|{names[b]}"] = ClassPair(
            auc_date_matched=won / pairs if pairs else None, pairs_date_matched=pairs,
            auc=area(ratio[one], ratio[other]), pairs=int(one.sum()) * int(other.sum()),
        )
    return found


def _close_pairs(
    ratio: Floats, posted_at: Index, one: NDArray[np.bool_], other: NDArray[np.bool_]
) -> tuple[float, int]:
    """Return how many pairs posted close to one another are won, and how many there are."""
    first, second = (
        places[np.argsort(posted_at[places], kind="stable")]
        for places in (np.flatnonzero(one), np.flatnonzero(other))
    )
    won, pairs = 0.0, 0
    for start in range(0, len(first), _ROWS):
        rows = first[start : start + _ROWS, np.newaxis]
        ends = posted_at[rows[[0, -1], 0]] + [-_WINDOW, _WINDOW]
        low = np.searchsorted(posted_at[second], ends[0], "left")
        high = np.searchsorted(posted_at[second], ends[1], "right")
        columns = second[low:high]
        close = np.abs(posted_at[rows] - posted_at[columns]) <= _WINDOW
        pairs += int(close.sum())
        won += float((close & (ratio[rows] > ratio[columns])).sum())
        won += float((close & (ratio[rows] == ratio[columns])).sum()) / 2
    return won, pairs


def area(higher: Floats, lower: Floats) -> float:
    """Return the share of pairs in which one of ``higher`` is above one of ``lower``; ties half.

    Not scikit-learn's: its import takes as long as that of torch.
    """
    rank = np.sort(lower)
    below, upto = (np.searchsorted(rank, higher, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(rank))
