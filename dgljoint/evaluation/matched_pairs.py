"""The date-matched AUC by two classes: averaged, recorded, and pooled over runs, without arrays."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from dgljoint.evaluation.scores import ClassPair

DAYS = 30
"""Two cascades posted at most so far apart are of the same time."""
LEAST_PAIRS = 200
"""Two classes with fewer pairs of cascades of the same time are left out of the mean."""

_AUC, _PAIRS = "auc_date_matched:", "pairs_date_matched:"


def date_matched(pairs: Mapping[str, ClassPair]) -> float | None:
    """Return the date-matched AUC, the mean over class pairs; ``None`` where none has enough."""
    return pooled([pair_figures(pairs)])


def pair_figures(pairs: Mapping[str, ClassPair]) -> dict[str, float]:
    """Return what :func:`pooled` needs of a run, by name."""
    found: dict[str, float] = {}
    for name, pair in pairs.items():
        if pair.auc_date_matched is not None:
            found[_AUC + name] = pair.auc_date_matched
            found[_PAIRS + name] = float(pair.pairs_date_matched)
    return found


def pooled(runs: Iterable[Mapping[str, float]]) -> float | None:
    """Return the date-matched AUC over the pairs of several test sets together.

    Both cascades of a pair are of one test set: the probabilities of two models do not compare.
    ``runs`` are the figures of a run each, those of :func:`pair_figures` among them.
    """
    won: defaultdict[str, float] = defaultdict(float)
    pairs: defaultdict[str, float] = defaultdict(float)
    for figures in runs:
        for name, count in figures.items():
            if name.startswith(_PAIRS):
                classes = name.removeprefix(_PAIRS)
                pairs[classes] += count
                won[classes] += count * figures[_AUC + classes]
    areas = [won[name] / count for name, count in pairs.items() if count >= LEAST_PAIRS]
    return fmean(areas) if areas else None
