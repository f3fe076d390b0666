"""The metrics that an evaluation reports, and what selects an epoch."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dgljoint._internal.tables import Sheet, Shown

MODEL = "model"
"""The row of a group of targets that the model ranked; the others are trivial guesses."""
ALL = "all"
NOT_SOURCE = "parent is not the source"
WITHOUT_SOURCE = "source left out of the candidates"
"""The groups of targets. The last has those of the second that keep a choice."""

BEST = "best "
"""What the names of rows begin with that are no model's and no guess's: the best possible ones."""

MATCHED = "auc_date_matched"
_RUMOR = {"accuracy": "accuracy", "macro_f1": "macro F1", "auroc": "AUROC"}
_LINKS = {"mrr": "MRR", "hits1": "Hits@1", "hits3": "Hits@3", "hits10": "Hits@10", "auc": "AUC"}
GROUPS = {ALL: "", NOT_SOURCE: "_not_source", WITHOUT_SOURCE: "_without_source"}
"""What the short names of a group's metrics end with, as in ``mrr_without_source``."""
_ADDITIONS = {ALL: "", NOT_SOURCE: ", parent not source", WITHOUT_SOURCE: ", source left out"}
TITLES = {
    **_RUMOR,
    MATCHED: "date-matched AUC",
    **{
        f"{name}{suffix}": f"{title}{_ADDITIONS[group]}"
        for group, suffix in GROUPS.items()
        for name, title in _LINKS.items()
    },
}
"""The printed name of each metric; all are better when higher."""


@dataclass(frozen=True, slots=True)
class ClassPair:
    """How well two classes are distinguished, see :mod:`dgljoint.evaluation.matched`; in [0, 1].

    ``auc`` is over all ``pairs`` of a cascade of the one class and a cascade of the other,
    ``auc_date_matched`` over those that were posted close to one another, ``None`` without any.
    """

    auc_date_matched: float | None
    pairs_date_matched: int
    auc: float
    pairs: int


@dataclass(frozen=True, slots=True)
class RumorScores:
    """Rumor detection over labelled cascades; every metric in [0, 1].

    ``auroc`` is the macro average of one-versus-rest areas over the classes present, ``None`` when
    fewer than two are. ``majority`` is the accuracy of always guessing the commonest class of the
    training set: the trivial guess. ``confusion`` counts cascades by true class, then by the class
    predicted. ``f1`` has the classes that occur or can be predicted, and ``macro_f1`` is their
    mean; a class that no training cascade has is never predicted. ``auc_date_matched`` is the mean
    over the ``class_pairs`` with enough cascades of the same time, ``None`` where there are none.
    ``best`` has metrics by row and short name, of generated cascades whose best scores are known.
    """

    cascades: int
    accuracy: float
    macro_f1: float
    f1: dict[str, float]
    auroc: float | None
    majority: float
    confusion: dict[str, dict[str, int]]
    # runs of earlier versions have neither
    auc_date_matched: float | None = None
    class_pairs: dict[str, ClassPair] = field(default_factory=dict)  # by their names: true|false
    best: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkScores:
    """Ranking of the true parent among all candidates, averaged over targets.

    Ties take the middle rank. ``auc`` is the chance that the parent is scored above another
    candidate of the same target, ties counting half.
    """

    mrr: float
    hits1: float
    hits3: float
    hits10: float
    auc: float


@dataclass(frozen=True, slots=True)
class LinkTable:
    """One group of targets: the scores of the model and of the trivial guesses, by row.

    ``best`` has the best scores of generated cascades, by row, where they are known.
    """

    targets: int
    rows: dict[str, LinkScores]
    best: dict[str, LinkScores] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ViewScores:
    """How alike the two tasks' views are, each averaged over a cascade's observed posts.

    ``cka`` is linear CKA over the cascades, in [0, 1], ``None`` where a view does not vary;
    ``cosine`` the mean cosine of a cascade's two views, in [-1, 1].
    """

    cascades: int
    cka: float | None
    cosine: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """Bootstrap intervals over resampled events.

    ``figures`` has the lower and upper end by metric: ``accuracy``, ``macro_f1``, ``mrr``,
    ``hits1``, and the last two with ``_not_source`` and ``_without_source``; of those that exist.
    """

    level: float  # coverage that is aimed at, as 0.95
    resamples: int
    seed: int
    figures: dict[str, tuple[float, float]]
    # number of those resampled; `None` of an earlier version, which resampled cascades
    events: int | None = None

    @property
    def title(self) -> str:
        """What they are, for a row."""
        return f"{self.level:.0%} interval over {'cascades' if self.events is None else 'events'}"


@dataclass(frozen=True, slots=True)
class Bin:
    """The cascades whose class was predicted with a probability in (``low``, ``high``].

    ``confidence`` is their mean probability, ``accuracy`` the share of correct predictions.
    """

    low: float
    high: float
    cascades: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well probabilities match accuracy; all metrics are better when lower.

    ``nll`` is ``None`` where a cascade is of a class that is never predicted: it is infinite.
    """

    ece: float  # expected calibration error, in [0, 1]
    nll: float | None  # mean negative log-likelihood of the true class, in nats
    brier: float  # mean squared distance to the true class, in [0, 2]
    bins: tuple[Bin, ...]  # of the calibration error, without empty ones


@dataclass(frozen=True, slots=True)
class Calibration:
    """The model's probabilities, raw and with its logits divided by a temperature.

    ``temperature`` is fitted on the validation set; ``None`` where that has no labelled cascade.
    """

    cascades: int
    raw: Reliability
    temperature: float | None
    scaled: Reliability | None


@dataclass(frozen=True, slots=True, repr=False)
class Scores(Shown):
    """The metrics of one set of a split. ``None`` where there was nothing to score.

    ``links`` has the groups of :data:`GROUPS`; each has a row ``model`` and one row per trivial
    guess. ``tasks`` names the trained tasks, which alone are scored; ``views``
    compares the views where both were. ``intervals``, ``calibration`` and ``notes``, on what the
    metrics leave out, are computed for the selected epoch only.
    """

    part: str
    rumor: RumorScores | None
    links: dict[str, LinkTable]
    seconds: float
    views: ViewScores | None = None
    tasks: tuple[str, ...] = ("cascade", "rumor")
    intervals: Intervals | None = None
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    def _sheet(self) -> Sheet:
        from dgljoint.reporting.scores import scores_sheet

        return scores_sheet(self)


@dataclass(frozen=True, slots=True)
class DeadlineScores:
    """Rumor detection on the posts that were visible by one deadline."""

    deadline: str  # as it was given
    seconds: float | None  # since the source, of a time
    posts: int | None  # of a number of posts
    rumor: RumorScores
    intervals: Intervals | None  # of accuracy and macro F1
    posts_mean: float  # visible posts per cascade
    posts_median: float
    beyond_source: float  # share of the cascades with a visible post besides the source


@dataclass(frozen=True, slots=True, repr=False)
class EarlyDetection(Shown):
    """One set by each deadline.

    ``untimed`` cascades have several posts and no times: before the end only the source is visible.
    """

    part: str  # name of the set
    cascades: int  # labelled ones, which are scored
    untimed: int
    deadlines: tuple[DeadlineScores, ...]  # in the order they were given
    seconds: float  # that it took
    notes: tuple[str, ...] = ()  # what the metrics leave out

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    def _sheet(self) -> Sheet:
        from dgljoint.reporting.scores import early_sheet

        return early_sheet(self)


def figures_of(scores: Mapping[str, Any]) -> dict[str, float]:
    """Return the model's metrics by short name, from one set of ``scores.json``."""
    found: dict[str, Any] = {}
    if (rumor := scores["rumor"]) is not None:
        found |= {name: rumor[name] for name in _RUMOR}
        found[MATCHED] = rumor.get(MATCHED)  # which earlier versions did not compute
    for group, suffix in GROUPS.items():
        if (links := scores["links"].get(group)) is not None:
            row = links["rows"][MODEL]
            found |= {f"{name}{suffix}": row[name] for name in _LINKS}
    return {name: float(value) for name, value in found.items() if value is not None}


def rumor_figures(rumor: RumorScores) -> dict[str, float]:
    """Return the metrics of rumor detection by short name, of those that there are."""
    found = {name: getattr(rumor, name) for name in (*_RUMOR, MATCHED)}
    return {name: value for name, value in found.items() if value is not None}


def best_rows(scores: Scores) -> dict[str, dict[str, float]]:
    """Return the best metrics by row and short name, where the data have them."""
    found: dict[str, dict[str, float]] = {}
    if scores.rumor is not None:
        found |= {row: dict(best) for row, best in scores.rumor.best.items()}
    for group, suffix in GROUPS.items():
        for row, best in scores.links[group].best.items() if group in scores.links else ():
            values = {f"{name}{suffix}": value for name, value in asdict(best).items()}
            found[row] = found.get(row, {}) | values
    return found


def selection_score(scores: Scores) -> float:
    """Return the mean of rumor AUROC and link MRR over all targets; of one where one is scored.

    Both are in [0, 1] and neither task is preferred. 0 when there was nothing to score.
    """
    parts = _selecting(scores)
    return sum(parts) / len(parts) if parts else 0.0


def selection_margin(scores: Scores) -> float:
    """Return how far two epochs' :func:`selection_score` may be apart by chance: a standard error.

    That of a macro AUROC over n cascades is about 0.4 / sqrt(n). MRR, over many targets per
    cascade, counts as exact.
    """
    if scores.rumor is None or scores.rumor.auroc is None:
        return 0.0
    return 0.4 / math.sqrt(scores.rumor.cascades) / len(_selecting(scores))


def _selecting(scores: Scores) -> list[float]:
    rumor = None if scores.rumor is None else scores.rumor.auroc
    links = scores.links[ALL].rows[MODEL].mrr if ALL in scores.links else None
    return [part for part in (rumor, links) if part is not None]


def validation_figures(scores: Scores) -> dict[str, float]:
    """Return the metrics of an epoch's log line, by name."""
    found = {"score": selection_score(scores)}
    if scores.rumor is not None:
        found |= {"accuracy": scores.rumor.accuracy, "macro_f1": scores.rumor.macro_f1}
        if scores.rumor.auroc is not None:
            found["auroc"] = scores.rumor.auroc
    if ALL in scores.links:
        row = scores.links[ALL].rows[MODEL]
        found |= {"mrr": row.mrr, "hits1": row.hits1}
    for group in (NOT_SOURCE, WITHOUT_SOURCE):
        if group in scores.links:
            found[f"mrr{GROUPS[group]}"] = scores.links[group].rows[MODEL].mrr
    if scores.views is not None:
        found["view_cosine"] = scores.views.cosine
        if scores.views.cka is not None:
            found["view_cka"] = scores.views.cka
    return found
